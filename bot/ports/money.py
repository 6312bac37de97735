"""The money's part of the database: tabs of machines, Vast's bills, budgets, sums of the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.bills import Bill
from bot.domain.budgets import Budget, Grant, Month, Subject, Use
from bot.domain.ledger import Entry, Kind
from bot.domain.letters import Writing
from bot.domain.money import ZERO, Usd
from bot.domain.prospects import Used
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
        """Those of machines that are not known to be gone; one that cannot be read is left out."""
        ...

    async def tabs_of(self, rental_ids: Sequence[RentalId]) -> list[Tab]: ...

    async def tabs_since(self, at: datetime) -> list[Tab]:
        """Those that are open or ended after that moment; one that cannot be read is left out."""
        ...

    async def tabs_of_machine(self, contract: ContractId) -> list[Tab]:
        """Whichever rental's."""
        ...

    async def write_tab(self, tab: Tab, entries: Sequence[Entry] = ()) -> Tab:
        """Write a tab with the entries that it gave rise to, in one transaction.

        Guarded: raises Stale unless the stored version is still `tab.version` (0: none is stored).
        With entries the rental's card is asked for anew.
        """
        ...

    async def write_tabs(
        self, changes: Sequence[tuple[Tab, Sequence[Entry]]]
    ) -> Sequence[Tab | None]:
        """The same for several in one transaction; None in the place of one that was stale."""
        ...


class Bills(Protocol):
    async def bills_of(self, rental_ids: Sequence[RentalId]) -> list[Bill]: ...

    async def write_bill(
        self, bill: Bill, entries: Sequence[Entry] = (), *, letters: Sequence[Writing] = ()
    ) -> None:
        """Write what Vast says now, with what it adds to the books, in one transaction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """On whose money a rental begins: its owner's roles at that moment, and the month."""

    role_ids: tuple[int, ...]
    month: Month


class Budgets(Protocol):
    async def budgets(self, guild_id: int) -> list[Budget]:
        """Those that hold now, one a subject; those taken away are left out."""
        ...

    async def set_budget(self, guild_id: int, budget: Budget) -> None:
        """Written beside the earlier ones, which stay as the record of who set what."""
        ...

    async def budget_changes(self, guild_id: int, *, limit: int) -> list[Budget]:
        """That record, newest first, with the limits that were taken away."""
        ...

    async def uses(
        self, guild_id: int, month: Month, subjects: Sequence[Subject] | None = None
    ) -> list[Use]:
        """How these budgets stand now (all of them by default), grants of the month included."""
        ...

    async def used(self, guild_id: int, month: Month, subjects: Sequence[Subject]) -> list[Used]:
        """How the month stands for each of these, with or without a budget."""
        ...

    async def counted(self, guild_id: int, subject: Subject) -> list[RentalId]:
        """The open rentals that count against a budget, oldest first."""
        ...

    async def add_grant(self, grant: Grant) -> bool:
        """Write a request; False, with nothing written, where one for its quote waits already."""
        ...

    async def grant(self, grant_id: str) -> Grant | None: ...

    async def begun_with(self, quote_id: str) -> RentalId | None:
        """The rental that began with a quote, whatever became of it."""
        ...

    async def decide_grant(
        self, grant_id: str, *, by: int, approved: bool, now: datetime
    ) -> Grant | None:
        """Decide a request, once: who comes second gets None."""
        ...

    async def marked(self, guild_id: int, month: Month) -> Mapping[tuple[Subject, int], datetime]:
        """The marks (percent) that somebody was told of this month, and when."""
        ...

    async def mark(
        self,
        guild_id: int,
        subject: Subject,
        month: Month,
        percents: Sequence[int],
        *,
        letters: Mapping[RentalId, Sequence[Writing]],
    ) -> bool:
        """Tell of the last of these marks, once a month; those before it are told with it.

        Letters and marks are one transaction. False, with no letter, where it was told before.
        """
        ...

    async def unmark(self, guild_id: int, subject: Subject, month: Month, percent: int) -> None:
        """Forget a mark, so that it may be told again."""
        ...

    async def guilds(self) -> list[int]:
        """The servers that have a budget."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one machine of a rental cost within a span, of one kind."""

    rental_id: RentalId
    contract: ContractId
    kind: Kind
    amount: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Of a rental's whole life: what was quoted, booked and charged."""

    owner_id: int
    owner_name: str
    name: str
    agreed_per_hour: Usd
    created_at: datetime | None
    gone_at: datetime | None
    contract: ContractId | None
    used: bool  # it became ready, or still may
    booked: Usd
    billed: Usd | None  # None: Vast has said nothing yet
    transfer: Usd = ZERO  # of what is booked: bytes of the machine it has or had last
    billed_at: datetime | None = None  # when Vast last said something of that machine

    @property
    def final(self) -> bool:
        """Whether Vast has billed it to its end: a bill from before says nothing about that."""
        if self.gone_at is None or self.billed_at is None:
            return False
        return self.billed_at >= self.gone_at


class Spending(Protocol):
    """Sums for a server, or one member of it. Entries count where their period begins."""

    async def spent(
        self, guild_id: int, owner_id: int | None, start: datetime, end: datetime
    ) -> list[Spent]: ...

    async def lives(
        self, guild_id: int, owner_id: int | None, start: datetime, end: datetime
    ) -> Mapping[RentalId, Life]:
        """Of every rental that has entries in the span, is open, or is not booked to its end."""
        ...

    async def open_tabs_of(self, guild_id: int, owner_id: int | None) -> list[Tab]: ...

    async def by_hour(
        self,
        guild_id: int,
        owner_id: int | None,
        start: datetime,
        end: datetime,
        *,
        by_member: bool,
    ) -> list[tuple[datetime, str, Usd]]:
        """Sums by begin of the period and by member (or else by kind), whose name is a text."""
        ...
