"""One run of archiving: send, read back, hash, look again, until machine and place agree.

The run knows of no rows and no people. It can be broken off at any moment: every part that was
read back is noted in the place, and the next run of the same archive goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.archives import (
    ROUNDS,
    STORED,
    ArchiveId,
    Chosen,
    Excluded,
    LeftOut,
    Manifest,
    Part,
    PartId,
    Phase,
    Progress,
    Stored,
)
from bot.domain.compaction import held
from bot.domain.packed import Packed, Packing
from bot.domain.proof import (
    delivered,
    keepable,
    still_restored,
    to_send,
    undigested,
    unproven,
)
from bot.domain.trees import (
    ENTRIES,
    PART_BYTES,
    PART_ENTRIES,
    Entry,
    Kind,
    pack,
    shown,
    unchanged,
    weigh,
)
from bot.errors import CommandFailed, Damaged
from bot.ports.archives import Toolbox, Vault, Workspaces
from bot.ports.clock import Clock
from bot.ports.machines import Shell

log = logging.getLogger(__name__)

_TRIES = 3  # of one part, where the machine's command or the place's copy was faulty

Tell = Callable[[Progress], None]


@dataclass(slots=True, kw_only=True)
class Known:
    """What lies in the place already, from earlier archives and from this run's own past."""

    stored: Packed[Stored] = field(default_factory=lambda: Packed.of(STORED, ()))
    parts: dict[PartId, Part] = field(default_factory=dict)
    next_number: int = 0


@dataclass(slots=True, kw_only=True)
class Sight:
    """One look at a workspace."""

    at: datetime | None = None  # when it began
    wanted: Packed[Entry]
    excluded: Sequence[Excluded]
    unarchivable: list[LeftOut]

    def leave_out(self, paths: Collection[bytes]) -> None:
        if paths:
            self.wanted = self.wanted.only(lambda entry: entry.path not in paths)


class Run:
    """The rounds of one archive on one machine."""

    def __init__(
        self,
        *,
        archive_id: ArchiveId,
        shell: Shell,
        toolbox: Toolbox,
        rules: str,
        known: Known,
        workspaces: Workspaces,
        vault: Vault,
        clock: Clock,
        tell: Tell,
        part_bytes: int = PART_BYTES,
        part_entries: int = PART_ENTRIES,
    ) -> None:
        self._archive_id = archive_id
        self._shell = shell
        self._toolbox = toolbox
        self._rules = rules
        self._workspaces = workspaces
        self._vault = vault
        self._clock = clock
        self._tell = tell
        self._part_bytes = part_bytes
        self._part_entries = part_entries
        self._next_number = known.next_number
        self.stored = known.stored
        self.parts = known.parts
        self.sent = 0
        self._compared = False  # whether what lies there was hashed at its source at all
        self._doubts: dict[bytes, bytes] = {}  # what hashing did not agree with, and its digest
        self._lacking: Mapping[bytes, Entry] = {}
        self._unreadable: dict[bytes, LeftOut] = {}

    async def look(self) -> Sight:
        """The workspace now, as it would be archived."""
        at = self._clock.now()
        root = self._toolbox.root
        scan = await self._workspaces.scan(self._shell, root)
        chosen = await self._workspaces.choose(scan, self._rules)
        return await asyncio.to_thread(
            sight, chosen, scan.complaints, unreadable=self._unreadable, at=at
        )

    async def rounds(self, lacking: Packed[Entry]) -> tuple[Sight, Packed[Entry]]:
        """The last look, and what still differs from it: nothing, or the archive is not proven.

        `lacking` is what a first look found to be sent.
        """
        for again in range(ROUNDS):
            fresh = await self._send(lacking, again)
            await self._compare(fresh, again)
            del lacking, fresh  # a large workspace is held no more often than it must be
            now = await self.look()
            lacking = await asyncio.to_thread(unproven, now.wanted, self.stored, self._doubts)
            lacking = self._readable(lacking, now)
            if not lacking:
                break
            log.info("%s: %s entries changed in round %s", self._archive_id, len(lacking), again)
            await asyncio.to_thread(self._forget, lacking)
        return now, lacking

    async def _send(self, entries: Packed[Entry], again: int) -> Packed[Stored]:
        """Send these in parts; what of them came."""
        total, done = weigh(entries.each()), 0
        came = Packing(STORED)
        groups = pack(entries.each(), part_bytes=self._part_bytes, part_entries=self._part_entries)
        while group := await asyncio.to_thread(next, groups, None):
            self._tell(Progress(phase=Phase.SENDING, done=done, total=total, again=again))
            for each in await self._send_part(group):
                came.add(each)
            done += weigh(group)
        return await asyncio.to_thread(self._lies_there, entries, came.done())

    def _lies_there(self, sent: Packed[Entry], came: Packed[Stored]) -> Packed[Stored]:
        """Note what came of what was sent; of the rest nothing is known any more."""
        self._forget(sent)
        self.stored = self.stored.and_those(came.each()) if self.stored else came
        return came

    def _forget(self, entries: Packed[Entry]) -> None:
        self.stored = self.stored.only(lambda each: each.entry.path not in entries)
        self._doubts = {path: why for path, why in self._doubts.items() if path not in entries}

    async def _send_part(self, entries: Sequence[Entry]) -> Sequence[Stored]:
        """One part, read back; tried again where a command failed or the copy was faulty."""
        tried = 1
        while True:
            part_id = PartId(self._archive_id, self._next_number)
            try:
                part, members = await self._vault.write(
                    part_id,
                    codec=self._toolbox.codec,
                    data=self._workspaces.pack(
                        self._shell, self._toolbox.root, entries, codec=self._toolbox.codec
                    ),
                )
                part = replace(part, held=held(entries))
                self.sent += part.bytes
            except (CommandFailed, Damaged) as error:
                if tried == _TRIES:
                    raise
                log.warning("part %s of %s failed: %s", part_id.name, self._archive_id, error)
                tried += 1
                continue
            return await self._take(part, delivered(entries, members, part_id))

    async def _take(self, part: Part, came: Sequence[Stored]) -> Sequence[Stored]:
        if not came:
            await self._vault.free([part.id])
            return came
        await self._vault.note(part, came)
        self._next_number += 1
        self.parts[part.id] = part
        return came

    async def _compare(self, fresh: Packed[Stored], again: int) -> None:
        """Hash at the source, after the transfer, what was not compared since it was sent."""
        unhashed = fresh if self._compared else self.stored
        files = await asyncio.to_thread(_files, unhashed)
        total = sum(entry.weight for entry in files.each())
        self._tell(Progress(phase=Phase.COMPARING, total=total, again=again))
        came = await self._workspaces.digests(self._shell, self._toolbox.root, files)
        self._doubts |= await asyncio.to_thread(undigested, unhashed.each(), came)
        self._compared = True

    def _readable(self, left: Packed[Entry], now: Sight) -> Packed[Entry]:
        """Without what did not come twice although nothing happened to it: it cannot be read."""
        hopeless = {
            entry.path
            for entry in left.each()
            if (entry.path not in self.stored or self._doubts.get(entry.path) == b"")
            and entry.path in self._lacking
            and unchanged(self._lacking[entry.path], entry)
        }
        for path in hopeless:
            self._unreadable[path] = LeftOut(path=path, reason="it cannot be read", lost=True)
            now.unarchivable.append(self._unreadable[path])
        now.leave_out(hopeless)
        self._lacking = left
        return left.only(lambda entry: entry.path not in hopeless)


