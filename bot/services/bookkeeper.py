"""The bookkeeper: keeps the tab of every machine of ours, from what the reconciler's looks show.

It listens to looks and to destroys and asks Vast nothing itself. What it knows is written down when
something is booked or has changed, and once a minute; what a killed process had not written is read
off again at the next look.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain import tabs
from bot.domain.ledger import Entry
from bot.domain.rentals import ContractId, Instance, Rental, RentalId
from bot.domain.tabs import Tab
from bot.errors import Stale
from bot.errors import Store as StoreDown
from bot.ports.books import Store
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

WRITE_EVERY = timedelta(minutes=1)

_TOGETHER = 25  # tabs in one transaction

_Key = tuple[RentalId, ContractId]
_Change = tuple[Tab, Sequence[Entry]]


class Bookkeeper:
    """`billing` is woken when a machine is gone: Vast's bill for it may be asked for."""

    def __init__(self, *, store: Store, billing: Wake) -> None:
        self._store = store
        self._billing = billing
        self._tabs: dict[_Key, Tab] = {}
        self._written: dict[_Key, Tab] = {}
        self._loaded = False

    async def look(
        self,
        rentals: Sequence[Rental],
        theirs: Mapping[RentalId, Sequence[Instance]],
        listing: Sequence[Instance] | None,
        at: datetime,
    ) -> None:
        """Take in one look at the account: the open rentals, their machines, a full list or None.

        A tab that cannot be kept now is made up for by a later look; the others are kept.
        """
        await self._load()
        by_id = {rental.id: rental for rental in rentals}
        machines = {one.contract: one for one in listing or ()}
        missing = {
            key: one for key, one in _known(rentals, theirs).items() if key not in self._tabs
        }

        async def open_one(key: _Key) -> None:
            await self._open(by_id[key[0]], key, missing[key], at)

        async def read_one(key: _Key) -> _Change | None:
            machine = machines.get(key[1])
            return await self._read(key, machine, by_id, at, complete=listing is not None)

        await each(missing, open_one, of=lambda key: key, at_once=1)
        found = await each(list(self._tabs), read_one, of=lambda key: key, at_once=1)
        changes = [one for one in found if one is not None]
        together = [changes[at : at + _TOGETHER] for at in range(0, len(changes), _TOGETHER)]
        await each(together, self._write_together, of=lambda some: _key(some[0][0]), at_once=1)
        for key, tab in list(self._tabs.items()):
            if tab.ended_at is not None and key[0] not in by_id:
                del self._tabs[key]
                self._written.pop(key, None)

    async def busy(self) -> bool:
        """Whether a tab waits for a look: its machine may not be gone."""
        await self._load()
        return any(tab.ended_at is None for tab in self._tabs.values())

    async def destroyed(self, contract: ContractId, at: datetime) -> None:
        """Vast has taken our destroy of that machine."""
        await self._load()
        for key, tab in list(self._tabs.items()):
            if key[1] == contract:
                await self._write(tabs.destroyed(tab, at), [])

    async def _load(self) -> None:
        if not self._loaded:
            found = await self._store.open_tabs()
            self._tabs = {(tab.rental_id, tab.contract): tab for tab in found}
            self._written = dict(self._tabs)
            self._loaded = True

    async def _open(
        self, rental: Rental, key: _Key, machine: Instance | None, at: datetime
    ) -> None:
        for tab in await self._store.tabs_of([rental.id]):
            if tab.contract == key[1]:
                self._tabs[key] = self._written[key] = tab
                return
        self._tabs[key] = tabs.opened(rental, key[1], machine, at)

    async def _read(
        self,
        key: _Key,
        machine: Instance | None,
        rentals: dict[RentalId, Rental],
        at: datetime,
        *,
        complete: bool,
    ) -> _Change | None:
        """The tab as of this look, and what is to be booked, where that is to be written."""
        tab = self._tabs[key]
        if machine is not None:
            tab, entries = tabs.read(tab, machine, at)
        elif (
            tab.ended_at is None and complete and (gone_at := await self._gone_at(tab, rentals, at))
        ):
            tab, entries = tabs.end(tab, gone_at)
        else:
            entries = []
        before = self._written.get(key)
        if entries or before is None or _differs(before, tab):
            return tab, entries
        self._tabs[key] = tab
        return None

    async def _gone_at(
        self, tab: Tab, rentals: dict[RentalId, Rental], at: datetime
    ) -> datetime | None:
        """Since when a machine that a complete list lacks is gone for certain; None: it may not be.

        One that vanished counts up to the last look that showed it; Vast's bill says more.
        """
        if tab.destroyed_at is not None and at > tab.destroyed_at:
            return tab.destroyed_at
        rental = rentals.get(tab.rental_id) or await self._store.rental(tab.rental_id)
        if rental is None or not rental.open or rental.contract != tab.contract:
            late = at - tab.read_until >= tabs.DYING or (rental is not None and not rental.open)
            return tab.read_until if late else None
        return None

    async def _write_together(self, changes: Sequence[_Change]) -> None:
        """In one transaction: once a minute all tabs are due. One that breaks it is left alone."""
        try:
            written = await self._store.write_tabs(changes)
        except StoreDown as error:
            log.warning("tabs were not written together: %s", error)
            await each(
                changes, lambda one: self._write(*one), of=lambda one: _key(one[0]), at_once=1
            )
            return
        for (tab, _), stored in zip(changes, written, strict=True):
            self._stored(tab, stored)

    async def _write(self, tab: Tab, entries: Sequence[Entry]) -> None:
        """Into the books, or not at all: whoever else has written makes us read them anew."""
        try:
            self._stored(tab, await self._store.write_tab(tab, entries))
        except Stale:
            self._stored(tab, None)

    def _stored(self, tab: Tab, stored: Tab | None) -> None:
        if stored is None:
            log.warning("the tabs are read anew: that of machine %s had changed", tab.contract)
            self._loaded = False
            return
        self._tabs[_key(tab)] = self._written[_key(tab)] = stored
        if stored.ended_at is not None:
            self._billing.set()


def _key(tab: Tab) -> _Key:
    return tab.rental_id, tab.contract


def _known(
    rentals: Sequence[Rental], theirs: Mapping[RentalId, Sequence[Instance]]
) -> dict[_Key, Instance | None]:
    """Every machine of an open rental: those that are listed for it, and the one on its row."""
    found: dict[_Key, Instance | None] = {
        (rental.id, rental.contract): None for rental in rentals if rental.contract is not None
    }
    found |= {(rental_id, one.contract): one for rental_id, mine in theirs.items() for one in mine}
    return found


def _differs(before: Tab, after: Tab) -> bool:
    """Whether a tab has changed by more than some time that passed."""
    return (
        before.burn != after.burn
        or before.ended_at != after.ended_at
        or before.destroyed_at != after.destroyed_at
        or after.read_until - before.read_until >= WRITE_EVERY
    )
