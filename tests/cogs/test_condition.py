"""`/status` says what is not well, also when nothing can be written down."""

from __future__ import annotations

from datetime import datetime

from bot.client import Bellhop
from bot.errors import Store
from tests.builders import NOW
from tests.cogs.conftest import Chat, text
from tests.cogs.test_once import instead


class Full:
    """A database on a disk that is full."""

    async def take_interaction(self, interaction_id: int, now: datetime) -> bool:
        raise Store("database or disk is full")

    async def forget_interactions(self, before: datetime) -> int:
        return 0


def ails(chat: Chat, name: str, said: str) -> None:
    bot = chat.env.bot
    assert isinstance(bot, Bellhop)
    bot.services.condition.note(name, said, NOW)


async def test_status_says_what_is_not_well_and_since_when(chat: Chat) -> None:
    """With or without machines; what is well again is not named any more."""
    ails(chat, "searches", "Today's searches on Vast.ai are used up.")

    shown = text((await chat.ada.slash(chat.channel, "status")).response)

    assert "Searching for machines, since" in shown
    assert "Today's searches on Vast.ai are used up. What runs goes on." in shown

    await chat.ready()
    ails(chat, "searches", "")
    ails(chat, "archives", "The archive store cannot be used right now.")

    shown = text((await chat.ada.slash(chat.channel, "status")).response)

    assert "Searching" not in shown
    assert "Nothing can be archived, so nothing is ended." in shown


async def test_status_is_answered_while_nothing_can_be_written(chat: Chat) -> None:
    """It changes nothing, so it may be carried out twice; whatever changes something is not."""
    rental = await chat.ready()
    ails(chat, "disk", "The data folder cannot be written (No space left on device).")
    instead(chat, Full())

    shown = text((await chat.ada.slash(chat.channel, "status")).response)
    refused = text((await chat.ada.slash(chat.channel, "save")).response)

    assert "The disk of this service, since" in shown
    assert "Our database is not answering." in refused
    assert (await chat.again(rental.id)).version == rental.version
