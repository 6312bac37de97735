"""The relay's rows of the table: all ways take turns in every round."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figures import Figure, Unit, median_of, percentile, percentile_of
from tests.bench.relay import lines, memory, notebook, sockets
from tests.bench.relay.lines import Way
from tests.bench.relay.ways import (
    BELLHOP,
    CHP_GCM,
    CHP_SSH,
    DIRECT,
    GCM,
    SSH,
    SSH_GCM,
    House,
    Missing,
    chp,
    house,
    instance,
    origin,
    proxy_program,
)
from tests.relay.books import SIBLING

MB = 1024 * 1024
AT_ONCE = 64
MORE = 100
"""Rentals that are connected to see what one more costs."""
HUGE = 5_000_000_000

Samples = dict[str, list[float]]
Take = Callable[[Way], Awaitable[float | list[float]]]


async def measure(*, rounds: int, quick: bool) -> list[Figure]:
    """Without sshd there is nothing to measure: it says so, and gives no rows."""
    try:
        with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as folder:
            async with _stage(Path(folder), quick=quick) as stage:
                return await _measured(stage, rounds=rounds, quick=quick)
    except Missing as missing:
        print(f"SKIPPED: relay: {missing}", file=sys.stderr, flush=True)
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """The ways to the server that is measured, and those to a Jupyter, by name."""

    house: House
    ways: dict[str, Way]
    jupyter: dict[str, Way] = field(default_factory=dict)

    async def turns(self, rounds: int, take: Take, names: Sequence[str]) -> Samples:
        """So many rounds, each with every way that is there."""
        return await _turns(rounds, take, {n: self.ways[n] for n in names if n in self.ways})


async def _turns(rounds: int, take: Take, ways: dict[str, Way]) -> Samples:
    found: Samples = {name: [] for name in ways}
    for number in range(rounds):
        # Turned around every second time: whoever comes after whom is nobody's advantage.
        for name in list(ways)[:: 1 if number % 2 else -1]:
            taken = await take(ways[name])
            found[name] += taken if isinstance(taken, list) else [taken]
    return found


@contextlib.asynccontextmanager
async def _stage(folder: Path, *, quick: bool) -> AsyncIterator[_Stage]:
    async with contextlib.AsyncExitStack() as stack:
        machine = await stack.enter_async_context(instance(folder))
        port, path = await stack.enter_async_context(origin(folder))
        jupyter = await stack.enter_async_context(notebook.jupyter(folder))
        plain, plain_jupyter = await machine.forward(stack, [port, jupyter])
        (gcm,) = await machine.forward(stack, [port], GCM)
        ways = {
            DIRECT: Way(name=DIRECT, port=port),
            SSH: Way(name=SSH, port=plain),
            SSH_GCM: Way(name=SSH_GCM, port=gcm),
        }
        program = await proxy_program(folder)
        if program is not None:
            for name, target in ((CHP_SSH, plain), (CHP_GCM, gcm)):
                at = await stack.enter_async_context(chp(program, target))
                ways[name] = Way(name=name, port=at)
        bellhop = await stack.enter_async_context(
            house(machine.port, folder, origin=path, jupyter=jupyter)
        )
        ways[BELLHOP] = bellhop.way()
        notebooks = {
            DIRECT: notebook.way(DIRECT, jupyter),
            SSH: notebook.way(SSH, plain_jupyter),
            BELLHOP: bellhop.way(SIBLING),
        }
        await _warm(ways.values(), notebooks.values())
        yield _Stage(house=bellhop, ways=ways, jupyter=notebooks)


async def _warm(ways: Iterable[Way], notebooks: Iterable[Way]) -> None:
    """Whoever works for a while has both lanes; their beginning is not what is measured."""
    for _ in range(2):
        for way in ways:
            await lines.requests(way, count=5)
            await sockets.echoes(way, count=2, size=20)
        for way in notebooks:
            await lines.requests(way, count=5, path="/api/status")
            await notebook.cells(way, count=1)
        await asyncio.sleep(2)


async def _measured(stage: _Stage, *, rounds: int, quick: bool) -> list[Figure]:
    small = 20 if quick else 1
    figures = await _bulk(stage, rounds, size=200_000_000 // small // MB * MB)
    figures += await _small(stage, rounds, count=300 // small, for_s=1.0 / small)
    figures += await _sockets(stage, rounds, small)
    figures += await _recorded(stage, rounds, small)
    figures += await _jupyter(stage, rounds, small)
    size = HUGE // small**2 // MB * MB
    figures += await memory.held(stage.house, size=size, for_s=5.0 / small)
    figures.append(await memory.for_more(stage.house, 2 if quick else MORE))
    return figures


async def _bulk(stage: _Stage, rounds: int, *, size: int) -> list[Figure]:
    async def down(way: Way) -> float:
        return size / await lines.download(way, size)

    async def up(way: Way) -> float:
        return size / await lines.upload(way, size)

    names = (SSH, SSH_GCM, CHP_SSH, CHP_GCM, BELLHOP)
    taken = await stage.turns(rounds, down, names)
    figures = _rates(f"download of {size // 10**6} MB", taken, {SSH: 1.2, SSH_GCM: 0.85})
    figures += _rates(f"download of {size // 10**6} MB", taken, {CHP_SSH: None, CHP_GCM: 1.2})
    taken = await stage.turns(rounds, up, names)
    goals = {SSH: None, SSH_GCM: None, CHP_SSH: None, CHP_GCM: 1.0}
    return figures + _rates(f"upload of {size // 10**6} MB", taken, goals)


async def _small(stage: _Stage, rounds: int, *, count: int, for_s: float) -> list[Figure]:
    async def at_once(way: Way) -> float:
        return await lines.requests_per_s(way, at_once=AT_ONCE, for_s=for_s)

    async def alone(way: Way) -> list[float]:
        return await lines.requests(way, count=count)

    goals: dict[str, float | None] = {CHP_SSH: 1.0, CHP_GCM: None}
    taken = await stage.turns(rounds, at_once, (*goals, BELLHOP))
    figures = _rates(f"small requests, {AT_ONCE} at once", taken, goals, Unit.PER_S)
    taken = await stage.turns(rounds, alone, (DIRECT, SSH, CHP_SSH, BELLHOP))
    figures.append(_no_later("a small request alone: median", taken, DIRECT, 0.8e-3))
    for beside, goal in ((SSH, None), (CHP_SSH, 0.2)):
        if beside in taken:
            figures.append(_p99("a small request alone: p99", taken, beside, goal))

    async def apart(way: Way) -> list[float]:
        return await lines.requests(way, count=count, path="/apart")

    taken = await stage.turns(rounds, apart, (SSH, CHP_SSH, BELLHOP))
    return figures + [
        _p99("a small answer in two writes: p99", taken, beside, goal)
        for beside, goal in ((SSH, None), (CHP_SSH, 0.2))
        if beside in taken
    ]


async def _sockets(stage: _Stage, rounds: int, small: int) -> list[Figure]:
    async def echo(way: Way) -> list[float]:
        return await sockets.echoes(way, count=300 // small, size=200)

    taken = await stage.turns(rounds, echo, (SSH, BELLHOP))
    figures = [_no_later("WebSocket, 200 B there and back: median", taken, SSH, 0.3e-3)]
    for words, count, size in (("200 B", 40_000, 200), ("1 MB", 60, 10**6)):

        async def flood(way: Way, count: int = count, size: int = size) -> float:
            return await sockets.messages_per_s(way, count=count // small, size=size)

        goals: dict[str, float | None] = {SSH_GCM: None, CHP_SSH: None, CHP_GCM: 1.0}
        taken = await stage.turns(rounds, flood, (*goals, BELLHOP))
        figures += _rates(f"WebSocket messages of {words}", taken, goals, Unit.PER_S)
    return figures


async def _recorded(stage: _Stage, rounds: int, small: int) -> list[Figure]:
    """The same relay, while it knows of a running cell and while it does not."""
    figures = []
    for words, count, size in (("200 B", 20_000, 200), ("1 MB", 40, 10**6)):
        taken: Samples = {"no run": [], BELLHOP: []}
        for _ in range(rounds):
            for name, recorded in (("no run", False), (BELLHOP, True)):
                rate = await sockets.printed_per_s(
                    stage.ways[BELLHOP], count=count // small, size=size, recorded=recorded
                )
                taken[name].append(rate)
        name = f"what a recorded cell prints, messages of {words}"
        figures += _rates(name, taken, {"no run": 0.7}, Unit.PER_S)
    return figures


async def _jupyter(stage: _Stage, rounds: int, small: int) -> list[Figure]:
    ways = stage.jupyter
    cells = max(2, 15 // small)

    async def run(way: Way) -> list[float]:
        return await notebook.cells(way, count=cells)

    async def typed(way: Way) -> list[float]:
        return await notebook.typing(way, count=max(5, 200 // small))

    taken = await _turns(rounds, run, {name: ways[name] for name in (DIRECT, BELLHOP)})
    figures = [
        median_of(
            "a cell: execute_request to idle",
            taken[BELLHOP],
            beside=DIRECT,
            others=taken[DIRECT],
            goal_ratio=1.15,
        )
    ]
    taken = await _turns(rounds, typed, {name: ways[name] for name in (SSH, BELLHOP)})
    figures.append(_p99("a key in a terminal during a download: p99", taken, SSH, 1.2))
    return figures + await _pages(ways, rounds)


async def _pages(ways: dict[str, Way], rounds: int) -> list[Figure]:
    taken: dict[str, list[tuple[float, float]]] = {DIRECT: [], BELLHOP: []}
    async with notebook.chromium() as browser:
        if browser is None:
            return []
        await notebook.page_loads(browser, ways[DIRECT])  # what no disk has read yet is nobody's
        for _ in range(rounds):
            for name, found in taken.items():
                found.append(await notebook.page_loads(browser, ways[name]))
    return [
        median_of(
            f"JupyterLab in Chromium, {words} load",
            [each[at] for each in taken[BELLHOP]],
            beside=DIRECT,
            others=[each[at] for each in taken[DIRECT]],
            goal_ratio=goal,
        )
        for at, words, goal in ((0, "first", 1.3), (1, "second", 1.1))
    ]


def _rates(
    name: str, taken: Samples, goals: dict[str, float | None], unit: Unit = Unit.BYTES_PER_S
) -> list[Figure]:
    return [
        median_of(
            name, taken[BELLHOP], beside=beside, others=taken[beside], unit=unit, goal_ratio=goal
        )
        for beside, goal in goals.items()
        if beside in taken
    ]


def _no_later(name: str, taken: Samples, beside: str, by_s: float) -> Figure:
    """A goal of so many seconds more than the other."""
    return median_of(
        name,
        taken[BELLHOP],
        beside=beside,
        others=taken[beside],
        goal=percentile(taken[beside], 50) + by_s,
    )


def _p99(name: str, taken: Samples, beside: str, goal: float | None) -> Figure:
    return percentile_of(
        name, 99, taken[BELLHOP], beside=beside, others=taken[beside], goal_ratio=goal
    )
