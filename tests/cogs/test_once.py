"""Every command and click: acknowledged at once, carried out once, harmless when it comes late."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.client import Bellhop
from bot.domain.rentals import State
from tests.cogs.conftest import Chat, text, twice

COGS = Path(__file__).parents[2] / "cogs"


@dataclass
class Gate:
    """A database that does not answer until it is let."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def take_interaction(self, interaction_id: int, now: datetime) -> bool:
        self.asked.set()
        await self.open.wait()
        return True

    async def forget_interactions(self, before: datetime) -> int:
        return 0


class Known:
    """A database in which every interaction was taken by another process."""

    async def take_interaction(self, interaction_id: int, now: datetime) -> bool:
        return False

    async def forget_interactions(self, before: datetime) -> int:
        return 0


def instead(chat: Chat, interactions: object) -> None:
    """Let this answer whether an interaction is new."""
    bot = chat.env.bot
    assert isinstance(bot, Bellhop)
    object.__setattr__(bot.services, "interactions", interactions)


async def redelivered(chat: Chat, act: Callable[[], Awaitable[Any]]) -> None:
    """Do something, and let the gateway bring the same interactions a second time."""
    brought: list[Any] = []
    backend = chat.env.backend
    emit = backend.emit

    def keep(event: str, payload: Any, *more: Any, **named: Any) -> Any:
        if event == "INTERACTION_CREATE":
            brought.append(payload)
        return emit(event, payload, *more, **named)

    backend.emit = keep
    try:
        await act()
    finally:
        backend.emit = emit
    assert brought
    for payload in brought:
        emit("INTERACTION_CREATE", payload)
        await chat.env._settle_internal(dispatch="INTERACTION_CREATE")


def acknowledged(chat: Chat) -> int:
    return sum(one.path.endswith("/callback") for one in chat.env.http_requests)


async def test_a_redelivered_click_rents_once(chat: Chat) -> None:
    """One interaction is one rental, one row, one card."""
    quote = await chat.ada.slash(chat.channel, "rent")

    await redelivered(chat, lambda: chat.ada.click(quote.response, label="Rent"))

    assert len(await chat.store.open_rentals()) == 1


@pytest.mark.parametrize("command", ["save", "keep"])
async def test_a_redelivered_command_acts_once(chat: Chat, command: str) -> None:
    """The row is written for the first one only."""
    rental = await chat.ready()

    await redelivered(chat, lambda: chat.ada.slash(chat.channel, command))

    assert (await chat.again(rental.id)).version == rental.version + 1


async def test_what_another_process_took_is_not_done_here(chat: Chat) -> None:
    """Two sessions of one bot both get every event."""
    quote = await chat.ada.slash(chat.channel, "rent")
    instead(chat, Known())

    await chat.ada.click(quote.response, label="Rent")

    assert await chat.store.open_rentals() == []


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("offers", {}),
        ("rent", {}),
        ("status", {}),
        ("open", {}),
        ("keep", {}),
        ("save", {}),
        ("destroy", {}),
        ("spend", {}),
        ("archives list", {}),
        ("archives restore", {"archive": "a1"}),
        ("archives delete", {"archive": "a1"}),
    ],
)
async def test_every_command_is_acknowledged_before_any_work(
    chat: Chat, command: str, options: dict[str, Any]
) -> None:
    """However slow the database: Discord waits three seconds, and no longer."""
    gate = Gate()
    instead(chat, gate)
    before = acknowledged(chat)

    running = asyncio.ensure_future(chat.ada.slash(chat.channel, command, **options))
    await asyncio.wait_for(gate.asked.wait(), 30)

    assert acknowledged(chat) == before + 1
    gate.open.set()
    await running


async def test_every_button_is_acknowledged_before_any_work(chat: Chat) -> None:
    """Those of a quote and of a card."""
    quote = await chat.ada.slash(chat.channel, "rent")
    await chat.ready()
    for message, label in (
        (quote.response, "Rent"),
        (chat.cards[0], "Open"),
        (chat.cards[0], "Archive and destroy"),
    ):
        gate = Gate()
        instead(chat, gate)
        before = acknowledged(chat)

        running = asyncio.ensure_future(twice(chat.ada, message, label)())
        await asyncio.wait_for(gate.asked.wait(), 30)

        assert acknowledged(chat) == before + 1
        gate.open.set()
        await running


async def test_clicks_on_the_card_of_an_ended_machine_change_nothing(chat: Chat) -> None:
    """Every button that was ever on it, pressed after its end."""
    rental = await chat.ready()
    card = chat.cards[0]
    question = await chat.ada.click(card, label="Archive and destroy")
    presses = [
        twice(chat.ada, card, "Open"),
        twice(chat.ada, card, "Archive and destroy"),
        *(twice(chat.ada, question.response, label) for label in _labels(question.response)),
    ]
    ended = await chat.ended(rental)

    for press in presses:
        await press()

    assert await chat.again(rental.id) == ended


async def test_a_double_click_on_destroy_is_one_end(chat: Chat) -> None:
    """The second one finds it asked for."""
    rental = await chat.ready()
    question = await chat.ada.click(chat.cards[0], label="Archive and destroy")
    press = twice(chat.ada, question.response, "Archive and destroy")

    await press()
    asked = await chat.again(rental.id)
    await press()

    assert asked.released_at is not None
    assert await chat.again(rental.id) == asked
    assert asked.state is State.READY


def test_nothing_acknowledges_by_another_way() -> None:
    """A command that defers by itself would be carried out twice when it is brought twice."""
    for file in COGS.rglob("*.py"):
        assert not re.search(r"response\s*\.\s*defer", file.read_text()), file.name


def _labels(message: Any) -> list[str]:
    known = ("Archive and destroy", "Destroy without archive", "Leave it")
    return [line for line in text(message).splitlines() if line in known]
