"""The books in the database: each entry once, sums exact."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.adapters.storage.store import SqlStore
from bot.adapters.storage.tables import ledger
from bot.domain.ledger import Entry, Kind
from bot.domain.money import Usd
from bot.domain.rentals import Rental, RentalId
from bot.errors import Stale
from tests.builders import NOW, begun

HOUR = timedelta(hours=1)


def an_entry(rental: Rental, micros: int, *, kind: Kind = Kind.GPU, start: datetime = NOW) -> Entry:
    return Entry(
        rental_id=rental.id,
        kind=kind,
        period_start=start,
        period_end=start + HOUR,
        amount=Usd(micros),
    )


async def test_totals_are_by_rental_and_kind(store: SqlStore) -> None:
    """Whoever is asked about is answered, also who has no entries; others are left out."""
    one, other, idle = await begun(store), await begun(store), await begun(store)
    entries = [
        an_entry(one, 297_000),
        an_entry(one, 148_501, start=NOW + HOUR),
        an_entry(one, 20_820, kind=Kind.STORAGE),
    ]
    await store.apply(one, event="Wait", entries=entries)
    await store.apply(other, event="Wait", entries=[an_entry(other, 1)])

    totals = await store.totals([one.id, idle.id])

    assert totals == {
        one.id: {Kind.GPU: Usd(445_501), Kind.STORAGE: Usd(20_820)},
        idle.id: {},
    }
    assert await store.totals([]) == {}
    assert await store.totals([RentalId("unknown")]) == {"unknown": {}}


async def test_no_micro_dollar_is_lost_in_a_sum(store: SqlStore) -> None:
    """3,000 times $0.100001 is $300.003; a REAL column of SQLite would be off."""
    rental = await begun(store)
    entries = [an_entry(rental, 100_001, start=NOW + n * HOUR) for n in range(3000)]

    await store.apply(rental, event="Wait", entries=entries)

    assert await store.totals([rental.id]) == {rental.id: {Kind.GPU: Usd(300_003_000)}}


async def test_amounts_are_larger_than_32_bits_and_may_be_negative(store: SqlStore) -> None:
    """A correction takes back; a year of eight H200s is more than $2,147."""
    rental = await begun(store)
    entries = [an_entry(rental, 10**15), an_entry(rental, -1, start=NOW + HOUR)]

    await store.apply(rental, event="Wait", entries=entries)

    assert await store.totals([rental.id]) == {rental.id: {Kind.GPU: Usd(10**15 - 1)}}


async def test_an_entry_that_is_there_is_left_as_it_is(store: SqlStore) -> None:
    """A repeated pass adds nothing, and a later look does not rewrite the books."""
    rental = await begun(store)
    rental = await store.apply(rental, event="Wait", entries=[an_entry(rental, 297_000)])
    again = [an_entry(rental, 999), an_entry(rental, 5, start=NOW + HOUR)]

    await store.apply(rental, event="Wait", entries=again)

    assert await store.totals([rental.id]) == {rental.id: {Kind.GPU: Usd(297_005)}}


async def test_an_hour_is_booked_once_however_many_book_it(store: SqlStore) -> None:
    """200 passes at once over the same ten hours of one machine: ten entries, one sum."""
    rental = await begun(store)
    entries = [an_entry(rental, 297_000, start=NOW + n * HOUR) for n in range(10)]

    async def book() -> None:
        while True:
            seen = await store.rental(rental.id)
            assert seen is not None
            try:
                await store.apply(seen, event="Wait", entries=entries, notify=False)
            except Stale:
                continue
            return

    for _ in range(20):
        await asyncio.gather(*(book() for _ in range(10)))

    async with store._database.reading() as connection:
        count = (await connection.execute(select(func.count()).select_from(ledger))).scalar_one()
    assert count == 10
    assert await store.totals([rental.id]) == {rental.id: {Kind.GPU: Usd(2_970_000)}}


async def test_a_change_that_is_stale_books_nothing(store: SqlStore) -> None:
    """Row and entries are one transaction."""
    rental = await begun(store)
    await store.apply(rental, event="Wait")

    with pytest.raises(Stale):
        await store.apply(
            replace(rental, fails=1), event="Wait", entries=[an_entry(rental, 297_000)]
        )

    assert await store.totals([rental.id]) == {rental.id: {}}
