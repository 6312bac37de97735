"""What a rental has cost, as lines of the books, and what its row alone lets one reckon.

An entry is of one machine (a rental may have several: tries that failed, hosts that were replaced),
one kind and one period. The entries by time come from `tabs.py`, those for transfer and the
corrections from `bills.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.money import MONTH, ZERO, Usd
from bot.domain.rentals import ContractId, Rental, RentalId

HOUR = timedelta(hours=1)

NO_CONTRACT = ContractId(0)
"""Of entries that were written before the books told machines apart."""


class Kind(StrEnum):
    GPU = "gpu"
    STORAGE = "storage"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    ADJUSTMENT = "adjustment"  # what Vast charged more or less than we had reckoned; says why


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One append-only line; unique by rental, contract, kind and period start."""

    rental_id: RentalId
    kind: Kind
    period_start: datetime
    period_end: datetime
    amount: Usd
    contract: ContractId = NO_CONTRACT
    why: str = ""  # of an adjustment


@dataclass(frozen=True, slots=True)
class Cost:
    gpu: Usd = ZERO
    storage: Usd = ZERO
    download: Usd = ZERO
    upload: Usd = ZERO
    adjustment: Usd = ZERO

    @classmethod
    def of(cls, kinds: Mapping[Kind, Usd]) -> Cost:
        """From sums of the books by kind."""
        return cls(*(kinds.get(kind, ZERO) for kind in Kind))

    @property
    def total(self) -> Usd:
        return self.gpu + self.storage + self.download + self.upload + self.adjustment

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.gpu + other.gpu,
            self.storage + other.storage,
            self.download + other.download,
            self.upload + other.upload,
            self.adjustment + other.adjustment,
        )


def cost(rental: Rental, until: datetime) -> Cost:
    """What the row says that it cost up to a moment: its machine, and those tried before it.

    For decisions that are made from the row alone; what people read is a `tally.Tally`.
    """
    before = sum((Cost(one.gpu, one.storage) for one in rental.tries), Cost())
    return before + machine_cost(rental, until)


def machine_cost(rental: Rental, until: datetime) -> Cost:
    """What its own row lets one reckon of the present machine, as if it ran without a break."""
    end = min(until, rental.gone_at) if rental.gone_at else until
    gpu = _span(rental.running_at, end)
    storage = _span(rental.created_at, end)
    per_month = Usd(rental.price.storage_per_gb_month.micros * rental.wish.disk_gb)
    return Cost(
        rental.price.gpu_per_hour.over(gpu, per=HOUR),
        per_month.over(storage, per=MONTH),
    )


def failed_try(rental: Rental, contract: ContractId) -> bool:
    """Whether a machine of a rental was one that never came to be used, or was replaced."""
    if contract not in (NO_CONTRACT, rental.contract):
        return True
    return rental.ready_at is None and not rental.open


def _span(start: datetime | None, end: datetime) -> timedelta:
    return max(end - start, timedelta()) if start is not None else timedelta()
