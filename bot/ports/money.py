"""The money's part of the database: tabs of machines, Vast's bills, and sums of the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.bills import Bill
from bot.domain.ledger import Entry, Kind
from bot.domain.letters import Writing
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, RentalId
from bot.domain.tabs import Tab


class Ledger(Protocol):
    async def totals(self, rental_ids: Sequence[RentalId]) -> Mapping[RentalId, Mapping[Kind, Usd]]:
        """What the books hold for each of these rentals, by kind."""
        ...

    async def totals_by_machine(
        self, rental_ids: Sequence[RentalId]
    ) -> Mapping[tuple[RentalId, ContractId], Mapping[Kind, Usd]]:
        """The same for each machine of these rentals; those without entries are left out."""
        ...


class Tabs(Protocol):
    async def open_tabs(self) -> list[Tab]:
        """Those of machines that are not known to be gone."""
        ...

    async def tabs_of(self, rental_ids: Sequence[RentalId]) -> list[Tab]: ...

    async def tabs_since(self, at: datetime) -> list[Tab]:
        """Those that are open or ended after that moment."""
        ...

    async def write_tab(self, tab: Tab, entries: Sequence[Entry] = ()) -> Tab:
        """Write a tab with the entries that it gave rise to, in one transaction.

        Guarded: raises Stale unless the stored version is still `tab.version` (0: none is stored).
        With entries the rental's card is asked for anew.
        """
        ...


class Bills(Protocol):
    async def bills_of(self, rental_ids: Sequence[RentalId]) -> list[Bill]: ...

    async def write_bill(
        self, bill: Bill, entries: Sequence[Entry] = (), *, letters: Sequence[Writing] = ()
    ) -> None:
        """Write what Vast says now, with what it adds to the books, in one transaction."""
        ...
