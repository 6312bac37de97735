"""Restoring an archive onto a machine, and comparing what came with the manifest.

It may be broken off and done again: what is there already is not sent twice, and nothing counts as
restored before the machine was scanned and hashed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.archives import Manifest, Phase, Progress, Restored
from bot.domain.proof import restored_as, torn
from bot.domain.trees import Entry, Kind, shown
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
        self._wanted = {path: each.entry for path, each in manifest.stored.items()}

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
        lacking = {path for path, entry in self._wanted.items() if self._lacks(entry, found)}
        self._demand_room(lacking)
        return lacking

    async def _scan(self) -> dict[bytes, Entry]:
        scan = await self._workspaces.scan(self._shell, self._toolbox.root)
        return {entry.path: entry for entry in scan.entries}

    async def _take_away(self, found: dict[bytes, Entry]) -> None:
        """What came with an earlier archive and is not in this one, unless it was touched since.

        Also what this one has as something else: a folder in the place of a file is in tar's way.
        """
        if self._before is None:
            return
        old = {path: each.entry for path, each in self._before.stored.items()}
        stale = [
            found[path]
            for path, entry in old.items()
            if path in found
            and found[path].kind is entry.kind
            and (path not in self._wanted or self._wanted[path].kind is not entry.kind)
            and (entry.kind is Kind.FOLDER or not restored_as(entry, found[path]))
        ]
        if stale:
            await self._workspaces.remove(self._shell, self._toolbox.root, stale)

    def _demand_free_way(self, found: dict[bytes, Entry], *, overwrite: bool) -> None:
        both = [(path, entry) for path, entry in self._wanted.items() if path in found]
        in_the_way = {
            path: "in the way"
            for path, entry in both
            if not (entry.kind is found[path].kind is Kind.FOLDER)
            and restored_as(entry, found[path])
        }
        if in_the_way and not overwrite:
            raise Refused(
                f"{len(in_the_way)} files are in the way of a restore",
                public=f"Nothing was restored: {_named(in_the_way)} on the machine already.",
                hint="Restore onto a fresh machine, or move these away first.",
            )

    def _lacks(self, entry: Entry, found: dict[bytes, Entry]) -> bool:
        """Folders and hard links are always sent: it costs little, and sets them right."""
        apart = entry.kind is Kind.FOLDER or entry.links > 1
        return apart or bool(restored_as(entry, found.get(entry.path)))

    def _demand_room(self, lacking: set[bytes]) -> None:
        need = sum(self._wanted[path].weight for path in lacking)
        room = self._toolbox.free_bytes
        if room and need + _ROOM > room:
            raise DiskFull(
                f"{need} B needed, {room} B free",
                public=f"The machine's disk is too small: {_gb(need + _ROOM)} are needed and "
                f"{_gb(room)} are free.",
            )

    async def _unpack(self, lacking: set[bytes], again: int) -> list[str]:
        total = sum(self._wanted[path].weight for path in lacking)
        self._tell(Progress(phase=Phase.RESTORING, total=total, again=again))
        folders = {path for path, entry in self._wanted.items() if entry.kind is Kind.FOLDER}
        return await self._workspaces.unpack(
            self._shell, self._toolbox.root, self._vault.tar(self._manifest, lacking | folders)
        )

    async def _compare(self) -> Difference:
        """Look at the machine, and hash what looks right."""
        self._tell(Progress(phase=Phase.COMPARING, total=self._manifest.archive.bytes))
        found = await self._scan()
        faults = {
            path: fault
            for path, entry in self._wanted.items()
            if (fault := restored_as(entry, found.get(path)))
        }
        faults |= dict.fromkeys(torn(self._wanted, found), "no longer linked")
        alike = [
            found[path]
            for path, entry in self._wanted.items()
            if entry.kind is Kind.FILE and path not in faults
        ]
        digests = await self._workspaces.digests(self._shell, self._toolbox.root, alike)
        for entry in alike:
            if digests.get(entry.path) != self._manifest.stored[entry.path].sha256:
                faults[entry.path] = "content"
        return Difference(faults=faults, others=len(found.keys() - self._wanted.keys()))

    def _restored(self, others: int, warnings: list[str]) -> Restored:
        return Restored(
            archive=self._manifest.archive,
            entries=len(self._wanted),
            bytes=sum(entry.weight for entry in self._wanted.values()),
            others=others,
            warnings=tuple(warnings[:100]),
        )


def _named(faults: dict[bytes, str]) -> str:
    """`a, b and 3 more are`."""
    names = [shown(path) for path in sorted(faults)[:_SHOWN]]
    more = len(faults) - len(names)
    text = ", ".join(names) + (f" and {more} more" if more else "")
    return f"{text} {'is' if len(faults) == 1 else 'are'}"


def _gb(size: int) -> str:
    return f"{size / 10**9:.1f} GB"
