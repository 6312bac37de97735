"""The minute's look at a machine over its shell: the script, and what its answer says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib import resources

from bot.domain.processes import Row
from bot.domain.readings import Reading
from bot.domain.samples import Gpu
from bot.errors import CommandFailed
from bot.ports.machines import Shell

TIMEOUT_S = 40.0
"""8 s were seen on a machine with a load of 150 (reference idle-and-archive, 1.4)."""

_DIGITS = 20  # of 64 bits
_LATEST_S = 1e10  # in the year 2286; ages are counted back from here


class ShellLooks:
    """ports.Looks."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._script = (resources.files(__package__) / "look.sh").read_text()
        self._timeout_s = timeout_s

    async def look(self, shell: Shell, *, files: bool) -> Reading:
        text = f"FILES={1 if files else ''}\n{self._script}"
        ran = await shell.run(text, timeout_s=self._timeout_s, check=False)
        return parse(ran.stdout)


def parse(said: str) -> Reading:
    """The reading; lines that make no sense are passed over. Raises CommandFailed for half of one.

    The machine belongs to its renter: nothing it says may break more than its own reading.
    """
    lines = [line.partition(" ") for line in said.splitlines() if line.startswith("bellhop-")]
    told: dict[str, list[str]] = {}
    for kind, _, rest in lines:
        told.setdefault(kind.removeprefix("bellhop-"), []).append(rest)
    try:
        told["end"]
        now_s, (self_pid, ticks) = _time(told["now"][0]), told["self"][0].split()
        reader = int(self_pid)
    except (KeyError, ValueError) as error:
        raise CommandFailed("the look at the machine was cut short", status=-1) from error
    net = next(_numbers(told.get("net", ()), 2), (None, None))
    return Reading(
        now_s=now_s,
        self_pid=reader,
        ticks_per_s=int(ticks) if _is_number(ticks) and int(ticks) else 100,
        jupyter_pid=_first(told.get("jupyter", ())),
        rows=tuple(_rows(told.get("process", ()))),
        aside=frozenset(pid for (pid,) in _numbers(told.get("aside", ()), 1)),
        editors=frozenset(pid for (pid,) in _numbers(told.get("editor", ()), 1)),
        written={pid: count for pid, count in _numbers(told.get("written", ()), 2)},
        cpu_us=_first(told.get("cpu", ())),
        down_bytes=net[0],
        up_bytes=net[1],
        gpus=_gpus(told.get("gpu", ())),
        terminals=dict(_terminals(told.get("terminal", ()))),
        changed_s=_changed(told.get("changed", ())),
    )


def _rows(lines: Sequence[str]) -> Iterator[Row]:
    for line in lines:
        *numbers, name = line.split(" ", 7)
        if len(numbers) == 7 and all(map(_is_number, numbers)):
            pid, parent, session, tty, ticks, child_ticks, start = map(int, numbers)
            yield Row(pid, parent, session, tty, ticks, child_ticks, start, name)


def _gpus(lines: Sequence[str]) -> tuple[Gpu, ...] | None:
    """None unless every card tells both numbers: some say "[N/A]"."""
    gpus = []
    for line in lines:
        try:
            _, util, used = (part.strip() for part in line.split(","))
            gpus.append(Gpu(_finite(util), int(_finite(used))))
        except ValueError:
            return None
    return tuple(gpus) or None


def _terminals(lines: Sequence[str]) -> Iterator[tuple[str, float]]:
    for line in lines:
        path, _, read_s = line.rpartition(" ")
        if _is_number(read_s):
            yield path.removeprefix("/dev/"), float(read_s)


def _changed(lines: Sequence[str]) -> float | None:
    try:
        return _time(lines[0])
    except (ValueError, IndexError):
        return None


def _numbers(lines: Sequence[str], count: int) -> Iterator[tuple[int, ...]]:
    for line in lines:
        parts = line.split()
        if len(parts) == count and all(map(_is_number, parts)):
            yield tuple(map(int, parts))


def _first(lines: Sequence[str]) -> int | None:
    return next((number for (number,) in _numbers(lines, 1)), None)


def _is_number(text: str) -> bool:
    """Whether it is a count as a kernel writes one: "²" is a digit, and no number."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _time(text: str) -> float:
    """Seconds since 1970. Raises ValueError for what no clock shows."""
    seconds = _finite(text)
    if not 0 <= seconds <= _LATEST_S:
        raise ValueError(f"no time: {text[:20]!r}")
    return seconds


def _finite(text: str) -> float:
    """Raises ValueError."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"no number: {text[:20]!r}")
    return number
