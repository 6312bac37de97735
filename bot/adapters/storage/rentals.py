"""Rentals: begun once per quote, changed only by whoever read them last.

A change, its event, its ledger entries and the notice that its card is out of date are one
transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.addresses import claim, take_over
from bot.adapters.storage.budgets import claim_more, claim_room, keep_roles
from bot.adapters.storage.ledger import write
from bot.adapters.storage.letters import write_letters
from bot.adapters.storage.outbox import ask_for_card
from bot.adapters.storage.room import demand_room
from bot.adapters.storage.rows import rental_values
from bot.adapters.storage.shares import go_over
from bot.adapters.storage.tables import events, rentals
from bot.adapters.storage.tries import (
    AT_A_STRETCH,
    insert_grudge,
    together,
    tries_of,
    with_tries,
    write_tries,
)
from bot.adapters.storage.unit import Part, inserting
from bot.domain.ledger import Entry
from bot.domain.letters import Writing
from bot.domain.rentals import Rental, RentalId, State
from bot.domain.replacement import Grudge
from bot.errors import BeingMoved, Stale, Store
from bot.ports.books import Allowance
from bot.ports.money import Claim

log = logging.getLogger(__name__)

# Written elsewhere: the card's id by `card_posted`, which may overtake a change that is on its way.
_NOT_OURS = frozenset({"id", "version", "message_id"})


class SqlRentals(Part):
    async def begin(
        self,
        rental: Rental,
        *,
        quote_id: str,
        allowance: Allowance | None = None,
        claim: Claim | None = None,
    ) -> Rental:
        values = rental_values(rental) | {"quote_id": quote_id}
        now = self._clock.now()
        async with self._database.writing() as connection:
            if claim is not None:
                await claim_room(connection, rental, quote_id, claim, now)
            if allowance is not None:
                await demand_room(connection, rental, quote_id, allowance)
            # Of two that come at once the second waits here for the first, then inserts nothing.
            new = inserting(connection, rentals).values(values).on_conflict_do_nothing()
            if (await connection.execute(new.returning(rentals.c.id))).first() is None:
                return await _begun(connection, rental, quote_id)
            if claim is not None:
                await keep_roles(connection, rental.id, claim)
            rental = await _named(connection, rental)
            await _record(connection, rental, event="requested", at=now)
            await ask_for_card(connection, rental.id, rental.version, now)
        return rental

    async def rental(self, rental_id: RentalId) -> Rental | None:
        async with self._database.reading() as connection:
            found = await connection.execute(select(rentals).where(rentals.c.id == rental_id))
            rows = await with_tries(connection, found.all())
        return rows[0] if rows else None

    async def open_rentals(self) -> list[Rental]:
        return await self._open(None)

    async def readable_rentals(self) -> list[Rental]:
        return await self._open(lambda error: log.error("left alone: %s", error))

    async def _open(self, unreadable: Callable[[Store], None] | None) -> list[Rental]:
        chosen = (
            select(rentals)
            .where(rentals.c.state != State.CLOSED.value)
            .order_by(rentals.c.requested_at, rentals.c.id)
        )
        rows: list[Row[Any]] = []
        async with self._database.reading() as connection:
            for part in (await connection.execute(chosen)).partitions(AT_A_STRETCH):
                rows += part
                await asyncio.sleep(0)  # it has all come; its times and amounts take a while
            before = await tries_of(connection, rows)
        return await together(rows, before, unreadable=unreadable)

    async def rentals_of(
        self,
        guild_id: int,
        owner_id: int | None,
        *,
        since: datetime | None = None,
        only_open: bool = False,
        limit: int = 100,
    ) -> list[Rental]:
        chosen = (
            select(rentals)
            .where(rentals.c.guild_id == guild_id)
            .order_by(rentals.c.requested_at.desc(), rentals.c.id)
            .limit(limit)
        )
        if owner_id is not None:
            chosen = chosen.where(rentals.c.owner_id == owner_id)
        if since is not None:
            chosen = chosen.where(rentals.c.requested_at >= since)
        if only_open:
            chosen = chosen.where(rentals.c.state != State.CLOSED.value)
        async with self._database.reading() as connection:
            return await with_tries(connection, (await connection.execute(chosen)).all())

    async def apply(
        self,
        after: Rental,
        *,
        event: str,
        entries: Sequence[Entry] = (),
        letters: Sequence[Writing] = (),
        notify: bool = True,
        grudge: Grudge | None = None,
        claim: Claim | None = None,
    ) -> Rental:
        now = self._clock.now()
        async with self._database.writing() as connection:
            if claim is not None:
                await claim_more(connection, after, claim, now)
            written = await _write(connection, after)
            if written.state is State.READY and (
                await take_over(connection, written) or written.address is not None
            ):
                await go_over(connection, written, now)
            await _record(connection, written, event=event, at=now)
            await write_tries(connection, written)
            if grudge is not None:
                await insert_grudge(connection, grudge)
            await write(connection, entries, now)
            await write_letters(connection, written.id, letters, now)
            if notify:
                await ask_for_card(connection, written.id, written.version, now)
        return written

    async def card_posted(self, rental_id: RentalId, message_id: int) -> None:
        change = update(rentals).where(rentals.c.id == rental_id).values(message_id=message_id)
        async with self._database.writing() as connection:
            await connection.execute(change)


async def _named(connection: AsyncConnection, rental: Rental) -> Rental:
    """The new rental under its own name and, if that is free, under the earlier one it wants.

    A move gets the name only when its machine is ready: until then the old one answers there.
    """
    await claim(connection, rental.id, rental.id)
    if not rental.address or rental.moves_from is not None:
        return rental
    if await claim(connection, rental.address, rental.id):
        return rental
    await connection.execute(update(rentals).where(rentals.c.id == rental.id).values(address=None))
    return replace(rental, address=None)


async def _write(connection: AsyncConnection, after: Rental) -> Rental:
    values = {key: value for key, value in rental_values(after).items() if key not in _NOT_OURS}
    change = (
        update(rentals)
        .where(rentals.c.id == after.id, rentals.c.version == after.version)
        .values(values | {"version": after.version + 1})
        .returning(rentals.c.message_id)
    )
    row = (await connection.execute(change)).one_or_none()
    if row is None:
        raise Stale(f"rental {after.id} is no longer at version {after.version}")
    return replace(after, version=after.version + 1, message_id=row.message_id)


async def _begun(connection: AsyncConnection, rental: Rental, quote_id: str) -> Rental:
    found = await connection.execute(select(rentals).where(rentals.c.quote_id == quote_id))
    known = await with_tries(connection, found.all())
    if not known and rental.moves_from is not None:
        raise BeingMoved(f"{rental.moves_from} is being moved already")
    if not known:
        raise Store(f"a rental called {rental.id} exists already, from another quote")
    return known[0]


async def _record(connection: AsyncConnection, rental: Rental, *, event: str, at: datetime) -> None:
    await connection.execute(
        insert(events).values(
            rental_id=rental.id,
            version=rental.version,
            at=at,
            state=rental.state.value,
            event=event,
        )
    )
