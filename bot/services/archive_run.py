"""One run of archiving: send, read back, hash, look again, until machine and place agree.

The run knows of no rows and no people. It can be broken off at any moment: every part that was
read back is noted in the place, and the next run of the same archive goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.archives import (
    ROUNDS,
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
from bot.domain.proof import delivered, keepable, still_restored, to_send, unproven
from bot.domain.trees import PART_BYTES, PART_ENTRIES, Entry, Kind, pack, shown, unchanged
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

    stored: dict[bytes, Stored] = field(default_factory=dict)
    parts: dict[PartId, Part] = field(default_factory=dict)
    next_number: int = 0


@dataclass(slots=True, kw_only=True)
class Sight:
    """One look at a workspace."""

    at: datetime | None = None  # when it began
    wanted: dict[bytes, Entry]
    excluded: Sequence[Excluded]
    unarchivable: list[LeftOut]


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
        self._agreed: dict[bytes, bytes] = {}
        self._lacking: dict[bytes, Entry] = {}
        self._unreadable: dict[bytes, LeftOut] = {}

    async def look(self) -> Sight:
        """The workspace now, as it would be archived."""
        at = self._clock.now()
        root = self._toolbox.root
        scan = await self._workspaces.scan(self._shell, root, known=self.stored)
        chosen = await self._workspaces.choose(scan, self._rules)
        return sight(chosen, scan.complaints, unreadable=self._unreadable, at=at)

    async def rounds(self, now: Sight) -> tuple[Sight, list[Entry]]:
        """The last look, and what still differs from it: nothing, or the archive is not proven."""
        left: list[Entry] = []
        for again in range(ROUNDS):
            await self._send(to_send(now.wanted, self.stored), again)
            await self._compare(now, again)
            now = await self.look()
            left = self._readable(unproven(now.wanted, self.stored, self._agreed), now)
            if not left:
                return now, []
            log.info("%s: %s entries changed in round %s", self._archive_id, len(left), again)
            for entry in left:
                self.stored.pop(entry.path, None)
                self._agreed.pop(entry.path, None)
        return now, left

    async def _send(self, entries: Sequence[Entry], again: int) -> None:
        total, done = sum(entry.weight for entry in entries), 0
        for group in pack(entries, part_bytes=self._part_bytes, part_entries=self._part_entries):
            self._tell(Progress(phase=Phase.SENDING, done=done, total=total, again=again))
            await self._send_part(group)
            done += sum(entry.weight for entry in group)

    async def _send_part(self, entries: Sequence[Entry]) -> None:
        """One part, read back; tried again where a command failed or the copy was faulty."""
        for tried in range(1, _TRIES + 1):
            part_id = PartId(self._archive_id, self._next_number)
            try:
                part = await self._vault.write(
                    part_id,
                    codec=self._toolbox.codec,
                    data=self._workspaces.pack(
                        self._shell, self._toolbox.root, entries, codec=self._toolbox.codec
                    ),
                )
                part = replace(part, held=held(entries))
                self.sent += part.bytes
                members = await self._vault.members(part)
            except (CommandFailed, Damaged) as error:
                if tried == _TRIES:
                    raise
                log.warning("part %s of %s failed: %s", part_id.name, self._archive_id, error)
                continue
            await self._take(part, delivered(entries, members, part_id), entries)
            return

    async def _take(self, part: Part, came: Sequence[Stored], sent: Sequence[Entry]) -> None:
        for entry in sent:
            self.stored.pop(entry.path, None)
            self._agreed.pop(entry.path, None)
        if not came:
            await self._vault.free([part.id])
            return
        await self._vault.note(part, came)
        self._next_number += 1
        self.parts[part.id] = part
        self.stored.update((each.entry.path, each) for each in came)

    async def _compare(self, now: Sight, again: int) -> None:
        """Hash at the source, after the transfer, what was not compared since it was sent."""
        unhashed = [
            entry
            for path, entry in now.wanted.items()
            if entry.kind is Kind.FILE and path in self.stored and path not in self._agreed
        ]
        total = sum(entry.weight for entry in unhashed)
        self._tell(Progress(phase=Phase.COMPARING, total=total, again=again))
        found = await self._workspaces.digests(self._shell, self._toolbox.root, unhashed)
        for entry in unhashed:
            if digest := found.pop(entry.path, b""):
                stored = self.stored[entry.path].sha256  # the same bytes need no second memory
                self._agreed[entry.path] = stored if stored == digest else digest

    def _readable(self, left: Sequence[Entry], now: Sight) -> list[Entry]:
        """Without what did not come twice although nothing happened to it: it cannot be read."""
        hopeless = {
            entry.path
            for entry in left
            if (entry.path not in self.stored or self._undigested(entry))
            and entry.path in self._lacking
            and unchanged(self._lacking[entry.path], entry)
        }
        for path in hopeless:
            self._unreadable[path] = LeftOut(path=path, reason="it cannot be read", lost=True)
            now.unarchivable.append(self._unreadable[path])
            del now.wanted[path]
        self._lacking = {entry.path: entry for entry in left}
        return [entry for entry in left if entry.path not in hopeless]

    def _undigested(self, entry: Entry) -> bool:
        return entry.kind is Kind.FILE and entry.path not in self._agreed


async def changed(manifest: Manifest, shell: Shell, workspaces: Workspaces) -> list[str]:
    """The names of what differs between an archive and the machine it was made from."""
    root = manifest.archive.root
    scan = await workspaces.scan(shell, root)
    chosen = await workspaces.choose(scan, await workspaces.rules(shell, root))
    now = sight(chosen, scan.complaints).wanted
    known = {each.path for each in manifest.report.unarchivable}
    other = [entry.name for entry in to_send(now, manifest.stored) if entry.path not in known]
    return other + [shown(path) for path in manifest.stored.keys() - now.keys()]


def sight(
    chosen: Chosen,
    complaints: Iterable[str] = (),
    *,
    unreadable: Mapping[bytes, LeftOut] | None = None,
    at: datetime | None = None,
) -> Sight:
    """What of a scan is archived; what cannot be is kept apart with its reasons."""
    known = unreadable or {}
    faults = [fault for entry in chosen.wanted if (fault := keepable(entry)) is not None]
    apart = {fault.path for fault in faults} | known.keys()
    told = [LeftOut(path=line.encode(), reason="find said so", lost=True) for line in complaints]
    return Sight(
        at=at,
        wanted={entry.path: entry for entry in chosen.wanted if entry.path not in apart},
        excluded=chosen.excluded,
        unarchivable=[*faults, *known.values(), *told],
    )


def carried(
    known: Known, now: Sight, gone: set[PartId], *, restored_at: datetime | None = None
) -> None:
    """Keep of what is known only what is still as it was, and still there.

    With `restored_at`, what is known is of the machine it was restored from at that time.

    The facts of this look replace the older ones: the number of a device may have changed.
    """
    known.stored = {
        path: replace(each, entry=now.wanted[path])
        for path, each in known.stored.items()
        if path in now.wanted
        and each.part not in gone
        and each.part in known.parts
        and (
            unchanged(each.entry, now.wanted[path])
            or (restored_at and still_restored(each.entry, now.wanted[path], restored_at))
        )
    }
