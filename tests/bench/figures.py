"""A figure, what it stands beside, and the table of all of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_HEAD = ("Figure", "Bellhop", "Beside it", "That takes", "Ratio", "Goal", "Of")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row. `value` and `other` are seconds, from samples taken in the same run."""

    name: str
    value: float
    spread: tuple[float, float]  # the smallest and the largest sample behind `value`
    beside: str
    other: float
    samples: int
    goal_s: float | None = None

    @property
    def ratio(self) -> float:
        return self.value / self.other

    @property
    def held(self) -> bool | None:
        """Whether the goal was reached; None where there is none."""
        return None if self.goal_s is None else self.value <= self.goal_s


def median_of(
    name: str,
    samples: Sequence[float],
    *,
    beside: str,
    others: Sequence[float],
    goal_s: float | None = None,
) -> Figure:
    """The median of both sides."""
    return Figure(
        name=name,
        value=statistics.median(samples),
        spread=(min(samples), max(samples)),
        beside=beside,
        other=statistics.median(others),
        samples=len(samples),
        goal_s=goal_s,
    )


def percentile_of(
    name: str,
    percent: int,
    samples: Sequence[float],
    *,
    beside: str,
    others: Sequence[float],
    goal_s: float | None = None,
) -> Figure:
    """The same percentile of both sides."""
    return Figure(
        name=name,
        value=percentile(samples, percent),
        spread=(min(samples), max(samples)),
        beside=beside,
        other=percentile(others, percent),
        samples=len(samples),
        goal_s=goal_s,
    )


def percentile(samples: Sequence[float], percent: int) -> float:
    """The smallest sample that so many percent of all do not exceed (nearest rank)."""
    rank = math.ceil(len(samples) * percent / 100)
    return sorted(samples)[max(rank, 1) - 1]


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table that is also easy to read as text."""
    rows = [_HEAD, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cells(figure: Figure) -> tuple[str, ...]:
    low, high = figure.spread
    goal = "" if figure.goal_s is None else f"≤ {_time(figure.goal_s)}, {_verdict(figure)}"
    return (
        figure.name,
        f"{_time(figure.value)} ({_time(low)} to {_time(high)})",
        figure.beside,
        _time(figure.other),
        f"{figure.ratio:.2f}",
        goal,
        str(figure.samples),
    )


def _verdict(figure: Figure) -> str:
    return "held" if figure.held else "missed"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _time(seconds: float) -> str:
    """Three digits, in the unit that reads best."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1000:.3g} ms"
