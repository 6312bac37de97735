"""What a rental has cost: entries by kind and hour, computed from its own times and rates.

GPU time counts while the machine runs, storage from creation until it is gone (reference vast-api,
4.2). An entry is the difference of two cumulative amounts, so entries add up to the whole to the
last micro-dollar whatever the periods are, and computing one again gives the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.money import MONTH, ZERO, Usd
from bot.domain.rentals import Rental, RentalId

HOUR = timedelta(hours=1)


class Kind(StrEnum):
    GPU = "gpu"
    STORAGE = "storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One append-only line of the books; unique by rental, kind and period start."""

    rental_id: RentalId
    kind: Kind
    period_start: datetime
    period_end: datetime
    amount: Usd


@dataclass(frozen=True, slots=True)
class Cost:
    gpu: Usd = ZERO
    storage: Usd = ZERO

    @property
    def total(self) -> Usd:
        return self.gpu + self.storage

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.gpu + other.gpu, self.storage + other.storage)


def cost(rental: Rental, until: datetime) -> Cost:
    """Everything a rental cost up to a moment: its machine, and those tried before it."""
    before = sum((Cost(one.gpu, one.storage) for one in rental.tries), Cost())
    return before + machine_cost(rental, until)


def machine_cost(rental: Rental, until: datetime) -> Cost:
    """What the present machine cost up to a moment; nothing before Vast knows a contract."""
    end = min(until, rental.gone_at) if rental.gone_at else until
    gpu = _span(rental.running_at, end)
    storage = _span(rental.created_at, end)
    per_month = Usd(rental.price.storage_per_gb_month.micros * rental.wish.disk_gb)
    return Cost(
        rental.price.gpu_per_hour.over(gpu, per=HOUR),
        per_month.over(storage, per=MONTH),
    )


def accrue(rental: Rental, until: datetime) -> list[Entry]:
    """The entries that are missing up to a moment: one per kind and whole hour of the clock.

    The running hour is left out until it is over or the machine is gone.
    """
    if rental.created_at is None:
        return []
    entries: list[Entry] = []
    for start, end in _hours(rental.settled_until or rental.created_at, until, rental.gone_at):
        before, after = cost(rental, start), cost(rental, end)
        for kind, amount in (
            (Kind.GPU, after.gpu - before.gpu),
            (Kind.STORAGE, after.storage - before.storage),
        ):
            if amount.micros:
                entries.append(
                    Entry(
                        rental_id=rental.id,
                        kind=kind,
                        period_start=start,
                        period_end=end,
                        amount=amount,
                    )
                )
    return entries


def entries(before: Rental, after: Rental, until: datetime) -> list[Entry]:
    """What a change must book; a try that ended with it is booked to its end, like a rental."""
    if len(after.tries) > len(before.tries):
        gone_at = after.tries[-1].gone_at
        return accrue(replace(before, gone_at=gone_at), until) if gone_at else []
    return accrue(after, until)


def settle(rental: Rental, until: datetime) -> Rental:
    """The rental, marked with how far `accrue` has written its books by then."""
    start = rental.settled_until or rental.created_at
    if start is None:
        return rental
    ends = [end for _, end in _hours(start, until, rental.gone_at)]
    return replace(rental, settled_until=ends[-1]) if ends else rental


def _span(start: datetime | None, end: datetime) -> timedelta:
    return max(end - start, timedelta()) if start is not None else timedelta()


def _hours(
    start: datetime, until: datetime, gone_at: datetime | None
) -> Iterator[tuple[datetime, datetime]]:
    end = min(until, gone_at) if gone_at else until
    while start < end:
        full = start.replace(minute=0, second=0, microsecond=0) + HOUR
        if full > end:
            if gone_at is None or end < gone_at:
                return
            full = end
        yield start, full
        start = full
