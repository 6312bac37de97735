"""Tabs and bills in the database: guarded, and one transaction with their entries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.adapters.storage.store import SqlStore
from bot.domain import tabs
from bot.domain.bills import Bill, Parts
from bot.domain.ledger import Entry, Kind
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Rental
from bot.errors import Stale
from tests.builders import NOW, an_instance, begun

ONE, OTHER = ContractId(2**40), ContractId(8)


def an_entry(rental: Rental, contract: ContractId, micros: int) -> Entry:
    return Entry(
        rental_id=rental.id,
        contract=contract,
        kind=Kind.GPU,
        period_start=NOW,
        period_end=NOW + timedelta(hours=1),
        amount=Usd(micros),
    )


async def test_a_tab_comes_back_as_it_was_written(store: SqlStore) -> None:
    """To the last grain, of which an hour of eight GPUs has more than 64 bits."""
    rental = await begun(store)
    tab = tabs.opened(rental, ONE, an_instance(rental), NOW)
    tab = replace(tab, gpu_open=10**21 + 1, destroyed_at=NOW)

    written = await store.write_tab(tab)

    assert await store.open_tabs() == [written]
    assert written == replace(tab, version=1)


async def test_a_tab_is_written_by_whoever_read_it_last(store: SqlStore) -> None:
    """And what is stale books nothing; nor does a tab that was opened twice."""
    rental = await begun(store)
    tab = tabs.opened(rental, ONE, None, NOW)
    first = await store.write_tab(tab, [an_entry(rental, ONE, 1)])
    await store.write_tab(first, [])

    for stale in (tab, first):
        with pytest.raises(Stale):
            await store.write_tab(stale, [an_entry(rental, OTHER, 7)])

    assert await store.totals([rental.id]) == {rental.id: {Kind.GPU: Usd(1)}}


async def test_several_are_written_together_and_a_stale_one_holds_up_none(
    store: SqlStore,
) -> None:
    """Each with its entries; the stale one books nothing."""
    rental = await begun(store)
    fresh, other = (tabs.opened(rental, contract, None, NOW) for contract in (ONE, OTHER))
    await store.write_tab(other)

    written = await store.write_tabs(
        [(fresh, [an_entry(rental, ONE, 2)]), (other, [an_entry(rental, OTHER, 7)])]
    )

    assert written == [replace(fresh, version=1), None]
    assert await store.totals([rental.id]) == {rental.id: {Kind.GPU: Usd(2)}}


async def test_two_machines_of_a_rental_have_an_hour_each(store: SqlStore) -> None:
    """A second machine under the same label is in the books too, and told apart."""
    rental = await begun(store)
    for contract, micros in ((ONE, 5), (OTHER, 3)):
        tab = tabs.opened(rental, contract, None, NOW)
        await store.write_tab(tab, [an_entry(rental, contract, micros)])

    assert await store.totals_by_machine([rental.id]) == {
        (rental.id, ONE): {Kind.GPU: Usd(5)},
        (rental.id, OTHER): {Kind.GPU: Usd(3)},
    }


async def test_an_ended_tab_is_found_by_its_end(store: SqlStore) -> None:
    """For as long as Vast may still have something to say."""
    rental = await begun(store)
    tab, _ = tabs.end(tabs.opened(rental, ONE, None, NOW), NOW)
    written = await store.write_tab(tab)

    assert await store.open_tabs() == []
    assert await store.tabs_since(NOW - timedelta(days=1)) == [written]
    assert await store.tabs_since(NOW) == []
    assert await store.tabs_of([rental.id]) == [written]


async def test_a_bill_is_replaced_by_a_newer_one_and_its_entries_stay(store: SqlStore) -> None:
    """Vast's word is the newest; the books only grow."""
    rental = await begun(store)
    bill = Bill(
        rental_id=rental.id,
        contract=ONE,
        total=Usd(10),
        parts=Parts(Usd(1), Usd(2), Usd(3), Usd(4)),
        seen_at=NOW,
        changed_at=NOW,
    )
    await store.write_bill(bill, [an_entry(rental, ONE, 10)])
    later = replace(bill, total=Usd(9), seen_at=NOW + timedelta(hours=1), settled_at=NOW)
    await store.write_bill(later, [an_entry(rental, ONE, 99)])

    assert await store.bills_of([rental.id]) == [later]
    assert await store.totals([rental.id]) == {rental.id: {Kind.GPU: Usd(10)}}
