"""Addresses outlive rentals: who gets which name, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.adapters.storage.store import SqlStore
from bot.domain.archives import ArchiveState
from bot.domain.rentals import Rental, State
from bot.errors import Busy
from bot.ports.books import Parcel
from tests.builders import NOW, a_quote, a_rental, begun
from tests.domain.test_archives import an_archive


async def _another(store: SqlStore, **changes: object) -> Rental:
    quote = a_quote()
    await store.add_quote(quote)
    return await store.begin(a_rental(quote, **changes), quote_id=quote.id)


async def _become(store: SqlStore, rental: Rental, **changes: object) -> Rental:
    return await store.apply(replace(rental, **changes), event="changed")  # type: ignore[arg-type]


async def test_a_rental_answers_under_its_own_id(store: SqlStore) -> None:
    """From its first moment; a name nobody ever had leads nowhere."""
    rental = await begun(store)

    assert await store.at(rental.id) == rental.id
    assert await store.at("nobody") is None


async def test_a_restore_goes_on_under_the_address_of_what_was_archived(store: SqlStore) -> None:
    """The earlier rental has ended, so its name is free for the next one."""
    old = await begun(store)
    await _become(store, old, state=State.CLOSED)

    new = await _another(store, address=old.id)

    assert new.host_name == old.id
    assert await store.at(old.id) == new.id
    assert await store.rental(new.id) == new


async def test_a_second_restore_at_once_gets_an_address_of_its_own(store: SqlStore) -> None:
    """One name leads to one machine; the row says that it is not the wished one."""
    old = await begun(store)
    await _become(store, old, state=State.CLOSED)
    first = await _another(store, address=old.id)

    second = await _another(store, address=old.id)

    assert second.address is None
    assert await store.at(old.id) == first.id
    assert await store.at(second.id) == second.id
    assert await store.rental(second.id) == second


async def test_a_move_takes_the_address_over_when_it_is_ready(store: SqlStore) -> None:
    """Until then the old machine answers there; afterwards no later write takes it back."""
    old = await _become(store, await begun(store), state=State.READY)
    new = await _another(store, address=old.id, moves_from=old.id)
    before = await store.at(old.id)

    new = await _become(store, new, state=State.READY, ready_at=NOW)
    after = await store.at(old.id)
    await _become(store, old, note="still there")

    assert (before, after) == (old.id, new.id)
    assert await store.at(old.id) == new.id


async def test_an_old_machine_that_stays_gets_its_address_back(store: SqlStore) -> None:
    """The new one was ready and has ended before the old one: the name is the old one's again."""
    old = await _become(store, await begun(store), state=State.READY)
    new = await _another(store, address=old.id, moves_from=old.id)
    new = await _become(store, new, state=State.READY)
    await _become(store, new, state=State.CLOSED)

    await _become(store, old, note="opened again")

    assert await store.at(old.id) == old.id


async def test_a_rental_is_moved_to_one_machine_at_a_time(store: SqlStore) -> None:
    """A second move is refused in words; after the first has ended it may begin."""
    old = await _become(store, await begun(store), state=State.READY)
    first = await _another(store, moves_from=old.id)

    with pytest.raises(Busy) as refused:
        await _another(store, moves_from=old.id)
    await _become(store, first, state=State.CLOSED)
    again = await _another(store, moves_from=old.id)

    assert "moved" in refused.value.public
    assert again.moves_from == old.id


async def test_a_link_to_a_download_works_once_and_for_a_while(
    store: SqlStore,
) -> None:
    """Bytes that are no text come back as they were."""
    rental = await begun(store)
    run = an_archive("run", state=ArchiveState.RUNNING, proven_at=None, manifest="")
    archive_id = (await store.begin_archive(replace(run, rental_id=rental.id))).id
    parcel = Parcel(
        digest="a" * 64,
        archive_id=archive_id,
        path=b"d/\xff\n",
        member_id=1,
        expires_at=NOW + timedelta(minutes=10),
    )
    await store.add_parcel(parcel)

    assert await store.parcel(parcel.digest, NOW) == parcel
    assert await store.parcel(parcel.digest, NOW + timedelta(minutes=11)) is None
    assert not await store.fetch_parcel(parcel.digest, NOW + timedelta(minutes=11))
    assert await store.fetch_parcel(parcel.digest, NOW)
    assert not await store.fetch_parcel(parcel.digest, NOW)
    assert await store.parcel(parcel.digest, NOW) is None
