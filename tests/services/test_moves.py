"""A move over both databases: the quote, the wish, and two rentals that hand over to each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from bot.adapters.storage.engine import parsed, writing_engine
from bot.domain.access import Actor
from bot.domain.archives import Failure
from bot.domain.archives import Trouble as ArchiveTrouble
from bot.domain.budgets import Scope, Subject
from bot.domain.forecasts import disk_needed_gb, moving, restoring
from bot.domain.letters import Kind
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import Phase, Reason, Rental, State
from bot.errors import BadInput, Busy, NotReady, NotYours, OverBudget, RestoreFailed
from bot.ports.books import Store
from tests.builders import SetClock, an_offer, begun
from tests.services.test_reconciler import ADA, GRACE, LINUS, PLACE
from tests.services.worlds import DictMarket, House

SMALL = an_offer(id=1, machine_id=1)
LARGE = an_offer(id=2, machine_id=2, gpu_name="A100", vram_mb=81920)


@pytest.fixture
def house(store: Store, clock: SetClock) -> House:
    return House(store=store, market=DictMarket(offers=[SMALL, LARGE]), clock=clock)


async def _row(house: House, rental: Rental) -> Rental:
    row = await house.store.rental(rental.id)
    assert row is not None
    return row


async def _ready(house: House, actor: Actor = ADA) -> Rental:
    quote = await house.desk.quote(actor, PLACE, Wish(offer_id=1))
    rental = await house.desk.rent(actor, quote.id)
    await house.passes(2)
    return await _row(house, rental)


async def test_the_menu_has_one_machine_of_each_kind_but_not_this_one(house: House) -> None:
    """The cheapest of each, wherever the work fits."""
    house.market.offers.append(an_offer(id=3, machine_id=3, gpu_name="A100", vram_mb=81920))
    house.market.offers.append(an_offer(id=4, machine_id=4, gpu_name="L4", disk_free_gb=10))
    old = await _ready(house)

    found = await house.moves.choices(ADA, old.id)

    assert [one.id for one in found.offers] == [2]


async def test_a_row_that_cannot_be_read_keeps_nobody_else_from_moving(
    house: House, database_url: str
) -> None:
    old, spoilt = await _ready(house), await begun(house.store)
    engine = writing_engine(parsed(database_url))
    async with engine.begin() as connection:
        spoil = text("UPDATE rentals SET offer = '{}' WHERE id = :id")
        await connection.execute(spoil, {"id": spoilt.id})
    await engine.dispose()

    found = await house.moves.choices(ADA, old.id)

    assert [one.id for one in found.offers] == [2]


async def test_the_quote_of_a_move_names_both_machines_costs(house: House) -> None:
    """Transfer at either host's rate, the old machine's hours until then, and time and disk."""
    old = await _ready(house)

    quote = await house.moves.quote(ADA, PLACE, old.id, 2)

    seen = quote.forecast
    assert seen == moving(10**10, old=SMALL, old_per_hour=old.per_hour, onto=LARGE)
    assert (seen.upload, seen.download) == (Usd.of("0.20"), Usd.of("0.20"))
    assert seen.meanwhile.micros > 0
    assert seen.takes > timedelta(minutes=3)
    assert (quote.moves_from, quote.address) == (old.id, old.id)
    assert quote.wish.disk_gb >= seen.disk_gb == disk_needed_gb(10**10)


async def test_a_move_ends_ready_at_the_same_address_with_the_old_machine_gone(
    house: House,
) -> None:
    """Archived, rented, restored, archived again and restored again; then the old one ends."""
    old = await _ready(house)
    address = await house.links.issue(ADA, old.id)

    new = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(12)

    before, after = await _row(house, old), await _row(house, new)
    assert (before.state, before.reason) == (State.CLOSED, Reason.MOVED)
    assert (after.state, after.restore_id) == (State.READY, before.archive_id)
    assert len(house.shelf.restored) == 2
    assert [one.label for one in house.market.alive.values()] == [f"bellhop/{new.id}"]
    moved = await house.links.issue(ADA, new.id)
    assert moved.partition("/-/")[0] == address.partition("/-/")[0]
    assert await house.links.at(old.id) == new.id


async def test_who_was_in_the_old_notebook_is_not_in_the_new_one(house: House) -> None:
    """A session is for one machine, though the address is the same."""
    old = await _ready(house)
    ticket = (await house.links.issue(ADA, old.id)).rpartition("/")[2]
    session = await house.links.spend(old.id, ticket)
    assert session is not None

    new = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(12)

    assert await house.links.enter(new.id, session.value) is None
    assert await house.links.enter(old.id, session.value) is None


async def test_the_old_notebook_is_open_until_the_new_one_answers(house: House) -> None:
    """While it waits for the other machine, its route stays; for the last copy it is gone."""
    house.books.silent = False
    old = await _ready(house)

    await house.moves.move(ADA, PLACE, old.id, 2)
    opened: list[bool] = []
    for _ in range(12):
        await house.passes()
        row = await _row(house, old)
        if row.state is State.ARCHIVING and row.reason is Reason.MOVED:
            assert house.routes.get(old.id) is None
        opened.append(row.state is State.READY and house.routes.get(old.id) is not None)

    assert opened[0]
    assert not opened[-1]


async def test_a_machine_that_cannot_be_archived_costs_no_second_one(house: House) -> None:
    """The move is given up with the reason, before anything was rented."""
    old = await _ready(house)
    why = "Not verified, in use: log.txt kept changing."
    house.shelf.failures = [Failure(trouble=ArchiveTrouble.IN_USE, words=why)]

    new = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(6)

    row = await _row(house, new)
    assert (row.state, row.reason) == (State.CLOSED, Reason.NOT_MOVED)
    assert "log.txt" in row.detail
    assert (await _row(house, old)).state is State.READY
    assert len(house.market.orders) == 1


async def test_a_restore_that_fails_keeps_the_old_machine(house: House) -> None:
    """The new one ends with its reason; the old one is as it was, and open."""
    house.shelf.restore_error = RestoreFailed()
    old = await _ready(house)

    new = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(12)

    assert (await _row(house, new)).reason is Reason.NOT_RESTORED
    assert (await _row(house, old)).state is State.READY
    assert [one.label for one in house.market.alive.values()] == [f"bellhop/{old.id}"]
    assert house.routes.get(old.id) is not None


async def test_what_goes_on_changing_stays_where_it_is(house: House) -> None:
    """Something wrote on the old machine after the last copy: it stays, and its owner is told."""
    house.shelf.changes = ["runs/log.txt"]
    old = await _ready(house)

    new = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(16)

    row = await _row(house, old)
    assert row.state is State.READY
    assert "runs/log.txt" in row.note
    assert (await _row(house, new)).reason is Reason.NOT_MOVED
    assert await house.links.at(old.id) == old.id


async def test_a_cancelled_move_opens_the_old_notebook_again(house: House) -> None:
    """Cancel on the new machine's card, in the middle of the last copy."""
    old = await _ready(house)
    new = await house.moves.move(ADA, PLACE, old.id, 2)
    while (await _row(house, new)).phase is not Phase.SWITCHING:
        await house.passes()

    await house.desk.end(ADA, new.id)
    await house.passes(8)

    assert (await _row(house, new)).reason is Reason.CANCELLED
    row = await _row(house, old)
    assert (row.state, row.released_at, row.reason) == (State.READY, None, None)


