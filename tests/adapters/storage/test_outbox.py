"""The outbox in the database: the newest is due, under one nonce until it has arrived."""

from __future__ import annotations

from datetime import timedelta

from bot.ports.books import Store
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
