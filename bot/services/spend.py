"""What people have spent: the books plus the hour that is still running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import tabs
from bot.domain.access import Action, Actor, demand
from bot.domain.ledger import Cost, Kind, cost
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import Rental, RentalId
from bot.domain.tabs import Tab
from bot.ports.books import Store
from bot.ports.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    rental: Rental
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A member's spending: every rental, newest first, and the sum."""

    member_id: int
    at: datetime
    lines: tuple[Line, ...]

    @property
    def total(self) -> Usd:
        return Usd.sum(line.cost.total for line in self.lines)

    @property
    def per_hour(self) -> Usd:
        """What the open rentals cost together at the moment."""
        return Usd.sum(running(line.rental) for line in self.lines)


class Spend:
    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def report(self, actor: Actor, member_id: int | None = None) -> Report:
        """What a member has spent, oneself by default. Raises NotYours."""
        member = member_id or actor.id
        demand(actor, Action.SEE, owner_id=member, guild_id=actor.guild_id)
        rentals = await self._store.rentals_of(actor.guild_id, member, limit=1000)
        ids = [rental.id for rental in rentals]
        kept: dict[RentalId, list[Tab]] = {}
        for tab in await self._store.tabs_of(ids):
            kept.setdefault(tab.rental_id, []).append(tab)
        booked = await self._store.totals(ids)
        now = self._clock.now()
        lines = [
            Line(
                rental=rental,
                cost=_so_far(rental, booked.get(rental.id, {}), kept.get(rental.id, []), now),
            )
            for rental in rentals
        ]
        return Report(member_id=member, at=now, lines=tuple(lines))


def running(rental: Rental) -> Usd:
    """The present price of an hour: nothing without a machine, only the disk while it loads."""
    if not rental.open or rental.created_at is None:
        return ZERO
    if rental.running_at is None:
        return rental.per_hour - rental.price.gpu_per_hour
    return rental.per_hour


def written(booked: Mapping[Kind, Usd]) -> Cost:
    """The books' sums as a cost."""
    return Cost(
        booked.get(Kind.GPU, ZERO),
        booked.get(Kind.STORAGE, ZERO),
        booked.get(Kind.DOWNLOAD, ZERO) + booked.get(Kind.UPLOAD, ZERO),
        booked.get(Kind.ADJUSTMENT, ZERO),
    )


def _so_far(rental: Rental, booked: Mapping[Kind, Usd], kept: Sequence[Tab], now: datetime) -> Cost:
    """The books, and what is open on the tabs of its machines; before a first look, the row."""
    if not kept and not booked:
        return cost(rental, now)
    return sum((tabs.outstanding(tab, now) for tab in kept), written(booked))
