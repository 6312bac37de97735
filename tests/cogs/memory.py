"""A store that is a few dictionaries: `ports.Store` as far as the chat needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.ledger import Entry, Kind
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import Quote, Rental, RentalId
from bot.errors import Stale
from bot.ports import Notice, Pass


class MemoryStore:
    def __init__(self) -> None:
        self.quotes: dict[str, Quote] = {}
        self.rentals: dict[RentalId, Rental] = {}
        self.by_quote: dict[str, RentalId] = {}
        self.entries: list[Entry] = []
        self.notices: list[Notice] = []
        self.next_at: dict[str, datetime] = {}

    async def add_quote(self, quote: Quote) -> None:
        self.quotes[quote.id] = quote

    async def quote(self, quote_id: str) -> Quote | None:
        return self.quotes.get(quote_id)

    async def begin(self, rental: Rental, *, quote_id: str) -> Rental:
        if quote_id in self.by_quote:
            return self.rentals[self.by_quote[quote_id]]
        self.by_quote[quote_id] = rental.id
        self.rentals[rental.id] = rental
        self._notify(rental)
        return rental

    async def rental(self, rental_id: RentalId) -> Rental | None:
        return self.rentals.get(rental_id)

    async def open_rentals(self) -> list[Rental]:
        return [one for one in self.rentals.values() if one.open]

    async def rentals_of(
        self,
        guild_id: int,
        owner_id: int | None,
        *,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Rental]:
        fitting = [
            one
            for one in self.rentals.values()
            if one.guild_id == guild_id
            and owner_id in (None, one.owner_id)
            and (since is None or one.requested_at >= since)
        ]
        return sorted(fitting, key=lambda one: one.requested_at, reverse=True)[:limit]

    async def apply(
        self, after: Rental, *, event: str, entries: Sequence[Entry] = (), notify: bool = True
    ) -> Rental:
        if self.rentals[after.id].version != after.version:
            raise Stale(f"rental {after.id}")
        stored = replace(after, version=after.version + 1)
        self.rentals[after.id] = stored
        self.entries += entries
        if notify:
            self._notify(stored)
        return stored

    async def card_posted(self, rental_id: RentalId, message_id: int) -> None:
        self.rentals[rental_id] = replace(self.rentals[rental_id], message_id=message_id)

    async def totals(self, rental_ids: Sequence[RentalId]) -> Mapping[RentalId, Mapping[Kind, Usd]]:
        totals: dict[RentalId, dict[Kind, Usd]] = {one: {} for one in rental_ids}
        for entry in self.entries:
            if entry.rental_id in totals:
                kinds = totals[entry.rental_id]
                kinds[entry.kind] = kinds.get(entry.kind, ZERO) + entry.amount
        return totals

    async def due(self, now: datetime, *, limit: int = 20) -> list[Notice]:
        newest = {one.rental_id: one for one in self.notices}
        ready = [one for one in newest.values() if self.next_at.get(one.id, now) <= now]
        return ready[:limit]

    async def trying(self, notice: Notice, now: datetime) -> None:
        self._replace(notice, replace(notice, tries=notice.tries + 1, first_tried_at=now))

    async def delivered(self, notice: Notice, now: datetime) -> None:
        self.notices = [
            one
            for one in self.notices
            if one.rental_id != notice.rental_id or one.version > notice.version
        ]

    async def failed(self, notice: Notice, *, next_at: datetime, error: str) -> None:
        self.next_at[notice.id] = next_at

    async def add_ticket(self, ticket: Pass) -> None:
        raise NotImplementedError

    async def ticket(self, digest: str, now: datetime) -> Pass | None:
        raise NotImplementedError

    async def spend(self, digest: str, session: Pass, now: datetime) -> bool:
        raise NotImplementedError

    async def session(self, digest: str, now: datetime) -> Pass | None:
        raise NotImplementedError

    async def revoke(self, rental_id: RentalId, now: datetime) -> int:
        raise NotImplementedError

    def _notify(self, rental: Rental) -> None:
        key = f"{rental.id}:{rental.version}"
        self.notices.append(
            Notice(id=f"n{key}", key=key, rental_id=rental.id, version=rental.version)
        )

    def _replace(self, old: Notice, new: Notice) -> None:
        self.notices = [new if one.id == old.id else one for one in self.notices]
