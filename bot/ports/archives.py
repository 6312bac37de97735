"""Saved workspaces: the machine's side, the place where they lie, their rows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.archives import (
    Archive,
    ArchiveId,
    Chosen,
    Hashed,
    Manifest,
    Member,
    Outside,
    Part,
    PartId,
    Stored,
)
from bot.domain.packed import Packed
from bot.domain.rentals import RentalId
from bot.domain.trees import Entry as FileEntry
from bot.domain.trees import Scan
from bot.ports.machines import Shell


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What a machine offers for archiving."""

    codec: str  # `zst`, or `gz` where zstd is missing
    versions: str
    free_bytes: int  # on the disk of the workspace
    root: str  # the workspace, absolute


class Workspaces(Protocol):
    """The machine's side of an archive: looks, reads and writes through a shell, leaves nothing."""

    async def look(self, shell: Shell, root: str = "") -> Toolbox:
        """What is there; without a root, the folder that the notebook shows.

        Raises LacksTools with the names of what is missing.
        """
        ...

    async def scan(self, shell: Shell, root: str) -> Scan:
        """Everything below the workspace, without following links."""
        ...

    async def rules(self, shell: Shell, root: str) -> str:
        """The text of `.archiveignore`; empty where there is none."""
        ...

    async def choose(self, scan: Scan, text: str) -> Chosen:
        """Divide a scan into what is archived and what the defaults and these rules leave out."""
        ...

    async def outside(self, shell: Shell, root: str) -> list[Outside]:
        """What was written elsewhere since the machine started, as far as it is known."""
        ...

    def pack(
        self, shell: Shell, root: str, entries: Sequence[FileEntry], *, codec: str
    ) -> AsyncGenerator[bytes, None]:
        """These entries as a compressed tar stream.

        An entry that cannot be read is missing in it; that is for the reader to notice. Raises
        Unreachable, CommandFailed.
        """
        ...

    async def digests(self, shell: Shell, root: str, entries: Packed[FileEntry]) -> Packed[Hashed]:
        """SHA-256 by path, of the files among the entries that can be read."""
        ...

    async def remove(self, shell: Shell, root: str, entries: Sequence[FileEntry]) -> None:
        """Take these away; a folder only when nothing is left in it. What is gone is no error.

        Raises Unreachable, CommandFailed.
        """
        ...

    async def unpack(self, shell: Shell, root: str, tar: AsyncGenerator[bytes, None]) -> list[str]:
        """Restore a plain tar stream below the folder, made if missing; returns what tar warned of.

        Raises DiskFull, CommandFailed, Unreachable.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the place holds of one archive."""

    archive_id: ArchiveId
    committed: bool
    named: frozenset[PartId]  # the parts its manifest names; empty unless committed
    parts: Mapping[PartId, int]  # bytes of the parts it wrote
    newest_at: datetime


class Vault(Protocol):
    """The place where archives lie. Everything in it is encrypted by this installation's secret.

    Raises PlaceDown for what may pass, Damaged for what is lost or altered, Foreign for what
    another installation wrote.
    """

    async def open(self, archive_id: ArchiveId) -> None:
        """Make the archive's key, or find it: the first thing that is written. Repeatable."""
        ...

    async def write(
        self, part_id: PartId, *, codec: str, data: AsyncGenerator[bytes, None]
    ) -> tuple[Part, list[Member]]:
        """Store a part as it comes, and close its source; what lay there before is replaced.

        It is read back from the place meanwhile: its members are as `members` would say then.
        """
        ...

    async def members(self, part: Part) -> list[Member]:
        """Read a part back to its end: every member, every file's content hashed."""
        ...

    async def note(self, part: Part, stored: Sequence[Stored]) -> None:
        """Remember a part that was read back, so that a run that died goes on after it."""
        ...

    async def noted(self, archive_id: ArchiveId) -> tuple[list[Part], Packed[Stored]]:
        """The parts and entries of an unfinished run, in the order they were noted."""
        ...

    async def missing(self, parts: Collection[Part]) -> set[PartId]:
        """Those of the parts of which something is no longer there."""
        ...

    async def commit(self, manifest: Manifest) -> str:
        """Write the manifest, read it back, then COMMIT; returns the manifest's SHA-256."""
        ...

    async def manifest(self, archive_id: ArchiveId) -> Manifest:
        """Raises Damaged unless there is a COMMIT and the manifest is the one it names."""
        ...

    def tar(
        self, manifest: Manifest, paths: Collection[bytes] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The whole archive, or these paths of it, as one plain tar stream; folders last."""
        ...

    def file(self, manifest: Manifest, path: bytes) -> AsyncGenerator[bytes, None]:
        """The content of one file. Raises NotFound, Damaged."""
        ...

    async def held(self) -> list[Held]:
        """Everything in the place, by archive."""
        ...

    async def revoke(self, archive_id: ArchiveId) -> None:
        """Take COMMIT and manifest away: from then on the archive does not exist."""
        ...

    async def free(self, parts: Collection[PartId]) -> None:
        """Delete parts. Deleting what is gone is no error."""
        ...

    async def clear(self, archive_id: ArchiveId) -> None:
        """Delete all that an archive wrote."""
        ...

    async def tidy(self, older_than: datetime) -> int:
        """Remove half-written files that a killed process left, where the place has such."""
        ...


class ArchiveBooks(Protocol):
    """The rows of archives."""

    async def begin_archive(self, archive: Archive) -> Archive:
        """Record a run before it starts; if the rental has one open, that comes back instead."""
        ...

    async def keep_archive(self, archive: Archive) -> None:
        """Write the row as it is now. Raises Stale unless the stored one is still running, or
        committed and becoming deleted."""
        ...

    async def keep_archive_until(self, archive_id: ArchiveId, until: datetime) -> None:
        """A committed archive's time is not over before then; of any other nothing changes."""
        ...

    async def archive(self, archive_id: ArchiveId) -> Archive | None: ...

    async def archives(
        self,
        *,
        guild_id: int | None = None,
        owner_id: int | None = None,
        rental_id: RentalId | None = None,
    ) -> list[Archive]:
        """All that match, newest first, the deleted ones left out."""
        ...


class Unsaved(Protocol):
    """What is not on a machine's disk yet and can be put there before an archive."""

    async def flush(self, rental_id: RentalId) -> str:
        """Write it; in words what could not be written, else nothing. Never raises; has its end."""
        ...
