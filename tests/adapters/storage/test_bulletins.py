"""Bulletins, sightings and interactions over both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.bulletins import Bulletin
from bot.domain.letters import Place
from bot.domain.rentals import ContractId
from bot.ports.books import Store
from tests.builders import CHANNEL, GUILD, NOW, SetClock, begun

TOLD = Bulletin(key="stray/5", title="A stray", text="Left alone.")
FIVE, SIX = ContractId(5), ContractId(6)


async def test_the_same_words_are_told_once_and_other_words_again(store: Store) -> None:
    """What is told again is the same message: it keeps its number and its place."""
    assert await store.tell(TOLD)
    assert not await store.tell(TOLD)
    (first,) = await store.due_bulletins(NOW)
    await store.bulletin_shown(first, NOW, Place(1, 2))
    assert await store.due_bulletins(NOW) == []

    assert await store.tell(replace(TOLD, text="Gone."))

    (again,) = await store.due_bulletins(NOW)
    assert (again.id, again.place, again.bulletin.text) == (first.id, Place(1, 2), "Gone.")


async def test_what_changes_while_it_is_sent_is_due_again(store: Store) -> None:
    """The version that was shown is the one that was sent."""
    await store.tell(TOLD)
    (sending,) = await store.due_bulletins(NOW)
    await store.tell(replace(TOLD, text="Gone."))

    await store.bulletin_shown(sending, NOW, Place(1, 2))

    (left,) = await store.due_bulletins(NOW)
    assert left.bulletin.text == "Gone."


async def test_a_bulletin_that_waits_is_not_due(store: Store) -> None:
    """And is told with its tries when it is."""
    await store.tell(TOLD)
    (posting,) = await store.due_bulletins(NOW)
    await store.bulletin_tried(posting)
    later = NOW + timedelta(minutes=1)
    await store.bulletin_waits(posting, next_at=later, error="502")

    assert await store.due_bulletins(NOW) == []
    (due,) = await store.due_bulletins(later)
    assert due.tries == 1


async def test_bulletins_are_found_by_key_and_by_its_beginning(store: Store) -> None:
    """A sign in a key is only itself."""
    await store.tell(TOLD)
    await store.tell(replace(TOLD, key="stray_6"))

    assert [one.key for one in await store.bulletins("stray/")] == ["stray/5"]
    assert [one.key for one in await store.bulletins("stray_")] == ["stray_6"]
    assert await store.bulletin("stray/5") == TOLD
    assert await store.bulletin("stray/") is None


async def test_leads_are_where_the_newest_rental_is(store: Store) -> None:
    """Before the first nobody knows."""
    assert await store.leads_place() is None
    await begun(store)
    assert await store.leads_place() == (GUILD, CHANNEL)


async def test_a_sighting_keeps_its_first_moment(store: Store) -> None:
    """Through absence and return, until it is forgotten."""
    minute = timedelta(minutes=1)
    await store.sightings([FIVE, SIX], NOW)
    await store.destroy_sent(FIVE, NOW)

    gone = await store.sightings([SIX], NOW + minute)
    still = await store.sightings([SIX], NOW + 2 * minute)
    back = await store.sightings([FIVE, SIX], NOW + 3 * minute)

    assert gone[FIVE].missing_since == still[FIVE].missing_since == NOW + minute
    assert back[FIVE].missing_since is None
    assert (back[FIVE].first_seen_at, back[FIVE].destroy_sent_at) == (NOW, NOW)
    await store.forget_sighting(FIVE)
    assert list(await store.sightings([SIX], NOW)) == [SIX]


async def test_an_interaction_is_taken_once(store: Store, clock: SetClock) -> None:
    """Whoever comes second is told so, until it is forgotten."""
    number = 1_187_654_321_098_765_432

    assert await store.take_interaction(number, NOW)
    assert not await store.take_interaction(number, NOW)
    assert await store.forget_interactions(NOW) == 0
    assert await store.forget_interactions(NOW + timedelta(days=1)) == 1
    assert await store.take_interaction(number, NOW)
