"""One process over 10, 100 and 1,000 ready machines: does it keep its times, and what does it cost?

The real program against a town of machines (`town.py`): SSH connections, looks, listings, questions
to notebooks, rows and cards are real, the machines at their other end do nothing. Two things are
switched off: Vast's pace of one page in 1.1 s, which stands in a row of its own, and the market's
own limits. Everything is read from `/-/metrics` and from the kernel's books, as an operator would.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.figures import Figure, Unit, median_of
from tests.bench.service import Metrics, Service, memory, service, settle, town

PERIODS_S = {"reconciler": 15.0, "questions": 60.0}
"""The settings of a service: the account is listed, and each ready machine sampled, so often."""

LAG_S = 0.05
_LOOK_S = 2.0
_TICKS_S = 1 / os.sysconf("SC_CLK_TCK")
_FIRST_ROUND = 2  # the loop pauses once before it


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was measured over some minutes at one size."""

    size: int
    reached_s: float  # from the start of the process to the last notebook
    span_s: float = 0.0
    passes: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PERIODS_S})
    lag_p99: float = 0.0
    lag_longest: float = 0.0  # the bucket in which the longest lies
    cpu_s: float = 0.0
    memory: int = 0

    @property
    def cpu_a_minute(self) -> float:
        """Of the processor, for one rental."""
        return self.cpu_s / self.span_s * 60 / self.size


async def measure(
    *, sizes: Sequence[int], rounds: int, periods: dict[str, float] | None = None
) -> list[Figure]:
    """So many idle rounds at each size, each in a house and a town of its own."""
    periods = periods or PERIODS_S
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as name:
            found.append(await _at(Path(name), size, rounds, periods))
    return [each for at, seen in enumerate(found) for each in _figures(seen, found[:at], periods)]


async def _at(folder: Path, size: int, rounds: int, periods: dict[str, float]) -> Seen:
    env = {
        "BELLHOP_POLL_S": f"{periods['reconciler']:g}",
        "BELLHOP_WATCH_S": f"{periods['questions']:g}",
    }
    async with town(folder / "town", size) as market, service(folder, market, **env) as house:
        await settle(house, size)
        now = asyncio.get_running_loop().time
        began = now()
        await house.start()
        await house.reached(size)
        seen = Seen(size=size, reached_s=now() - began)
        await house.until(_settled, "a first idle round, and its cards shown")
        await _watch(house, seen, rounds * periods["questions"])
        _demand_samples(house, size, within_s=2 * periods["questions"])
    return seen


def _settled(seen: Metrics) -> bool:
    """After a start there are first times for everything."""
    return (
        seen["bellhop_passes_total", "questions"] >= _FIRST_ROUND
        and seen.get(("bellhop_outbox_messages", "card")) == 0
    )


async def _watch(house: Service, seen: Seen, span_s: float) -> None:
    """Look at the metrics until the time is over."""
    now = asyncio.get_running_loop().time
    first, cpu, began = await house.metrics(), _cpu_s(house.pid), now()
    before = first
    while now() - began < span_s or not all(seen.passes.values()):
        await asyncio.sleep(_LOOK_S)
        after = await house.metrics()
        for loop in PERIODS_S:
            count = ("bellhop_passes_total", loop)
            if after[count] > before[count]:
                seen.passes[loop].append(after["bellhop_pass_seconds", loop])
        before = after
    seen.span_s, seen.cpu_s = now() - began, _cpu_s(house.pid) - cpu
    seen.memory = memory(house.pid)
    seen.lag_p99, seen.lag_longest = _quantile(first, before, 0.99), _quantile(first, before, 1.0)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICKS_S


def _quantile(first: Metrics, last: Metrics, share: float) -> float:
    """As Prometheus has it, from the buckets: a straight line within the one where it lies."""
    name = "bellhop_loop_lag_seconds_bucket"
    edges = sorted((float(key[1]), key) for key in last if key[0] == name)
    counts = [(edge, last[key] - first.get(key, 0.0)) for edge, key in edges]
    wanted, low, below = counts[-1][1] * share, 0.0, 0.0
    for edge, count in counts:
        if count >= wanted:
            inside = (wanted - below) / (count - below) if count > below else 1.0
            return low if edge == float("inf") else low + (edge - low) * inside
        low, below = edge, count
    return low


def _demand_samples(house: Service, size: int, *, within_s: float) -> None:
    """Each machine was looked at in time, and nothing of it was unknown."""
    since = (datetime.now(UTC) - timedelta(seconds=within_s)).replace(tzinfo=None)
    with contextlib.closing(sqlite3.connect(house.folder / "bellhop.db")) as database:
        rows = database.execute(
            "SELECT rental_id, sample FROM samples WHERE at >= ?", (f"{since:%Y-%m-%d %H:%M:%S}",)
        ).fetchall()
    whole = {rental for rental, sample in rows if '"machine"' in sample and '"notebook"' in sample}
    assert len(whole) == size, f"of {size} machines {len(whole)} were looked at"


def _figures(seen: Seen, smaller: Sequence[Seen], periods: dict[str, float]) -> list[Figure]:
    size = f"{seen.size:,} ready rentals"
    rows = [
        median_of(
            f"{size}: {what}",
            seen.passes[loop],
            beside="the time there is for it",
            others=[periods[loop]],
            goal=periods[loop],
        )
        for loop, what in (
            ("questions", "every machine and notebook looked at and judged"),
            ("reconciler", "a pass over the account"),
        )
    ]
    rows.append(_one(f"{size}: event loop late, p99", seen.lag_p99, LAG_S, "the goal", goal=LAG_S))
    rows.append(
        _one(
            f"{size}: started, until the last notebook can be opened",
            seen.reached_s,
            periods["questions"],
            "one idle round",
        )
    )
    if not smaller:
        return rows
    first = smaller[0]
    than = f"the same at {first.size:,}"
    grown = (seen.memory - first.memory) / (seen.size - first.size)
    return [
        *rows,
        _one(
            f"{size}: processor time a rental and minute",
            seen.cpu_a_minute,
            first.cpu_a_minute,
            than,
            goal_ratio=1.0,
        ),
        _one(
            f"{size}: memory of the process",
            seen.memory,
            first.memory,
            than,
            unit=Unit.BYTES,
            goal_ratio=seen.size / first.size,
        ),
        _one(
            f"{size}: memory for one more rental",
            grown,
            statistics.median([first.memory / first.size]),
            f"the process at {first.size:,}, for each of them",
            unit=Unit.BYTES,
        ),
    ]


def _one(
    name: str,
    value: float,
    other: float,
    beside: str,
    *,
    unit: Unit = Unit.SECONDS,
    goal: float | None = None,
    goal_ratio: float | None = None,
) -> Figure:
    return median_of(
        name, [value], beside=beside, others=[other], unit=unit, goal=goal, goal_ratio=goal_ratio
    )
