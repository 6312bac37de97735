"""One reading of a machine's own counters and processes, and what two of them make of it.

A reading is as the machine told it, by its own clock; nothing here has been judged or compared.
Counters cannot miss a burst, gauges do: so loads are differences of counters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.processes import Row, Tree
from bot.domain.samples import Gpu, Load, Machine

LONGEST = timedelta(minutes=15)
"""Between two readings; a mean over longer says nothing of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Times are seconds of the machine's own clock; None or empty is what it could not tell."""

    now_s: float
    self_pid: int  # of the shell that did the reading
    ticks_per_s: int = 100
    jupyter_pid: int | None = None
    rows: tuple[Row, ...] = ()
    aside: frozenset[int] = frozenset()  # pids of what libraries leave running
    editors: frozenset[int] = frozenset()  # pids of editors' servers
    written: dict[int, int] = field(default_factory=dict)  # bytes by pid
    cpu_us: int | None = None  # of the whole container
    down_bytes: int | None = None
    up_bytes: int | None = None
    gpus: tuple[Gpu, ...] | None = None
    terminals: dict[str, float] = field(default_factory=dict)  # "pts/0": when its input was read
    changed_s: float | None = None


def machine(
    reading: Reading,
    before: Reading | None,
    *,
    at: datetime,
    ready_at: datetime,
    carried_bytes: int = 0,
) -> Machine:
    """The facts of a reading, with the loads since the one before.

    `at` is our clock at the reading; `carried_bytes` went through our own connection since then and
    are nobody's work.
    """
    ready_s = reading.now_s - (at - ready_at).total_seconds()
    tree = _tree(reading)
    span_s = reading.now_s - before.now_s if before is not None else 0.0
    if before is None or not 1 <= span_s <= LONGEST.total_seconds():
        before, span_s = None, 0.0
    used = _used(reading, before, tree.ours) if before is not None else {}
    per_core = span_s * reading.ticks_per_s or 1.0
    terminals, plain = tree.logins()
    return Machine(
        load=_load(reading, before, tree, span_s, carried_bytes) if before else Load(),
        gpus=reading.gpus,
        processes=tree.processes(
            ready_s=ready_s,
            aside=reading.aside,
            editors=reading.editors,
            cores={pid: ticks / per_core for pid, ticks in used.items()},
        )
        if reading.rows
        else None,
        typed_at=_ours(_newest_key(reading, before, tree), reading.now_s, at),
        changed_at=_ours(reading.changed_s, reading.now_s, at),
        logins=terminals,
        plain_logins=plain,
        tmux_sessions=tree.multiplexers(),
    )


def _tree(reading: Reading) -> Tree:
    return Tree(
        reading.rows,
        self_pid=reading.self_pid,
        jupyter_pid=reading.jupyter_pid,
        now_s=reading.now_s,
        ticks_per_s=reading.ticks_per_s,
    )


def _load(reading: Reading, before: Reading, tree: Tree, span_s: float, carried_bytes: int) -> Load:
    """While a command of ours runs, only what single processes tell counts.

    In the container's counters ours cannot be told from theirs.
    """
    earlier = _tree(before)
    ours = tree.working_ourselves or earlier.working_ourselves
    down = _rate(reading.down_bytes, before.down_bytes, span_s, carried_bytes)
    up = _rate(reading.up_bytes, before.up_bytes, span_s, carried_bytes)
    return Load(
        cpu_cores=_cores(reading, before, tree.ours | earlier.ours, span_s, by_process=ours),
        down_kbps=None if ours else down,
        up_kbps=None if ours else up,
        written_kbps=_written(reading, before, tree.ours) / span_s / 1000,
    )


def _cores(
    reading: Reading,
    before: Reading,
    ours: frozenset[int],
    span_s: float,
    *,
    by_process: bool,
) -> float | None:
    """By the container's counter; where there is none, by those of its processes."""
    if reading.cpu_us is not None and before.cpu_us is not None and not by_process:
        used_us = reading.cpu_us - before.cpu_us
        return used_us / 1e6 / span_s if used_us >= 0 else None
    if not reading.rows or not before.rows:
        return None
    used = sum(_used(reading, before, ours).values())
    return (used + _of_ended(reading, before, ours)) / reading.ticks_per_s / span_s


def _used(reading: Reading, before: Reading, ours: frozenset[int]) -> dict[int, int]:
    """Ticks by process since the reading before."""
    known = {(row.pid, row.start_ticks): row.ticks for row in before.rows}
    return {
        row.pid: max(0, row.ticks - known.get((row.pid, row.start_ticks), 0))
        for row in reading.rows
        if row.pid not in ours
    }


def _of_ended(reading: Reading, before: Reading, ours: frozenset[int]) -> int:
    """Ticks of processes that have ended since, as far as their parents have them."""
    now = {(row.pid, row.start_ticks): row for row in reading.rows if row.pid not in ours}
    inherited = gone = 0
    for row in before.rows:
        if row.pid in ours:
            continue
        still = now.get((row.pid, row.start_ticks))
        if still is None:
            gone += row.ticks + row.child_ticks
        else:
            inherited += still.child_ticks - row.child_ticks
    return max(0, inherited - gone)


def _written(reading: Reading, before: Reading, ours: frozenset[int]) -> int:
    """Bytes written since then; a process that ended takes its count with it."""
    return sum(
        max(0, count - before.written.get(pid, 0))
        for pid, count in reading.written.items()
        if pid not in ours
    )


def _rate(count: int | None, before: int | None, span_s: float, carried: int) -> float | None:
    if count is None or before is None or count < before:
        return None
    return max(0, count - before - carried) / span_s / 1000


def _newest_key(reading: Reading, before: Reading | None, tree: Tree) -> float | None:
    """When a program last read what somebody typed, in any terminal of the machine's processes.

    A time from the future is one from before the machine's clock was set back: it counts when it
    is new, and not at each look until the clock has caught up with it.
    """
    known = before.terminals if before is not None else {}
    keys: Iterable[float] = (
        read_s
        for name, read_s in reading.terminals.items()
        if name in tree.terminals and (read_s <= reading.now_s or known.get(name) != read_s)
    )
    return max(keys, default=None)


def _ours(moment_s: float | None, now_s: float, at: datetime) -> datetime | None:
    """A time of the machine's clock on ours, not after now."""
    return None if moment_s is None else at - timedelta(seconds=max(0.0, now_s - moment_s))
