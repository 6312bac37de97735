"""Tabs of machines and Vast's bills for them, each written together with its entries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.ledger import write
from bot.adapters.storage.letters import look_at_receipts, write_letters
from bot.adapters.storage.outbox import show_card_anew
from bot.adapters.storage.plain import read, text_of
from bot.adapters.storage.tables import bills, tabs
from bot.adapters.storage.unit import Part, inserting
from bot.domain.bills import Bill, Parts
from bot.domain.ledger import Entry
from bot.domain.letters import Writing
from bot.domain.rentals import ContractId, RentalId
from bot.domain.tabs import Tab
from bot.errors import Stale, Store

log = logging.getLogger(__name__)

_AT_A_STRETCH = 20  # tabs read before whatever else is due has its turn
_PARTS = ("gpu", "storage", "download", "upload")


class SqlTabs(Part):
    async def open_tabs(self) -> list[Tab]:
        return await self._readable(select(tabs).where(tabs.c.ended_at.is_(None)))

    async def tabs_of(self, rental_ids: Sequence[RentalId]) -> list[Tab]:
        return await self._tabs(select(tabs).where(tabs.c.rental_id.in_(rental_ids)))

    async def tabs_since(self, at: datetime) -> list[Tab]:
        return await self._readable(
            select(tabs).where(or_(tabs.c.ended_at.is_(None), tabs.c.ended_at > at))
        )

    async def tabs_of_machine(self, contract: ContractId) -> list[Tab]:
        return await self._tabs(select(tabs).where(tabs.c.contract == contract))

    async def write_tab(self, tab: Tab, entries: Sequence[Entry] = ()) -> Tab:
        async with self._database.writing() as connection:
            written = await _put(connection, tab, entries, self._clock.now())
            if written is None:
                raise Stale(f"the tab of machine {tab.contract} is not at version {tab.version}")
        return written

    async def write_tabs(
        self, changes: Sequence[tuple[Tab, Sequence[Entry]]]
    ) -> Sequence[Tab | None]:
        now = self._clock.now()
        async with self._database.writing() as connection:
            return [await _put(connection, tab, entries, now) for tab, entries in changes]

    async def bills_of(self, rental_ids: Sequence[RentalId]) -> list[Bill]:
        chosen = select(bills).where(bills.c.rental_id.in_(rental_ids))
        async with self._database.reading() as connection:
            return [_bill(row) for row in await connection.execute(chosen)]

    async def write_bill(
        self, bill: Bill, entries: Sequence[Entry] = (), *, letters: Sequence[Writing] = ()
    ) -> None:
        now = self._clock.now()
        values = {
            "total": bill.total,
            **{part: getattr(bill.parts, part) for part in _PARTS},
            "seen_at": bill.seen_at,
            "changed_at": bill.changed_at,
            "settled_at": bill.settled_at,
        }
        key = {"rental_id": bill.rental_id, "contract": bill.contract}
        async with self._database.writing() as connection:
            new = inserting(connection, bills).values(key | values)
            await connection.execute(
                new.on_conflict_do_update(
                    index_elements=[bills.c.rental_id, bills.c.contract], set_=values
                )
            )
            await write(connection, entries, now)
            await write_letters(connection, bill.rental_id, letters, now)
            await look_at_receipts(connection, bill.rental_id, now)
            if entries:
                await show_card_anew(connection, bill.rental_id, now)

    async def _tabs(self, chosen: Select[Any]) -> list[Tab]:
        return [_tab(row) for row in await self._rows(chosen)]

    async def _readable(self, chosen: Select[Any]) -> list[Tab]:
        rows, found = await self._rows(chosen), []
        for at in range(0, len(rows), _AT_A_STRETCH):
            found += readable(rows[at : at + _AT_A_STRETCH])
            await asyncio.sleep(0)
        return found

    async def _rows(self, chosen: Select[Any]) -> Sequence[Row[Any]]:
        async with self._database.reading() as connection:
            found = await connection.execute(chosen.order_by(tabs.c.contract))
            return list(found.all())


async def _put(
    connection: AsyncConnection, tab: Tab, entries: Sequence[Entry], now: datetime
) -> Tab | None:
    """The tab and its entries; None, with nothing written, where it is not as it was read."""
    written = replace(tab, version=tab.version + 1)
    values = {"version": written.version, "ended_at": written.ended_at, "tab": text_of(written)}
    key = {"rental_id": tab.rental_id, "contract": tab.contract}
    if tab.version == 0:
        new = inserting(connection, tabs).values(key | values).on_conflict_do_nothing()
        done = await connection.execute(new.returning(tabs.c.contract))
    else:
        change = (
            update(tabs)
            .where(
                tabs.c.rental_id == tab.rental_id,
                tabs.c.contract == tab.contract,
                tabs.c.version == tab.version,
            )
            .values(values)
        )
        done = await connection.execute(change.returning(tabs.c.contract))
    if done.first() is None:
        return None
    await write(connection, entries, now)
    if entries:
        await show_card_anew(connection, tab.rental_id, now)
    return written


def readable(rows: Sequence[Row[Any]]) -> list[Tab]:
    """The tabs that can be read: one that cannot holds up no other."""
    found = []
    for row in rows:
        try:
            found.append(_tab(row))
        except Store as error:
            log.error("left alone: %s", error)
    return found


def _tab(row: Row[Any]) -> Tab:
    """The tab, or Store with its machine: something else than we have written into the row."""
    try:
        return read(Tab, row.tab)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Store(f"the tab of machine {row.contract} cannot be read: {error!r}") from error


def _bill(row: Row[Any]) -> Bill:
    return Bill(
        rental_id=RentalId(row.rental_id),
        contract=ContractId(row.contract),
        total=row.total,
        parts=Parts(*(getattr(row, part) for part in _PARTS)),
        seen_at=row.seen_at,
        changed_at=row.changed_at,
        settled_at=row.settled_at,
    )
