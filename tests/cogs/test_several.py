"""Commands about a machine that name none, for who has several: a menu, and then the command."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.rentals import Rental
from tests.builders import NOW, a_quote, a_rental
from tests.cogs.conftest import Chat, text
from tests.cogs.test_once import Gate, acknowledged, instead


async def _ready(chat: Chat, name: str) -> Rental:
    """One after the other: the newest is the one that was just rented."""
    chat.clock.turn(timedelta(seconds=1))
    return await chat.ready(name=name)


@pytest.mark.parametrize("command", ["open", "destroy", "keep", "save"])
async def test_with_one_machine_it_is_meant(chat: Chat, command: str) -> None:
    """Nobody is asked what goes without saying."""
    await _ready(chat, "fastbook")

    answer = await chat.ada.slash(chat.channel, command)

    assert "Which machine" not in text(answer.response)
    assert "fastbook" in text(answer.response)


@pytest.mark.parametrize(
    ("command", "options", "asked", "answered"),
    [
        ("open", {}, "is to be opened?", "Open the notebook"),
        ("destroy", {}, "is to be archived and destroyed?", "Archive and destroy"),
        (
            "destroy",
            {"discard": True},
            "is to be destroyed without an archive?",
            "Destroy without archive",
        ),
        ("keep", {"hours": 7}, "is to be kept?", "Kept until"),
        ("save", {}, "is to be archived?", "Archiving second"),
    ],
)
async def test_with_several_they_are_listed_and_the_chosen_one_is_meant(
    chat: Chat, command: str, options: dict[str, object], asked: str, answered: str
) -> None:
    """With state and price; nothing happens before the choice, and to the others nothing at all."""
    first, second = await _ready(chat, "first"), await _ready(chat, "second")
    rows = [await chat.again(one.id) for one in (first, second)]

    question = await chat.ada.slash(chat.channel, command, **options)
    shown = text(question.response)
    untouched = [await chat.again(one.id) for one in (first, second)] == rows
    await chat.ada.select(question.response, [second.id])

    assert question.ephemeral
    assert f"Which machine {asked}" in shown
    assert "There are 2 to choose from." in shown
    assert "**first**" in shown
    assert "**second**" in shown
    assert untouched
    assert answered in text(question.response)
    assert await chat.again(first.id) == rows[0]


async def test_the_hours_to_keep_it_are_those_that_were_asked_for(chat: Chat) -> None:
    """They travel with the menu."""
    await _ready(chat, "first")
    second = await _ready(chat, "second")

    question = await chat.ada.slash(chat.channel, "keep", hours=7)
    await chat.ada.select(question.response, [second.id])

    known = await chat.store.remembered(second.id)
    assert known is not None
    assert known.memory.kept_until == chat.clock.now() + timedelta(hours=7)


async def test_a_name_that_several_bear_is_asked_about(chat: Chat) -> None:
    """Those of that name only."""
    await _ready(chat, "other")
    await _ready(chat, "twin")
    twin = await _ready(chat, "twin")

    question = await chat.ada.slash(chat.channel, "destroy", rental="Twin")
    shown = text(question.response)
    await chat.ada.select(question.response, [twin.id])

    assert "There are 2 to choose from." in shown
    assert "other" not in shown
    assert "Archive and destroy" in text(question.response)


async def test_more_machines_than_a_menu_takes_are_named(chat: Chat) -> None:
    """Twenty-five fit; how to reach the others is said."""
    for number in range(27):
        await _ready(chat, f"number {number} with as long a name as can be"[:40])

    question = await chat.ada.slash(chat.channel, "open")

    assert "There are 27 to choose from." in text(question.response)
    assert "And 2 more: name one with the rental option." in text(question.response)


async def test_a_choice_is_acknowledged_before_any_work(chat: Chat) -> None:
    """However slow the database."""
    first = await _ready(chat, "first")
    await _ready(chat, "second")
    question = await chat.ada.slash(chat.channel, "open")
    gate = Gate()
    instead(chat, gate)
    before = acknowledged(chat)

    running = asyncio.ensure_future(chat.ada.select(question.response, [first.id]))
    await asyncio.wait_for(gate.asked.wait(), 30)

    assert acknowledged(chat) == before + 1
    gate.open.set()
    await running


async def test_names_complete_for_each_of_these_commands(chat: Chat) -> None:
    """By what one types of the name."""
    rental = await _ready(chat, "fastbook")
    await _ready(chat, "other")

    for command in ("open", "destroy", "keep", "save"):
        found = await chat.ada.autocomplete(chat.channel, command, "rental", "fastb")
        assert [one["value"] for one in found] == [rental.id]


async def test_of_very_many_machines_each_is_found_by_its_name(chat: Chat) -> None:
    """The oldest, too: it has cost the most."""
    for number in range(101):
        quote = a_quote(
            guild_id=chat.guild.id,
            channel_id=chat.channel.id,
            owner_id=chat.ada.id,
            name=f"work{number}",
        )
        await chat.store.add_quote(quote)
        asked_at = NOW + timedelta(seconds=number)
        await chat.store.begin(a_rental(quote, requested_at=asked_at), quote_id=quote.id)

    found = await chat.lead.slash(chat.channel, "destroy", rental="work0")
    offered = await chat.lead.autocomplete(chat.channel, "destroy", "rental", "work0")
    status = await chat.ada.slash(chat.channel, "status")

    assert "### Destroy work0?" in text(found.response)
    assert [one["name"] for one in offered] == ["work0 · Renting"]
    assert "### 101 machines" in text(status.response)
