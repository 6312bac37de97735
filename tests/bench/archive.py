"""A workspace archived and proven, beside the tutorial's way and what else takes whole trees away.

All take the same tree from the same machine in turn, twice in each round: first everything, then
after an afternoon's changes. Bellhop's time runs from connecting to the proof, which means sent,
read back, hashed again at its source and looked at again; nobody else proves anything. Its process
is a new one each time and does nothing else, so its memory is measured as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.ssh.keys import load_or_create
from tests.bench.figures import Figure, Unit, median_of
from tests.bench.machine import Machine, machine
from tests.bench.takers import PATIENCE_S, TUTORIAL, Take, takers
from tests.bench.workspace import SMALL, Size, change, fill
from tests.e2e.programs import program

MOST_MEMORY = 200_000_000
_OURS = "Bellhop"
_MB = 1_000_000


@dataclass(slots=True, kw_only=True)
class _Log:
    """Samples by who took the tree, a round's first time and its second."""

    first_s: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    again_s: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    first_bytes: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    again_bytes: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    resting: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    tree: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)


async def measure(*, rounds: int, quick: bool) -> list[Figure]:
    log, others = _Log(), takers()
    with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as name:
        async with _stage(Path(name), SMALL if quick else Size()) as stage:
            for number in range(rounds):
                await stage.round(number, log, others)
    return _figures(log, list(others))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    folder: Path
    there: Machine

    async def round(self, number: int, log: _Log, others: dict[str, Take]) -> None:
        """Everybody takes all of it, then it changes, then everybody takes it again."""
        at = self.folder / f"round-{number}"
        await asyncio.to_thread(shutil.copytree, self.folder / "keys", at / "keys")
        log.tree.append(_bytes(self.there.workspace))
        await self._all(at, log, others, log.first_s, log.first_bytes)
        log.changed.append(await asyncio.to_thread(change, self.there.workspace, number))
        await self._all(at, log, others, log.again_s, log.again_bytes)
        await asyncio.to_thread(shutil.rmtree, at)

    async def _all(
        self,
        at: Path,
        log: _Log,
        others: dict[str, Take],
        seconds: dict[str, list[float]],
        carried: dict[str, list[float]],
    ) -> None:
        before = await self.there.counters()
        told = await self._bellhop(at)
        if seconds is log.first_s:
            log.resting.append(told["resting_bytes"])
            log.peak.append(told["peak_bytes"])
        seconds[_OURS].append(told["seconds"])
        carried[_OURS].append((await self.there.counters()).since(before).carried)
        for name, take in others.items():
            before = await self.there.counters()
            began = time.perf_counter()
            await take(self.there, at)
            seconds[name].append(time.perf_counter() - began)
            carried[name].append((await self.there.counters()).since(before).carried)

    async def _bellhop(self, at: Path) -> dict[str, float]:
        words = ("-m", "tests.bench.archiver", str(self.there.address.port), str(at))
        async with program(*words) as running:
            line = await running.line(lambda one: one.startswith("archived "), PATIENCE_S)
        told: dict[str, float] = json.loads(line.partition(" ")[2])
        assert told["bytes"] == _bytes(self.there.workspace), "it is not the whole tree"
        return told


@contextlib.asynccontextmanager
async def _stage(folder: Path, size: Size) -> AsyncIterator[_Stage]:
    key = await asyncio.to_thread(load_or_create, folder / "keys")
    async with machine(folder / "machines", key.public_line()) as there:
        await asyncio.to_thread(shutil.rmtree, there.workspace)  # what an image brings along
        await asyncio.to_thread(fill, there.workspace, size)
        yield _Stage(folder=folder, there=there)


def _figures(log: _Log, others: list[str]) -> list[Figure]:
    title = f"archive of {log.tree[0] / _MB:.0f} MB"
    rows = []
    for name in others:
        goal = 1 / 3 if name == TUTORIAL else None
        ours, theirs = log.first_s[_OURS], log.first_s[name]
        rows.append(
            median_of(f"{title}, proven", ours, beside=name, others=theirs, goal_ratio=goal)
        )
        ours, theirs = log.again_s[_OURS], log.again_s[name]
        rows.append(median_of(f"{title}, after an afternoon", ours, beside=name, others=theirs))
    first, again = log.first_bytes, log.again_bytes
    wired = [name for name in others if all(first[name])]
    for name in wired:
        rows.append(_bytes_row(f"{title}: bytes through SSH", first[_OURS], name, first[name]))
        rows.append(_bytes_row("… after an afternoon", again[_OURS], name, again[name]))
    run = "its first run's bytes"
    rows.append(_bytes_row("… after an afternoon", again[_OURS], run, first[_OURS], ratio=0.05))
    rows.append(_bytes_row("… after an afternoon", again[_OURS], "what changed", log.changed))
    before = "the same process, before it connects"
    rows.append(
        _bytes_row("most memory of the process", log.peak, before, log.resting, MOST_MEMORY)
    )
    return rows


def _bytes_row(
    name: str,
    ours: list[float],
    beside: str,
    others: list[float],
    goal: float | None = None,
    *,
    ratio: float | None = None,
) -> Figure:
    return median_of(
        name, ours, beside=beside, others=others, unit=Unit.BYTES, goal=goal, goal_ratio=ratio
    )


def _bytes(root: Path) -> int:
    return sum(each.stat().st_size for each in root.rglob("*") if each.is_file())
