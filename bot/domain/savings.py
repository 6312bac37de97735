"""What ending forgotten machines has saved.

Nobody knows how long a forgotten machine would have gone on. What is counted is modest: it would
have cost its price until 09:00 of its owner's next morning, when they would have found it, or until
the end they had planned, whichever comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from bot.domain.money import ZERO, Usd
from bot.domain.quiet_hours import MORNING
from bot.domain.rentals import Reason, Rental

HOW = "until the planned end, or 09:00 of the owner's next morning if that comes first"
"""The same in a few words, for texts with such a sum."""


@dataclass(frozen=True, slots=True)
class Saved:
    amount: Usd = ZERO
    machines: int = 0

    def __add__(self, other: Saved) -> Saved:
        return Saved(self.amount + other.amount, self.machines + other.machines)


def saved(rental: Rental, zone: tzinfo) -> Saved:
    """What the end of this rental has saved; nothing unless it was ended for being idle.

    `zone` is its owner's.
    """
    if rental.reason is not Reason.IDLE or rental.gone_at is None:
        return Saved()
    until = next_morning(rental.gone_at, zone)
    begun = rental.created_at or rental.requested_at
    planned = begun + timedelta(hours=rental.hours) if rental.hours else until
    if planned > rental.gone_at:
        until = min(until, planned)
    return Saved(rental.per_hour.over(until - rental.gone_at, per=timedelta(hours=1)), 1)


def next_morning(at: datetime, zone: tzinfo) -> datetime:
    """The first 09:00 there after a moment, in UTC."""
    today = at.astimezone(zone).date()
    for day in (today, today + timedelta(days=1)):
        morning = datetime.combine(day, MORNING, zone).astimezone(UTC)
        if morning > at:
            return morning
    raise AssertionError("a day has a morning")
