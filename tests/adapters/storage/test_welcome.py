"""Greetings over both databases: one a server, and nothing of an earlier joining counts later."""

from __future__ import annotations

from datetime import timedelta

from bot.ports.books import Store
from tests.builders import GUILD, NOW

LATER = NOW + timedelta(hours=1)


async def test_a_greeting_is_read_back_whole_and_due_at_once(store: Store) -> None:
    """Until it was sent."""
    await store.greet(GUILD, NOW)
    (greeting,) = await store.due_greetings(NOW)
    assert (greeting.guild_id, greeting.joined_at, greeting.tries) == (GUILD, NOW, 0)
    assert greeting.person_id is greeting.greeted_at is greeting.settled_at is None

    await store.greeting_tried(greeting, 42)
    await store.greeted(greeting, LATER)

    assert await store.due_greetings(LATER) == []
    sent = await store.greeting(GUILD)
    assert sent is not None
    assert (sent.tries, sent.person_id, sent.greeted_at) == (1, 42, LATER)
    assert await store.greeting(GUILD + 1) is None


async def test_one_that_waits_is_due_when_its_time_has_come(store: Store) -> None:
    await store.greet(GUILD, NOW)
    (greeting,) = await store.due_greetings(NOW)

    await store.greeting_waits(greeting, next_at=LATER, error="503")

    assert await store.due_greetings(NOW) == []
    assert [one.guild_id for one in await store.due_greetings(LATER)] == [GUILD]


async def test_joined_again_it_is_due_again_whatever_comes_of_the_first(store: Store) -> None:
    """The answer to an older try changes nothing of the newer greeting; choices stay."""
    await store.greet(GUILD, NOW)
    (first,) = await store.due_greetings(NOW)
    await store.choose_unlimited(GUILD, unlimited=True)
    await store.greet(GUILD, LATER)

    await store.greeted(first, LATER, error="closed")
    await store.greeting_tried(first, 42)

    (again,) = await store.due_greetings(LATER)
    assert (again.joined_at, again.tries, again.unlimited) == (LATER, 0, True)


async def test_an_old_customer_is_noted_and_never_due(store: Store) -> None:
    """One that has a greeting is left as it is."""
    await store.need_no_greeting(GUILD, NOW)
    await store.greet(GUILD + 1, NOW)
    await store.need_no_greeting(GUILD + 1, LATER)

    assert [one.guild_id for one in await store.due_greetings(LATER)] == [GUILD + 1]
    assert await store.ungreeted([GUILD + 2, GUILD, GUILD + 1]) == [GUILD + 2]
    known = await store.greeting(GUILD)
    assert known is not None
    assert known.settled_at == NOW


async def test_it_is_settled_once(store: Store) -> None:
    """The first Done counts."""
    await store.greet(GUILD, NOW)

    await store.settle_greeting(GUILD, NOW)
    await store.settle_greeting(GUILD, LATER)

    settled = await store.greeting(GUILD)
    assert settled is not None
    assert settled.settled_at == NOW
