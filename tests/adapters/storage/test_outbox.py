"""The outbox in the database: the newest is due, under one nonce until it has arrived."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.idle_memory import begin
from bot.domain.rentals import Rental
from bot.ports.books import Remembered, Store
from tests.builders import NOW, SetClock, begun

MINUTE = timedelta(minutes=1)


async def test_a_new_rental_has_a_notice(store: Store) -> None:
    """It is due at once, and its id fits Discord's nonce."""
    rental = await begun(store)

    [notice] = await store.due(NOW)

    assert (notice.rental_id, notice.version) == (rental.id, 1)
    assert (notice.tries, notice.first_tried_at) == (0, None)
    assert 0 < len(notice.id) <= 25


async def test_notices_of_one_rental_become_one(store: Store) -> None:
    """Five changes are one edit of the card, as of the newest."""
    rental = await begun(store)
    for _ in range(5):
        rental = await store.apply(rental, event="Wait")
    rental = await store.apply(rental, event="Wait", notify=False)

    due = await store.due(NOW)

    assert [(notice.rental_id, notice.version) for notice in due] == [(rental.id, 6)]


async def test_who_waits_longest_comes_first(store: Store, clock: SetClock) -> None:
    """A rental that changes all the time neither overtakes others nor falls behind them."""
    first = await begun(store)
    clock.turn(MINUTE)
    second = await begun(store)
    clock.turn(MINUTE)
    await store.apply(first, event="Wait")

    due = await store.due(clock.now())

    assert [notice.rental_id for notice in due] == [first.id, second.id]
    assert await store.due(clock.now(), limit=1) == due[:1]


async def test_a_delivered_notice_is_not_due(store: Store) -> None:
    """Once is enough, until something changes."""
    rental = await begun(store)
    [notice] = await store.due(NOW)
    await store.trying(notice, NOW)

    await store.delivered(notice, NOW)

    assert await store.due(NOW + MINUTE) == []
    await store.apply(rental, event="Wait")
    [newer] = await store.due(NOW + MINUTE)
    assert (newer.version, newer.tries, newer.first_tried_at) == (2, 0, None)
    assert newer.id != notice.id
    assert newer.key == notice.key


async def test_a_change_during_a_delivery_is_delivered_too(store: Store) -> None:
    """What was shown is marked as shown, not what came after."""
    rental = await begun(store)
    [notice] = await store.due(NOW)
    await store.trying(notice, NOW)
    await store.apply(rental, event="Wait")

    await store.delivered(notice, NOW)

    assert [one.version for one in await store.due(NOW)] == [2]


async def ask_anew(store: Store, rental: Rental) -> None:
    """As an idle look does when its verdict differs."""
    known = await store.remembered(rental.id) or Remembered(begin(NOW), 0)
    await store.remember(rental.id, known.memory, version=known.version, show=True)


@pytest.mark.parametrize("before", [1, 2, 3])
async def test_a_card_asked_for_anew_during_a_delivery_is_shown_again(
    store: Store, before: int
) -> None:
    """The rental has not changed; what was read for the card that is on its way has."""
    rental = await begun(store)
    for _ in range(before):
        [notice] = await store.due(NOW)
        await store.trying(notice, NOW)
        await store.delivered(notice, NOW)
        await ask_anew(store, rental)

    [notice] = await store.due(NOW)
    await store.trying(notice, NOW)
    await ask_anew(store, rental)
    await store.delivered(notice, NOW)

    [again] = await store.due(NOW)
    assert again.version == notice.version
    assert again.id != notice.id
    await store.delivered(again, NOW)
    assert await store.due(NOW) == []


async def test_a_card_asked_for_anew_before_its_first_delivery_is_shown_once(store: Store) -> None:
    """However often: what it shows is read when it is delivered."""
    rental = await begun(store)
    rental = await store.apply(rental, event="Wait")
    for _ in range(3):
        await ask_anew(store, rental)

    [notice] = await store.due(NOW)
    await store.delivered(notice, NOW)

    assert await store.due(NOW) == []


async def test_asked_for_anew_and_changed_during_a_delivery(store: Store) -> None:
    """Both together are one more card, as of the newest."""
    rental = await begun(store)
    [notice] = await store.due(NOW)
    await ask_anew(store, rental)
    await store.apply(rental, event="Wait")
    await store.delivered(notice, NOW)

    [again] = await store.due(NOW)
    assert again.version == 2
    await store.delivered(again, NOW)
    assert await store.due(NOW) == []


async def test_a_try_that_was_cut_short_is_remembered(store: Store) -> None:
    """Killed between the message and its receipt: the next try has the same nonce and knows."""
    rental = await begun(store)
    [notice] = await store.due(NOW)
    await store.trying(notice, NOW)

    await store.apply(rental, event="Wait")
    [again] = await store.due(NOW + MINUTE)
    await store.trying(again, NOW + MINUTE)
    [third] = await store.due(NOW + MINUTE)

    assert again.id == third.id == notice.id
    assert again.version == 2
    assert (third.tries, third.first_tried_at) == (2, NOW)


async def test_a_failed_notice_waits(store: Store) -> None:
    """Until its time, and keeps what is known of its tries."""
    await begun(store)
    [notice] = await store.due(NOW)
    await store.trying(notice, NOW)

    await store.failed(notice, next_at=NOW + MINUTE, error="Discord answered 503")

    assert await store.due(NOW + MINUTE / 2) == []
    [again] = await store.due(NOW + MINUTE)
    assert (again.id, again.tries, again.first_tried_at) == (notice.id, 1, NOW)


async def test_news_do_not_wait_for_what_failed(store: Store, clock: SetClock) -> None:
    """A change during or after a failed try is due at once."""
    rental = await begun(store)
    [notice] = await store.due(NOW)
    rental = await store.apply(rental, event="Wait")
    await store.failed(notice, next_at=NOW + 9 * MINUTE, error="Discord answered 503")
    assert [one.version for one in await store.due(NOW)] == [2]
    [newer] = await store.due(NOW)
    await store.failed(newer, next_at=NOW + 9 * MINUTE, error="Discord answered 503")

    await store.apply(rental, event="Wait")

    assert [one.version for one in await store.due(clock.now())] == [3]


async def test_a_late_failure_does_not_undo_a_delivery(store: Store) -> None:
    """Of two deliveries of one notice the successful one counts."""
    await begun(store)
    [notice] = await store.due(NOW)

    await store.delivered(notice, NOW)
    await store.failed(notice, next_at=NOW, error="late")

    assert await store.due(NOW + MINUTE) == []
