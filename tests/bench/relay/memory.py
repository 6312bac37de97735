"""What the relay's process and its children hold, by the kernel's books (Linux)."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.bench.figures import Figure, Unit
from tests.bench.relay import lines
from tests.bench.relay.ways import House

READERS = 20
HELD_BYTES = 64e6
MORE_BYTES = 1e6


async def held(bellhop: House, *, size: int, for_s: float) -> list[Figure]:
    """What the relay, or a lane of it, holds at most while much goes through, above before."""
    way = bellhop.way()
    carried: dict[str, Callable[[], Awaitable[object]]] = {
        f"{size / 1e9:.1f} GB come down": lambda: lines.download(way, size),
        f"{size / 1e9:.1f} GB go up": lambda: lines.upload(way, size),
        f"{READERS} read slowly": lambda: lines.sips(way, readers=READERS, for_s=for_s),
    }
    figures = []
    for words, carry in carried.items():
        before = begin_peaks(bellhop.pid)
        await carry()
        above = float(peak_above(before))
        figures.append(
            _figure(f"memory at most while {words}", above, before[bellhop.pid], HELD_BYTES)
        )
    return figures


async def for_more(bellhop: House, count: int) -> Figure:
    """Its share of what the process and its children have, after so many more rentals."""
    await bellhop.more(count)  # these take what the work before has left free
    before = used(bellhop.pid)
    await bellhop.more(count)
    each = (used(bellhop.pid) - before) / count
    return _figure(f"memory for each of {count} more idle rentals", each, before, MORE_BYTES)


def _figure(name: str, value: float, before: int, goal: float) -> Figure:
    return Figure(
        name=name,
        value=value,
        spread=(value, value),
        beside="the relay's process before",
        other=float(before),
        samples=1,
        unit=Unit.BYTES,
        goal=goal,
    )


def used(pid: int) -> int:
    """Bytes of memory that are theirs: what is shared counts in shares (Linux, `smaps_rollup`)."""
    return sum(_share(each) for each in (pid, *_children(pid)))


def begin_peaks(pid: int) -> dict[int, int]:
    """What this process and its children hold now, by number; their peaks count from here."""
    found = {}
    for each in (pid, *_children(pid)):
        with contextlib.suppress(OSError):
            Path(f"/proc/{each}/clear_refs").write_text("5")
            found[each] = _status(each, "VmRSS")
    return found


def peak_above(before: dict[int, int]) -> int:
    """How much the one that grew most held at most above what it had then, in bytes."""
    return max(_status(pid, "VmHWM") - held for pid, held in before.items())


def _status(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


def _share(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found