async def test_a_process_that_dies_goes_on_with_a_move(house: House) -> None:
    """Nothing in memory, the same rows: at every pass."""
    old = await _ready(house)
    new = await house.moves.move(ADA, PLACE, old.id, 2)

    for _ in range(24):
        house.start()
        await house.passes()

    assert (await _row(house, old)).state is State.CLOSED
    assert (await _row(house, new)).state is State.READY
    assert len(house.market.alive) == 1


async def test_an_old_machine_that_vanishes_leaves_its_archive_to_the_new_one(
    house: House,
) -> None:
    """Gone on the way: the first copy is what the new one opens with, at the same address."""
    old = await _ready(house)
    new = await house.moves.move(ADA, PLACE, old.id, 2)
    while (await _row(house, new)).state is not State.BOOTING:
        await house.passes()
    contract = (await _row(house, old)).contract
    assert contract is not None
    del house.market.alive[contract]

    await house.passes(60)

    assert (await _row(house, old)).reason is Reason.VANISHED
    assert (await _row(house, new)).state is State.READY
    assert await house.links.at(old.id) == new.id


async def test_only_the_owner_moves_a_machine_and_only_one_that_is_ready(house: House) -> None:
    """Each refusal in its own words; a second move at once is one of them."""
    quote = await house.desk.quote(ADA, PLACE, Wish(offer_id=1))
    coming = await house.desk.rent(ADA, quote.id)
    with pytest.raises(NotReady):
        await house.moves.choices(ADA, coming.id)
    await house.passes(2)

    for other in (LINUS, GRACE):
        with pytest.raises(NotYours):
            await house.moves.choices(other, coming.id)
    first = await house.moves.quote(ADA, PLACE, coming.id, 2)
    second = await house.moves.quote(ADA, PLACE, coming.id, 2)
    begun = await house.desk.rent(ADA, first.id)

    assert await house.desk.rent(ADA, first.id) == begun
    with pytest.raises(Busy):
        await house.desk.rent(ADA, second.id)
    with pytest.raises(Busy):
        await house.moves.choices(ADA, coming.id)


