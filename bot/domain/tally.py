"""What a rental has cost, as every message says it: its books, and the time not booked yet.

One source for card, `/status`, `/spend` and receipt. Beside our own reckoning stand what was quoted
and what Vast has charged, machine by machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import tabs
from bot.domain.bills import ROUNDED, Bill
from bot.domain.ledger import HOUR, NO_CONTRACT, Cost, Kind, cost, failed_try, machine_cost
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import ContractId, Rental
from bot.domain.tabs import Tab


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One machine of a rental."""

    contract: ContractId
    cost: Cost
    failed: bool = False  # it never came to be used, or was replaced
    over: bool = True  # it is gone, and booked to its end
    billed: Usd | None = None  # None: Vast has said nothing since it ended
    settled: bool = False  # Vast's bill has stood still, and was held against the books

    @property
    def known(self) -> bool:
        """Whether Vast's word is there; of next to nothing it need not say any."""
        return self.billed is not None or self.cost.total <= ROUNDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All machines of a rental, as of a moment."""

    at: datetime
    parts: tuple[Part, ...] = ()
    quoted: Usd = ZERO  # the agreed price for the time its own machine was there, and its bytes

    @property
    def cost(self) -> Cost:
        return sum((part.cost for part in self.parts), Cost())

    @property
    def total(self) -> Usd:
        return self.cost.total

    @property
    def failed(self) -> Usd:
        """Of the total: machines that were never used."""
        return Usd.sum(part.cost.total for part in self.parts if part.failed)

    @property
    def over(self) -> bool:
        """Whether every machine is gone and booked to its end."""
        return all(part.over for part in self.parts)

    @property
    def billed(self) -> Usd | None:
        """What Vast charged for all of them; None until it has said so of each."""
        if not self.parts or not all(part.known for part in self.parts):
            return None
        return Usd.sum(part.billed or ZERO for part in self.parts)

    @property
    def settled(self) -> bool:
        return all(part.settled or part.cost.total <= ROUNDED for part in self.parts)

    def of(self, contract: ContractId) -> Usd:
        """What one machine has cost."""
        return Usd.sum(part.cost.total for part in self.parts if part.contract == contract)


def tally(
    rental: Rental,
    booked: Mapping[ContractId, Mapping[Kind, Usd]],
    kept: Sequence[Tab],
    bills: Iterable[Bill],
    now: datetime,
) -> Tally:
    """From what the books hold by machine, the tabs, and Vast's bills of a rental."""
    by_number = {tab.contract: tab for tab in kept}
    charged = {bill.contract: bill for bill in bills}
    parts = tuple(
        _part(rental, one, booked.get(one, {}), by_number.get(one), charged.get(one), now)
        for one in sorted(booked.keys() | by_number.keys())
    )
    own = [part.cost for part in parts if part.contract == rental.contract]
    return Tally(
        at=now,
        parts=parts,
        quoted=quoted(
            rental.agreed_per_hour,
            rental.created_at,
            rental.gone_at or now,
            transfer=Usd.sum(cost.download + cost.upload for cost in own),
        ),
    )


def by_row(rental: Rental, now: datetime) -> Tally:
    """What the row alone lets one reckon, for who has no books at hand."""
    before = [
        Part(contract=one.contract, cost=Cost(one.gpu, one.storage), failed=True)
        for one in rental.tries
        if one.contract is not None
    ]
    whole = Part(
        contract=rental.contract or NO_CONTRACT,
        cost=machine_cost(rental, now),
        over=not rental.open,
    )
    parts = (*before, whole) if cost(rental, now).total.micros else tuple(before)
    end = rental.gone_at or now
    return Tally(at=now, parts=parts, quoted=quoted(rental.agreed_per_hour, rental.created_at, end))


def quoted(
    agreed_per_hour: Usd, created_at: datetime | None, until: datetime, *, transfer: Usd = ZERO
) -> Usd:
    """What the quote comes to: its whole price for as long as the machine was there, and its bytes.

    A quote names a price per GB and cannot know how many: they count as they were charged.
    """
    if created_at is None:
        return transfer
    return agreed_per_hour.over(max(until - created_at, timedelta()), per=HOUR) + transfer


def _part(
    rental: Rental,
    contract: ContractId,
    booked: Mapping[Kind, Usd],
    tab: Tab | None,
    bill: Bill | None,
    now: datetime,
) -> Part:
    over = tab is None or tab.ended_at is not None
    ended_at = tab.ended_at if tab is not None else None
    # A bill from before the end says nothing about the end.
    fresh = bill is not None and (ended_at is None or bill.seen_at >= ended_at)
    return Part(
        contract=contract,
        cost=Cost.of(booked) + (tabs.outstanding(tab, now) if tab is not None else Cost()),
        failed=failed_try(rental, contract),
        over=over,
        billed=bill.total if bill is not None and fresh else None,
        settled=bill is not None and bill.settled_at is not None,
    )
