"""A figure, what it stands beside, and the table of all of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_HEAD = ("Figure", "Bellhop", "Beside it", "That takes", "Ratio", "Goal", "Of")


class Unit(Enum):
    """What a figure counts. Less is better but in bytes a second and in how many a second."""

    SECONDS = "s"
    BYTES = "B"
    BYTES_PER_S = "B/s"
    PER_S = "/s"
    COUNT = ""

    @property
    def more_is_better(self) -> bool:
        return self in (Unit.BYTES_PER_S, Unit.PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row. `value` and `other` are in its unit, from samples taken in the same run.

    A goal is for the value, or for the ratio where the issue asks for so many times as much.
    """

    name: str
    value: float
    spread: tuple[float, float]  # the smallest and the largest sample behind `value`
    beside: str
    other: float
    samples: int
    unit: Unit = Unit.SECONDS
    goal: float | None = None
    goal_ratio: float | None = None

    @property
    def ratio(self) -> float:
        return self.value / self.other

    @property
    def held(self) -> bool | None:
        """Whether the goal was reached; None where there is none."""
        if self.goal_ratio is not None:
            more = self.unit.more_is_better
            return self.ratio >= self.goal_ratio if more else self.ratio <= self.goal_ratio
        return None if self.goal is None else self.value <= self.goal


def median_of(
    name: str,
    samples: Sequence[float],
    *,
    beside: str,
    others: Sequence[float],
    unit: Unit = Unit.SECONDS,
    goal: float | None = None,
    goal_ratio: float | None = None,
) -> Figure:
    """The median of both sides."""
    return Figure(
        name=name,
        value=statistics.median(samples),
        spread=(min(samples), max(samples)),
        beside=beside,
        other=statistics.median(others),
        samples=len(samples),
        unit=unit,
        goal=goal,
        goal_ratio=goal_ratio,
    )


def percentile_of(
    name: str,
    percent: int,
    samples: Sequence[float],
    *,
    beside: str,
    others: Sequence[float],
    goal: float | None = None,
    goal_ratio: float | None = None,
) -> Figure:
    """The same percentile of both sides."""
    return Figure(
        name=name,
        value=percentile(samples, percent),
        spread=(min(samples), max(samples)),
        beside=beside,
        other=percentile(others, percent),
        samples=len(samples),
        goal=goal,
        goal_ratio=goal_ratio,
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
    low, high = (_shown(each, figure.unit) for each in figure.spread)
    value = _shown(figure.value, figure.unit)
    return (
        figure.name,
        value if figure.samples == 1 else f"{value} ({low} to {high})",
        figure.beside,
        _shown(figure.other, figure.unit),
        f"{figure.ratio:.2f}" if figure.ratio >= 0.1 else f"{figure.ratio:.2g}",
        _goal(figure),
        str(figure.samples),
    )


def _goal(figure: Figure) -> str:
    verdict = "held" if figure.held else "missed"
    if figure.goal_ratio is not None:
        bound = "≥" if figure.unit.more_is_better else "≤"
        return f"ratio {bound} {figure.goal_ratio:.2f}, {verdict}"
    return "" if figure.goal is None else f"≤ {_shown(figure.goal, figure.unit)}, {verdict}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _shown(value: float, unit: Unit) -> str:
    """Three digits, in the size of the unit that reads best."""
    if unit is Unit.COUNT:
        return f"{value:,.0f}"
    if unit is Unit.PER_S:
        return f"{value:,.0f}/s"
    if unit is Unit.BYTES_PER_S:
        return f"{value / 1e6:.0f} MB/s"
    if unit is Unit.BYTES:
        for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if value >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.3g} B"
    if value >= 1:
        return f"{value:.3g} s"
    return f"{value * 1000:.3g} ms" if value >= 1e-4 else f"{value * 1e6:.3g} µs"
