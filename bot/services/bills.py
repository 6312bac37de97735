"""Vast's bill, fetched on a tick and after each end, and held against our books.

A charge belongs to the machine that its number names; only where we know no such machine does its
label count. Charges of others on the account are nobody's here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from bot.domain import tabs
from bot.domain.bills import Bill, Charge, Patience, corrections, reckon, summed, watched
from bot.domain.ledger import NO_CONTRACT, Entry, Kind
from bot.domain.letters import Kind as LetterKind
from bot.domain.letters import Writing
from bot.domain.money import ZERO, Usd
from bot.domain.policy_keys import BILL_DIFFERENCE
from bot.domain.rentals import SKEW, ContractId, Rental, RentalId
from bot.domain.tabs import Tab
from bot.errors import BotError, Stale
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

SETTLING = timedelta(minutes=10)
"""A machine younger than that may yet come into the books by a listing."""

_MISSED_TICKS_S = 1800.0


class Bills:
    def __init__(
        self,
        *,
        store: Store,
        market: Market,
        clock: Clock,
        news: Wake,
        installation: str,
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._market = market
        self._clock = clock
        self._news = news
        self._prefix = f"{installation}/"
        self._patience = patience or Patience()
        self._policies = Policies(store=store)

    async def run(self, wake: Wake) -> None:
        """A look at the bill at each tick; for ever. One that fails is made good by the next."""
        while True:
            try:
                await self.pass_once()
            except BotError as error:
                log.warning("the bill could not be looked at: %s", error)
            await wake.wait(_MISSED_TICKS_S)

    async def pass_once(self) -> int:
        """Fetch what Vast charged for every machine that is watched; how many lines it added."""
        now = self._clock.now()
        kept = await self._store.tabs_since(now - 2 * self._patience.watched)
        if not kept:
            return 0
        since = min(tab.created_at for tab in kept)
        charges = summed(await self._market.charges(since=since, until=now))
        kept += await self._strays(kept, charges)
        # Tabs first, then sums: an hour that is booked in between then counts twice as ours, which
        # adds nothing; the other way round it would be missing.
        ids = sorted({tab.rental_id for tab in kept})
        books = await self._store.totals_by_machine(ids)
        known = {(bill.rental_id, bill.contract): bill for bill in await self._store.bills_of(ids)}
        told_from = await self._policies.value(BILL_DIFFERENCE)

        async def hold(tab: Tab) -> int:
            key = tab.rental_id, tab.contract
            charge = charges[tab.contract]
            return await self._hold(tab, books.get(key, {}), known.get(key), charge, told_from)

        billed = [tab for tab in kept if tab.contract in charges]
        return sum(await each(billed, hold, of=lambda tab: tab.rental_id, at_once=1))

    async def _hold(
        self,
        tab: Tab,
        booked: Mapping[Kind, Usd],
        before: Bill | None,
        charge: Charge,
        told_from: Usd,
    ) -> int:
        now = self._clock.now()
        if not watched(tab, before, self._patience, now):
            return 0
        bill, entries = reckon(tab, booked, before, charge, patience=self._patience, now=now)
        letters = _letters(entries, booked.get(Kind.ADJUSTMENT, ZERO), told_from)
        await self._store.write_bill(bill, entries, letters=letters)
        if entries:
            log.info("Vast's bill for machine %s added %s lines", tab.contract, len(entries))
        if (
            entries
            or before is None
            or (before.total, before.settled_at)
            != (
                bill.total,
                bill.settled_at,
            )
        ):
            self._news.set()  # cards and receipts say something else now
        return len(entries)

    async def _strays(self, kept: Sequence[Tab], charges: Mapping[ContractId, Charge]) -> list[Tab]:
        """Tabs for machines that only the bill knows, and whose label is a rental's."""
        known = {tab.contract for tab in kept}
        named = [
            charge
            for charge in charges.values()
            if charge.contract not in known and charge.label.startswith(self._prefix)
        ]
        found = await each(named, self._stray, of=lambda one: one.contract, at_once=1)
        return [tab for tab in found if tab is not None]

    async def _stray(self, charge: Charge) -> Tab | None:
        rental = await self._store.rental(RentalId(charge.label.removeprefix(self._prefix)))
        if rental is None or not await self._is_stray(rental, charge):
            return None
        return await self._open(rental, charge)

    async def _is_stray(self, rental: Rental, charge: Charge) -> bool:
        """Not one whose books are closed, nor one that the next listing shows."""
        if self._clock.now() - charge.start < SETTLING:
            return False
        if charge.start < _earliest(charge, rental):
            return False  # it was there before the rental: somebody has changed a label
        if await self._store.tabs_of_machine(charge.contract):
            return False  # perhaps another rental's, which took it in
        books = await self._store.totals_by_machine([rental.id])
        return rental.contract != charge.contract or (rental.id, NO_CONTRACT) not in books

    async def _open(self, rental: Rental, charge: Charge) -> Tab | None:
        tab = tabs.opened(rental, charge.contract, None, charge.start)
        ended_at = min(charge.end, self._clock.now())  # a line of whole days ends tonight
        tab = replace(tab, ended_at=ended_at, burn=replace(tab.burn, storage=False))
        try:
            log.warning("the bill names machine %s, which the books lacked", charge.contract)
            return await self._store.write_tab(tab)
        except Stale:
            return None


def _earliest(charge: Charge, rental: Rental) -> datetime:
    """When a line of a rental's own machine may begin: a line by the day does at UTC's midnight."""
    earliest = rental.requested_at - SKEW
    midnight = earliest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if charge.start.astimezone(UTC).time() == time() else earliest


def _letters(entries: Sequence[Entry], before: Usd, told_from: Usd) -> list[Writing]:
    """A letter to the leads about corrections of that much, at once or bit by bit.

    `before` are that machine's corrections so far: a bill that grows a little faster than our
    reckoning is corrected a little at each look.
    """
    now = corrections(entries)
    steps = abs((before + now).micros) // told_from.micros - abs(before.micros) // told_from.micros
    if abs(now.micros) < told_from.micros and (steps <= 0 or not now.micros):
        return []
    why = next(entry for entry in entries if entry.kind is Kind.ADJUSTMENT)
    return [Writing(kind=LetterKind.BILL_LEADS, at=why.period_start, detail=why.why)]
