"""How the house does: what is counted while it works, and one look at all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from bot.domain.durations import Beat
from bot.domain.money import Usd
from bot.domain.rentals import Rental, State


class Observer(Protocol):
    """Told of what has just happened. Never raises and never waits."""

    def moved(self, before: Rental, after: Rental, now: datetime) -> None:
        """A rental was written anew."""
        ...

    def archived(self, outcome: str, took: timedelta) -> None:
        """A run of archiving ended: `proven`, or the trouble it ended with."""
        ...


class LagObserver(Protocol):
    """Told how late the event loop was. Never raises and never waits."""

    def lagged(self, late_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages of one kind that are to be sent; `since` is when the oldest was asked for."""

    count: int = 0
    since: datetime | None = None


class Census(Protocol):
    """What is counted in the database."""

    async def waiting(self) -> Mapping[str, Waiting]:
        """The outbox by kind: `card`, `letter`, `bulletin`. Those that were sent do not count."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What the relay has done since the process started, and does now."""

    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)  # kind, status class
    bytes: int = 0
    open_requests: int = 0
    open_sockets: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look at everything. None is unknown, and unknown is not told as 0."""

    rentals: Mapping[State, int] | None = None
    waiting: Mapping[str, Waiting] | None = None
    spend_per_hour: Usd | None = None
    credit: Usd | None = None
    credit_hours: Decimal | None = None
    beats: Mapping[str, Beat] = field(default_factory=dict)
    carried: Carried = field(default_factory=Carried)
    tunnels: int = 0
    notebooks: int = 0  # that the relay has a way to
    lease_s: float = 0.0
    faults: Mapping[str, str] = field(default_factory=dict)  # as readiness has them
    free_bytes: int | None = None
    at: datetime
