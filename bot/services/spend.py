"""What people have spent: the books plus the hour that is still running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.access import Action, Actor, demand
from bot.domain.ledger import Cost, Kind, cost
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import Rental
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
        booked = await self._store.totals([rental.id for rental in rentals])
        now = self._clock.now()
        lines = [
            Line(rental=rental, cost=_so_far(rental, booked.get(rental.id, {}), now))
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


def _so_far(rental: Rental, booked: Mapping[Kind, Usd], now: datetime) -> Cost:
    """The books up to where they are written, and the reckoning from there to now."""
    written = Cost(booked.get(Kind.GPU, ZERO), booked.get(Kind.STORAGE, ZERO))
    if rental.settled_until is None:
        return cost(rental, now)
    until, from_ = cost(rental, now), cost(rental, rental.settled_until)
    return written + Cost(until.gpu - from_.gpu, until.storage - from_.storage)
