"""Restoring an archive onto a machine, and comparing what came with the manifest.

It may be broken off and done again: what is there already is not sent twice, and nothing counts as
restored before the machine was scanned and hashed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.archives import Manifest, Phase, Progress, Restored
from bot.domain.packed import Packed
from bot.domain.proof import restored_as, torn, undigested
from bot.domain.trees import ENTRIES, Entry, Kind, shown, weigh
from bot.errors import DiskFull, Refused, RestoreFailed
from bot.ports.archives import Toolbox, Vault, Workspaces
from bot.ports.machines import Shell

_SHOWN = 5
_PASSES = 2
_ROOM = 50_000_000  # bytes beside the files: folders, and what the machine writes meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a machine lacks of a manifest."""

    faults: dict[bytes, str]
    others: int


class Restore:
    """One archive, one machine."""

    def __init__(
        self,
        *,
        manifest: Manifest,
        shell: Shell,
        toolbox: Toolbox,
        workspaces: Workspaces,
        vault: Vault,
        tell: Callable[[Progress], None],
        before: Manifest | None = None,
    ) -> None:
        self._manifest = manifest
        self._shell = shell
        self._toolbox = toolbox
        self._workspaces = workspaces
        self._vault = vault
        self._tell = tell
        self._before = before
        self._wanted = _entries(manifest)

    async def run(self, *, overwrite: bool) -> Restored:
        """Raises Refused for files in the way, DiskFull, RestoreFailed, and what ports raise."""
        lacking = await self._plan(overwrite=overwrite)
        warnings: list[str] = []
        for again in range(_PASSES):
            warnings += await self._unpack(lacking, again)
            difference = await self._compare()
            if not difference.faults:
                return self._restored(difference.others, warnings)
            lacking = set(difference.faults)
        raise RestoreFailed(
            f"{len(difference.faults)} entries differ after a restore",
            public=f"After the restore {_named(difference.faults)} not as archived.",
        )

    async def _plan(self, *, overwrite: bool) -> set[bytes]:
        """What must be sent, once it is clear that it may be and that there is room for it."""
        found = await self._scan()
        self._demand_free_way(found, overwrite=overwrite)
        await self._take_away(found)
        lacking = {entry.path for entry in self._wanted.each() if self._lacks(entry, found)}
        self._demand_room(
            weigh(
                entry for entry in self._wanted.each() if restored_as(entry, found.get(entry.path))
            )
        )
        return lacking

    async def _scan(self) -> Packed[Entry]:
        return (await self._workspaces.scan(self._shell, self._toolbox.root)).entries

    async def _take_away(self, found: Packed[Entry]) -> None:
        """What came with an earlier archive and is not in this one, unless it was touched since.

        Also what this one has as something else: a folder in the place of a file is in tar's way.
        """
        if self._before is None:
            return
        stale = [
            found[entry.path]
            for entry in _entries(self._before).each()
            if entry.path in found
            and found[entry.path].kind is entry.kind
            and (entry.path not in self._wanted or self._wanted[entry.path].kind is not entry.kind)
            and (entry.kind is Kind.FOLDER or not restored_as(entry, found[entry.path]))
        ]
        if stale:
            await self._workspaces.remove(self._shell, self._toolbox.root, stale)

    def _demand_free_way(self, found: Packed[Entry], *, overwrite: bool) -> None:
        in_the_way = {
            entry.path: "in the way"
            for entry in self._wanted.each()
            if entry.path in found
            and not (entry.kind is found[entry.path].kind is Kind.FOLDER)
            and restored_as(entry, found[entry.path])
        }
        if in_the_way and not overwrite:
            raise Refused(
                f"{len(in_the_way)} files are in the way of a restore",
                public=f"Nothing was restored: {_named(in_the_way)} on the machine already.",
                hint="Restore onto a fresh machine, or move these away first.",
            )

    def _lacks(self, entry: Entry, found: Packed[Entry]) -> bool:
        """Folders and hard links are always sent: it costs little, and sets them right."""
        apart = entry.kind is Kind.FOLDER or entry.links > 1
        return apart or bool(restored_as(entry, found.get(entry.path)))

    def _demand_room(self, need: int) -> None:
        room = self._toolbox.free_bytes
        if room and need + _ROOM > room:
            raise DiskFull(
                f"{need} B needed, {room} B free",
                public=f"The machine's disk is too small: {_gb(need + _ROOM)} are needed and "
                f"{_gb(room)} are free.",
            )

    async def _unpack(self, lacking: set[bytes], again: int) -> list[str]:
        total = weigh(self._wanted[path] for path in lacking)
        self._tell(Progress(phase=Phase.RESTORING, total=total, again=again))
        folders = {entry.path for entry in self._wanted.each() if entry.kind is Kind.FOLDER}
        return await self._workspaces.unpack(
            self._shell, self._toolbox.root, self._vault.tar(self._manifest, lacking | folders)
        )

    async def _compare(self) -> Difference:
        """Look at the machine, and hash what looks right."""
        self._tell(Progress(phase=Phase.COMPARING, total=self._manifest.archive.bytes))
        found = await self._scan()
        faults = {
            entry.path: fault
            for entry in self._wanted.each()
            if (fault := restored_as(entry, found.get(entry.path)))
        }
        faults |= dict.fromkeys(torn(self._wanted, found), "no longer linked")
        files = found.only(
            lambda entry: (
                entry.kind is Kind.FILE and entry.path in self._wanted and entry.path not in faults
            )
        )
        digests = await self._workspaces.digests(self._shell, self._toolbox.root, files)
        alike = (each for each in self._manifest.stored.each() if each.entry.path in files)
        faults |= dict.fromkeys(undigested(alike, digests), "content")
        return Difference(
            faults=faults, others=sum(1 for path in found if path not in self._wanted)
        )

    def _restored(self, others: int, warnings: list[str]) -> Restored:
        return Restored(
            archive=self._manifest.archive,
            entries=len(self._wanted),
            bytes=weigh(self._wanted.each()),
            others=others,
            warnings=tuple(warnings[:100]),
        )


def _entries(manifest: Manifest) -> Packed[Entry]:
    return Packed.of(ENTRIES, (each.entry for each in manifest.stored.each()))


def _named(faults: dict[bytes, str]) -> str:
    """`a, b and 3 more are`."""
    names = [shown(path) for path in sorted(faults)[:_SHOWN]]
    more = len(faults) - len(names)
    text = ", ".join(names) + (f" and {more} more" if more else "")
    return f"{text} {'is' if len(faults) == 1 else 'are'}"


def _gb(size: int) -> str:
    return f"{size / 10**9:.1f} GB"
