"""Archives: what can be done with them, and who may do what at the same time.

`save` is the first half of the promise that nothing is lost: only a `Proof` lets a machine be
destroyed, and it says that every file was read back from the place and hashed on the machine after
that, with no change in between. How one is saved is in `archive_save.py`, restored in
`archive_restore.py`, and how the place is kept tidy in `archive_keep.py`. Every step may be done
again after a crash; a run has a row before its first byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from dataclasses import replace
from datetime import datetime

from bot.domain.archive_costs import BY_OWNER, Caps, Estimate
from bot.domain.archives import (
    Archive,
    ArchiveId,
    ArchiveState,
    Failure,
    Manifest,
    Member,
    Part,
    Progress,
    Proof,
    Restored,
    Trouble,
)
from bot.domain.rentals import Rental, RentalId
from bot.domain.retention import expiries
from bot.domain.trees import PART_BYTES, PART_ENTRIES
from bot.errors import Busy, Damaged, LacksTools, Machine, NoArchive, NotFound, Place
from bot.ports.archives import ArchiveBooks, Unsaved, Vault, Workspaces
from bot.ports.clock import Clock
from bot.ports.machines import Shell
from bot.ports.vitals import Observer
from bot.services.archive_keep import Keeper
from bot.services.archive_restore import Restore
from bot.services.archive_run import Tell, changed
from bot.services.archive_save import Saving

log = logging.getLogger(__name__)


def _as_archived(member: Member, part: Part, manifest: Manifest) -> bool:
    stored = manifest.stored.get(member.path)
    return stored is not None and stored.part == part.id and stored.sha256 == member.sha256


def _silent(progress: Progress) -> None:
    pass


class Archives:
    """All archives of this installation. One process works on them (the lease sees to that)."""

    def __init__(
        self,
        *,
        books: ArchiveBooks,
        vault: Vault,
        workspaces: Workspaces,
        clock: Clock,
        outputs: Unsaved | None = None,
        part_bytes: int = PART_BYTES,
        part_entries: int = PART_ENTRIES,
        observer: Observer | None = None,
    ) -> None:
        self._outputs = outputs
        self._observer = observer
        self._books = books
        self._vault = vault
        self._workspaces = workspaces
        self._clock = clock
        self._keeper = Keeper(books=books, vault=vault, clock=clock)
        self._part_bytes = part_bytes
        self._part_entries = part_entries
        self._saving: set[RentalId] = set()
        self._reading: list[ArchiveId] = []  # once for each reader
        self._choosing = asyncio.Lock()  # between finding an archive and reading or deleting it

    async def save(
        self,
        rental: Rental,
        shell: Shell,
        *,
        root: str = "",
        caps: Caps = BY_OWNER,
        tell: Tell = _silent,
        partial: bool = False,
    ) -> Proof | Failure:
        """Archive a rental's workspace and prove it; a run that was broken off is continued.

        With `partial`, files that keep changing are left out and the proof says so
        (`loses_work`): better than nothing where nothing is destroyed upon it.

        A `Failure` leaves the machine as it is and what was sent in the place. Raises Busy while
        another save of the same rental is under way, Store when the books are away.
        """
        began = self._clock.now()
        result = await self._attempt(rental, shell, root, caps, tell, partial=partial)
        if self._observer is not None:
            outcome = result.trouble.value if isinstance(result, Failure) else "proven"
            self._observer.archived(outcome, self._clock.now() - began)
        return result

    async def _attempt(
        self, rental: Rental, shell: Shell, root: str, caps: Caps, tell: Tell, *, partial: bool
    ) -> Proof | Failure:
        try:
            async with self._saves(rental, shell, root, tell) as saving:
                unwritten = await self._outputs.flush(rental.id) if self._outputs else ""
                result = await saving.save(caps, partial=partial)
                return replace(result, unwritten=unwritten) if unwritten else result
        except LacksTools as error:
            return Failure(trouble=Trouble.NO_TOOLS, words=error.public)
        except Machine as error:
            log.warning("archiving %s stopped at the machine: %s", rental.id, error)
            return Failure(trouble=Trouble.MACHINE, words=error.public)
        except Place as error:
            log.error("archiving %s stopped at the archive store: %s", rental.id, error)
            return Failure(trouble=Trouble.PLACE, words=error.public)

    async def estimate(self, rental: Rental, shell: Shell, *, root: str = "") -> Estimate:
        """What saving would take now. Raises Busy, LacksTools and what the ports raise."""
        async with self._saves(rental, shell, root, _silent) as saving:
            return await saving.estimate()

    async def restore(
        self,
        archive_id: ArchiveId,
        shell: Shell,
        *,
        root: str = "",
        overwrite: bool = False,
        instead_of: ArchiveId | None = None,
        tell: Tell = _silent,
    ) -> Restored:
        """Restore onto a machine and compare it with the manifest.

        May be repeated after it broke off, with `overwrite`. `instead_of` is the archive it was
        restored from before: what only that one had is taken away. Raises NotFound, Refused (files
        in the way), DiskFull, RestoreFailed, LacksTools, Unreachable, and Place errors.
        """
        async with self._reads(archive_id):
            restore = Restore(
                manifest=await self._vault.manifest(archive_id),
                shell=shell,
                toolbox=await self._workspaces.look(shell, root),
                workspaces=self._workspaces,
                vault=self._vault,
                tell=tell,
                before=await self._before(instead_of),
            )
            restored = await restore.run(overwrite=overwrite)
        log.info("restored %s: %s entries", archive_id, restored.entries)
        return restored

    async def changed(self, archive_id: ArchiveId, shell: Shell) -> list[str]:
        """The names of what is not on a machine any more as it was archived from it, or new there.

        Raises NotFound, LacksTools, Unreachable, and Place errors.
        """
        async with self._reads(archive_id):
            manifest = await self._vault.manifest(archive_id)
            return await changed(manifest, shell, self._workspaces)

    async def saved(
        self, *, guild_id: int | None = None, owner_id: int | None = None
    ) -> list[Archive]:
        """Those that can be restored, newest first."""
        found = await self._books.archives(guild_id=guild_id, owner_id=owner_id)
        return [archive for archive in found if archive.restorable]

    async def contents(self, archive_id: ArchiveId) -> Manifest:
        """The manifest: every name, and what is not in the archive. Raises NotFound, Place."""
        async with self._reads(archive_id):
            return await self._vault.manifest(archive_id)

    async def download(
        self, archive_id: ArchiveId, paths: Collection[bytes] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The archive, or these paths of it, as one plain tar stream, for any `tar`.

        Damage is raised before the stream's end, so that a short download is never a whole one.
        """
        async with self._reads(archive_id):
            manifest = await self._vault.manifest(archive_id)
            async with contextlib.aclosing(self._vault.tar(manifest, paths)) as pieces:
                async for piece in pieces:
                    yield piece

    async def file(self, archive_id: ArchiveId, path: bytes) -> AsyncGenerator[bytes, None]:
        """The content of one file. Raises NotFound, Place errors."""
        async with self._reads(archive_id):
            manifest = await self._vault.manifest(archive_id)
            async with contextlib.aclosing(self._vault.file(manifest, path)) as pieces:
                async for piece in pieces:
                    yield piece

    async def check(self, archive_id: ArchiveId) -> None:
        """Read a whole archive and compare it with its manifest. Raises Damaged, Foreign."""
        async with self._reads(archive_id):
            manifest = await self._vault.manifest(archive_id)
            left = len(manifest.stored)
            for part in manifest.parts.values():
                members = await self._vault.members(part)
                left -= sum(1 for member in members if _as_archived(member, part, manifest))
        if left:
            raise Damaged(f"{archive_id}: {left} entries are not as archived")

    async def delete(self, archive_id: ArchiveId) -> None:
        """Delete an archive; parts that others name stay. Repeatable; a place away is no error.

        Raises NotFound, and Busy while it is read or written, or a save builds on it.
        """
        async with self._choosing:
            await self._strike(archive_id)
        log.info("deleted archive %s", archive_id)
        try:
            await self._vault.revoke(archive_id)
            await self.tidy()
        except Place as error:  # it is deleted: what is left of it goes with a later round
            log.warning("what archive %s leaves was not freed yet: %s", archive_id, error)

    async def expire(self, ends: Mapping[ArchiveId, datetime] | None = None) -> list[Archive]:
        """Delete the archives whose time is over; returns them. What has no end stays."""
        archives = await self._books.archives()
        ends = expiries(archives) if ends is None else ends
        now = self._clock.now()
        gone: list[Archive] = []
        for archive in archives:
            if archive.restorable and archive.id in ends and ends[archive.id] <= now:
                with contextlib.suppress(Busy):
                    await self.delete(archive.id)
                    gone.append(archive)
        return gone

    async def tidy(self) -> int:
        """Free what no archive names: of deleted archives at once, of dead runs after a while.

        Returns how many parts were freed. Raises Place errors; then nothing was freed.
        """
        return await self._keeper.tidy(saving=self._saving)

    @contextlib.asynccontextmanager
    async def _saves(
        self, rental: Rental, shell: Shell, root: str, tell: Tell
    ) -> AsyncIterator[Saving]:
        """One save of a rental at a time; what it builds on is not deleted meanwhile."""
        if rental.id in self._saving:
            raise Busy(f"{rental.id} is being archived already")
        self._saving.add(rental.id)
        parent: Archive | None = None
        try:
            async with self._choosing:
                running, parent = await self._keeper.past(rental.id)
                if parent is None and rental.restored_at is not None:
                    parent = await self._restored_from(rental)
                if parent is not None:
                    self._reading.append(parent.id)
            yield Saving(
                rental=rental,
                shell=shell,
                root=root,
                running=running,
                parent=parent,
                books=self._books,
                vault=self._vault,
                workspaces=self._workspaces,
                clock=self._clock,
                tell=tell,
                part_bytes=self._part_bytes,
                part_entries=self._part_entries,
            )
        finally:
            self._saving.discard(rental.id)
            if parent is not None and parent.id in self._reading:
                self._reading.remove(parent.id)

    async def _restored_from(self, rental: Rental) -> Archive | None:
        """What lies on a restored machine need not be sent again, only proven."""
        if rental.restore_id is None:
            return None
        archive = await self._books.archive(ArchiveId(rental.restore_id))
        return archive if archive is not None and archive.restorable else None

    @contextlib.asynccontextmanager
    async def _reads(self, archive_id: ArchiveId) -> AsyncIterator[None]:
        """Keep an archive from being deleted. Raises NotFound unless it can be restored."""
        async with self._choosing:
            archive = await self._books.archive(archive_id)
            if archive is None or not archive.restorable:
                raise NoArchive(f"no archive {archive_id}")
            self._reading.append(archive_id)
        try:
            yield
        finally:
            self._reading.remove(archive_id)

    async def _before(self, archive_id: ArchiveId | None) -> Manifest | None:
        """The manifest of an earlier archive; None where it is gone: then nothing is taken away."""
        if archive_id is None:
            return None
        try:
            return await self.contents(archive_id)
        except (NotFound, Damaged):
            return None

    async def _strike(self, archive_id: ArchiveId) -> None:
        """Say in the books that an archive is deleted."""
        archive = await self._books.archive(archive_id)
        if archive is None:
            raise NoArchive(f"no archive {archive_id}")
        if archive_id in self._reading:
            raise Busy(f"archive {archive_id} is in use")
        if archive.state is ArchiveState.RUNNING:
            if archive.rental_id in self._saving:
                raise Busy(f"archive {archive_id} is being written")
            archive = replace(archive, state=ArchiveState.FAILED)
            await self._books.keep_archive(archive)
        await self._books.keep_archive(replace(archive, state=ArchiveState.DELETED))
