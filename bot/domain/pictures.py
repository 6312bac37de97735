"""Pictures of spending as facts: what is drawn, in which order, and how it is said in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bot.domain.money import ZERO, Usd

SQUARES = ("🟦", "🟧", "🟩", "🟪", "🟨", "🟥", "⬜")
"""The colours of a picture's parts in their order, as texts beside it show them."""

COLOURS = len(SQUARES) - 1
"""So many parts have a colour of their own; the last is for all others together."""

_LONGEST = 250  # of a description, in characters
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of the picture: what it is, and its dollars of each day."""

    label: str
    amounts: tuple[Usd, ...]

    @property
    def total(self) -> Usd:
        return Usd.sum(self.amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Dollars a day, stacked."""

    title: str
    days: tuple[date, ...]
    series: tuple[Series, ...]
    note: str = ""  # smaller lines below the title, at most 66 characters each
    before: tuple[Usd, ...] = ()  # what the same days cost a week earlier, for comparison

    @property
    def total(self) -> Usd:
        return Usd.sum(one.total for one in self.series)

    def of_day(self, number: int) -> Usd:
        return Usd.sum(one.amounts[number] for one in self.series)


def stacked(
    sums: Mapping[str, Mapping[date, Usd]], labels: Mapping[str, str], days: Sequence[date]
) -> tuple[Series, ...]:
    """The parts by their dollars, the largest first; what has no colour left is one together."""
    order = sorted(sums, key=lambda part: (-Usd.sum(sums[part].values()).micros, part))
    found = [
        Series(labels.get(part, part), tuple(sums[part].get(day, ZERO) for day in days))
        for part in order[:COLOURS]
    ]
    if rest := order[COLOURS:]:
        amounts = tuple(Usd.sum(sums[part].get(day, ZERO) for part in rest) for day in days)
        found.append(Series(f"{len(rest)} others", amounts))
    return tuple(found)


def described(picture: Picture) -> str:
    """The picture in words, for whoever cannot see it: at most 250 characters."""
    if not picture.series or not picture.days:
        return f"{picture.title}: nothing was spent."
    most = max(range(len(picture.days)), key=lambda at: picture.of_day(at).micros)
    parts = [f"{one.label} {one.total}" for one in picture.series[:_NAMED]]
    if more := len(picture.series) - _NAMED:
        parts += [f"{more} more"] if more > 0 else []
    said = (
        f"{picture.title}: {picture.total} in all, most on {_day(picture.days[most])} "
        f"({picture.of_day(most)}). {', '.join(parts)}."
    )
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def key(picture: Picture) -> list[str]:
    """What each colour stands for, as lines of text; names of every script are readable there."""
    return [
        f"{SQUARES[min(at, COLOURS)]} {one.label} {one.total}"
        for at, one in enumerate(picture.series)
        if one.total != ZERO
    ]


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"
