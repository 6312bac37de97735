"""Pictures of spending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from bot.domain.money import Usd


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of the picture: what it is, and its dollars of each day."""

    label: str
    amounts: tuple[Usd, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Dollars a day, stacked."""

    title: str
    days: tuple[date, ...]
    series: tuple[Series, ...]


class Charts(Protocol):
    async def draw(self, picture: Picture) -> bytes:
        """A PNG, readable at a phone's width on Discord's dark ground; off the loop."""
        ...