def _files(stored: Packed[Stored]) -> Packed[Entry]:
    return Packed.of(
        ENTRIES, (each.entry for each in stored.each() if each.entry.kind is Kind.FILE)
    )


async def changed(manifest: Manifest, shell: Shell, workspaces: Workspaces) -> list[str]:
    """The names of what differs between an archive and the machine it was made from."""
    root = manifest.archive.root
    scan = await workspaces.scan(shell, root)
    chosen = await workspaces.choose(scan, await workspaces.rules(shell, root))
    now = sight(chosen, scan.complaints).wanted
    known = {each.path for each in manifest.report.unarchivable}
    other = to_send(now, manifest.stored).only(lambda entry: entry.path not in known)
    gone = manifest.stored.only(lambda each: each.entry.path not in now)
    return [shown(path) for names in (other, gone) for path in names]


def sight(
    chosen: Chosen,
    complaints: Iterable[str] = (),
    *,
    unreadable: Mapping[bytes, LeftOut] | None = None,
    at: datetime | None = None,
) -> Sight:
    """What of a scan is archived; what cannot be is kept apart with its reasons."""
    known = unreadable or {}
    faults = [fault for entry in chosen.wanted.each() if (fault := keepable(entry)) is not None]
    told = [LeftOut(path=line.encode(), reason="find said so", lost=True) for line in complaints]
    seen = Sight(
        at=at,
        wanted=chosen.wanted,
        excluded=chosen.excluded,
        unarchivable=[*faults, *known.values(), *told],
    )
    seen.leave_out({fault.path for fault in faults} | known.keys())
    return seen


def carried(
    known: Known, now: Sight, gone: set[PartId], *, restored_at: datetime | None = None
) -> None:
    """Keep of what is known only what is still as it was, and still there.

    With `restored_at`, what is known is of the machine it was restored from at that time.

    The facts of this look replace the older ones: the number of a device may have changed.
    """

    def still(each: Stored) -> Stored | None:
        entry = now.wanted.get(each.entry.path)
        if entry is None or each.part in gone or each.part not in known.parts:
            return None
        if unchanged(each.entry, entry) or (
            restored_at and still_restored(each.entry, entry, restored_at)
        ):
            return Stored(entry=entry, sha256=each.sha256, part=each.part)
        return None

    kept = (still(each) for each in known.stored.each())
    known.stored = Packed.of(STORED, (each for each in kept if each is not None))