async def test_the_quote_of_a_restore_says_time_price_and_disk(house: House) -> None:
    """At that host's rates; it is kept with the rental, which opens at the earlier address."""
    old = await _ready(house)
    await house.desk.end(ADA, old.id)
    await house.passes(6)
    archive_id = (await _row(house, old)).archive_id
    house.shelf.proofs = [replace(one, bytes=20 * 10**9) for one in house.shelf.proofs]

    quote = await house.desk.quote(ADA, PLACE, Wish(disk_gb=40, offer_id=2), restore=archive_id)
    rental = await house.desk.rent(ADA, quote.id)

    assert quote.forecast == restoring(20 * 10**9, LARGE)
    assert quote.forecast.download == Usd.of("0.40")
    assert rental.forecast == quote.forecast
    assert rental.host_name == old.id
    with pytest.raises(BadInput, match="30"):
        await house.desk.quote(ADA, PLACE, Wish(disk_gb=20, offer_id=2), restore=archive_id)


def test_a_forecast_grows_with_the_bytes_and_shrinks_with_the_line() -> None:
    """20 GB over a line of 800 Mbit/s: about four minutes of it, and the start."""
    slow = restoring(20 * 10**9, replace(LARGE, download_mbps=Decimal(100)))
    quick = restoring(20 * 10**9, replace(LARGE, download_mbps=Decimal(800)))
    empty = restoring(0, LARGE)

    assert slow.takes > quick.takes > empty.takes == timedelta(minutes=3)
    assert timedelta(minutes=6) < quick.takes < timedelta(minutes=9)
    assert (quick.disk_gb, empty.disk_gb, empty.download) == (30, 4, Usd())


async def test_each_machine_of_a_move_has_books_of_its_own(house: House) -> None:
    """Both tabs run side by side while both machines live; the old one's ends with its machine."""
    old = await _ready(house)
    new = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(12)
    await house.passes(2, apart=timedelta(hours=1))

    before, after = await _row(house, old), await _row(house, new)
    tabs = {tab.rental_id: tab for tab in await house.store.tabs_of([old.id, new.id])}
    books = await house.store.totals_by_machine([old.id, new.id])
    assert {one.id: one.contract for one in (before, after)} == {
        tab.rental_id: tab.contract for tab in tabs.values()
    }
    assert set(books) == {(old.id, before.contract), (new.id, after.contract)}
    assert tabs[old.id].ended_at is not None
    assert tabs[new.id].ended_at is None


async def test_a_move_must_fit_into_the_budget_of_its_owners_role(house: House) -> None:
    """The old machine counts on until it is gone; nothing is rented beyond what is left."""
    red = Subject(Scope.ROLE, 7)
    ada = replace(ADA, role_ids=(red.id,))
    old = await _ready(house, ada)
    await house.budgets.set(replace(LINUS, lead=True), red, Usd.of("0.50"))

    with pytest.raises(OverBudget, match="role"):
        await house.moves.move(ada, PLACE, old.id, 2)
    assert [one.id for one in await house.store.open_rentals()] == [old.id]
    await house.budgets.set(replace(LINUS, lead=True), red, Usd.of(5))
    new = await house.moves.move(ada, PLACE, old.id, 2)

    assert await house.store.counted(new.guild_id, red) == [old.id, new.id]


async def _letters(house: House, rental: Rental) -> list[Kind]:
    return [one.kind for one in await house.store.letters_of(rental.id)]


async def test_a_move_that_failed_is_written_to_its_owner_once(house: House) -> None:
    """Whatever it failed for: nothing to copy, or nowhere to put it."""
    old = await _ready(house)
    house.shelf.failures = [Failure(trouble=ArchiveTrouble.IN_USE, words="log.txt kept changing.")]
    first = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(6)
    house.shelf.restore_error = RestoreFailed("no room")
    second = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(8)

    assert (await _row(house, first)).reason is Reason.NOT_MOVED
    assert (await _row(house, second)).state is State.CLOSED
    assert await _letters(house, first) == [Kind.NOT_MOVED]
    assert await _letters(house, second) == [Kind.NOT_MOVED, Kind.RECEIPT]  # it had a machine


async def test_a_move_that_worked_or_was_cancelled_needs_no_letter(house: House) -> None:
    """Who cancels it knows."""
    old = await _ready(house)
    cancelled = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.desk.end(ADA, cancelled.id)
    await house.passes(6)
    moved = await house.moves.move(ADA, PLACE, old.id, 2)
    await house.passes(12)

    assert (await _row(house, cancelled)).state is State.CLOSED
    assert (await _row(house, moved)).state is State.READY
    assert await _letters(house, cancelled) == []
    assert await _letters(house, moved) == []
