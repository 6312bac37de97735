"""What waits to be said, counted in the database."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.letters import Kind, Writing
from bot.ports.books import Store
from bot.ports.vitals import Waiting
from tests.builders import NOW, SetClock, begun


async def test_an_empty_outbox_waits_for_nothing(store: Store) -> None:
    """Each kind is named all the same."""
    assert await store.waiting() == {
        "card": Waiting(),
        "letter": Waiting(),
        "bulletin": Waiting(),
    }


async def test_what_waits_is_counted_with_its_oldest(store: Store, clock: SetClock) -> None:
    """What was delivered does not count."""
    first = await begun(store)
    clock.turn(timedelta(minutes=1))
    await begun(store)
    await store.write_letter(first.id, Writing(kind=Kind.VANISHED, at=NOW))

    found = await store.waiting()
    assert found["card"] == Waiting(2, NOW)
    assert found["letter"] == Waiting(1, NOW + timedelta(minutes=1))

    for notice in await store.due(clock.now()):
        await store.delivered(notice, clock.now())

    assert (await store.waiting())["card"] == Waiting()
