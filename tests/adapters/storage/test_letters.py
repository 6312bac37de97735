"""Letters in the database: written once, with what they are about, and kept until they are done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.evidence import Fact, Weight
from bot.domain.evidence import Kind as Seen
from bot.domain.idle_memory import begin
from bot.domain.letters import Kind, Place, Writing
from bot.domain.standing import Name, Report
from bot.errors import Stale
from bot.ports.books import Store
from tests.builders import NOW, SetClock, begun

MINUTE = timedelta(minutes=1)
ASK = Writing(
    kind=Kind.ASK,
    at=NOW + timedelta(microseconds=1),
    facts=(Fact(Seen.PROCESSES, 2, ("trän 'x\0", "y"), Weight.WEAK),),
    asked_at=NOW,
    ends=True,
    detail="why",
)


async def test_a_letter_comes_back_as_it_was_written_and_is_one(store: Store) -> None:
    """Of one kind about one moment; a microsecond later it is another."""
    rental = await begun(store)

    for writing in (ASK, ASK, replace(ASK, at=ASK.at + timedelta(microseconds=1))):
        await store.write_letter(rental.id, writing)

    first, second = await store.letters_of(rental.id)
    assert first.writing == ASK
    assert 0 < len(first.id) <= 25
    assert first.id != second.id


async def test_letters_are_written_with_the_memory_or_not_at_all(store: Store) -> None:
    """A verdict that came too late asks nobody."""
    rental = await begun(store)
    report = Report(NOW, Name.ASKED, ASK.facts, NOW + MINUTE)
    known = await store.remember(
        rental.id, begin(NOW), version=0, report=report, letters=[ASK], show=True
    )

    with pytest.raises(Stale):
        await store.remember(
            rental.id, begin(NOW), version=0, letters=[replace(ASK, kind=Kind.REMIND)]
        )

    assert await store.remembered(rental.id) == known
    assert known.report == report
    assert [one.kind for one in await store.letters_of(rental.id)] == [Kind.ASK]
    kept = await store.remember(rental.id, begin(NOW), version=known.version)
    assert kept.report == report


async def test_the_card_is_shown_anew_without_a_change_of_its_rental(store: Store) -> None:
    """What the watch says is on it, too."""
    rental = await begun(store)
    (notice,) = await store.due(NOW)
    await store.delivered(notice, NOW)
    assert await store.due(NOW) == []

    await store.remember(rental.id, begin(NOW), version=0, show=True)

    (again,) = await store.due(NOW)
    assert again.version == rental.version


async def test_a_wish_and_its_letter_are_written_together(store: Store) -> None:
    """Or neither, where somebody was faster."""
    rental = await begun(store)
    await store.apply(rental, event="save asked", letters=[replace(ASK, kind=Kind.SAVED)])

    with pytest.raises(Stale):
        await store.apply(rental, event="late", letters=[ASK])

    assert [one.kind for one in await store.letters_of(rental.id)] == [Kind.SAVED]


async def test_a_letter_is_unfinished_until_it_is_done(store: Store, clock: SetClock) -> None:
    """Waiting ones are left out until their time; the first delivery is what counts."""
    rental = await begun(store)
    await store.write_letter(rental.id, ASK)
    (letter,) = await store.unfinished_letters(NOW)
    await store.letter_tried(letter)
    await store.letter_waits(letter, next_at=NOW + MINUTE, error="503")
    assert await store.unfinished_letters(NOW) == []

    (letter,) = await store.unfinished_letters(NOW + MINUTE)
    assert letter.tries == 1
    place = Place(1098765432109876600, 1098765432109876601)
    for minute, done in ((1, False), (2, False), (3, True)):
        (letter,) = await store.unfinished_letters(NOW + minute * MINUTE)
        await store.letter_shown(
            letter, NOW + minute * MINUTE, place=place, shown=f"open {minute}", done=done
        )

    assert await store.unfinished_letters(NOW + 9 * MINUTE) == []
    (letter,) = await store.letters_of(rental.id)
    assert (letter.place, letter.shown, letter.tries) == (place, "open 3", 0)
    assert letter.delivered_at == NOW + MINUTE
