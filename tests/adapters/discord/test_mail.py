"""Letters on Discord: to one person, once, and to the channel where that is closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest
import simcord

from bot.adapters.discord.mail import DiscordMail, number
from bot.domain.letters import Kind, Letter, Place, Stand, Writing
from bot.domain.rentals import RentalId
from bot.domain.sweep import NOBODY
from bot.errors import Unavailable, Undeliverable
from cogs.ui import questions
from tests.adapters.discord.conftest import Town
from tests.builders import NOW, SetClock


def a_letter(kind: Kind = Kind.ASK, **changes: Any) -> Letter:
    writing = Writing(kind=kind, at=NOW, asked_at=NOW, ends=True)
    letter = Letter(id="0123456789abcdef01234567", rental_id=RentalId("k7m2xp"), writing=writing)
    return replace(letter, **changes)


@pytest.fixture
def mail(town: Town, clock: SetClock) -> DiscordMail:
    return DiscordMail(client=town.env.bot, render=questions.letter, clock=clock)


@pytest.fixture
def ada(town: Town) -> simcord.MemberActor:
    return town.guild.add_member(town.env.create_user("ada"))


async def send(mail: DiscordMail, town: Town, owner: int, letter: Letter) -> Place:
    return await mail.deliver(letter, Stand.OPEN, town.rental(owner_id=owner), None)


def refuse(town: Town, channel_id: int, status: int, code: int, **more: Any) -> None:
    path = f"/channels/{channel_id}/messages"
    town.env.inject_error("POST", path, status=status, code=code, **more)


async def test_a_letter_goes_to_its_owner_with_a_nonce(
    mail: DiscordMail, town: Town, ada: simcord.MemberActor
) -> None:
    """And bears a number by which it is found again."""
    place = await send(mail, town, ada.id, a_letter())

    (message,) = ada.user.dm_channel.history()
    assert place == Place(ada.user.dm_channel.id, message.id)
    (sent,) = town.sent()
    assert (sent["nonce"], sent["enforce_nonce"]) == (a_letter().id, True)
    assert sent["allowed_mentions"] == {"parse": []}
    assert message.components[0].id == number(a_letter())
    assert town.channel.history() == []


async def test_the_question_about_a_machine_that_was_taken_in_goes_to_the_leads(
    mail: DiscordMail, town: Town
) -> None:
    """Whose it was is not known: it stands under our own name, and we answer no questions."""
    leads = town.guild.create_text_channel("leads")
    rental = town.rental(owner_id=town.env.bot.user.id, owner_name=NOBODY, adopted_at=NOW)

    place = await mail.deliver(
        a_letter(), Stand.OPEN, rental, None, direct=True, leads_channel_id=leads.id
    )

    (message,) = leads.history()
    assert place == Place(leads.id, message.id)
    (sent,) = town.sent()
    assert sent["allowed_mentions"] == {"parse": []}


async def test_good_news_rings_no_bell(
    mail: DiscordMail, town: Town, ada: simcord.MemberActor
) -> None:
    """A question does."""
    await send(mail, town, ada.id, a_letter(Kind.CANCEL))
    await send(mail, town, ada.id, a_letter(Kind.ASK, id="1" * 24))

    silent = [bool(one["flags"] & 4096) for one in town.sent()]
    assert silent == [True, False]


@pytest.mark.parametrize(("status", "code"), [(403, 50007), (400, 50278), (404, 10013)])
async def test_who_cannot_be_written_to_is_named_in_the_channel(
    mail: DiscordMail, town: Town, ada: simcord.MemberActor, status: int, code: int
) -> None:
    """Direct messages are closed, or the person has left."""
    refuse(town, ada.user.dm_channel.id, status, code)

    place = await send(mail, town, ada.id, a_letter())

    assert place.channel_id == town.channel.id
    assert town.sent()[-1]["allowed_mentions"] == {"parse": [], "users": [ada.id]}


async def test_a_hiccup_is_no_closed_door(
    mail: DiscordMail, town: Town, ada: simcord.MemberActor
) -> None:
    """It is tried again where it belongs."""
    refuse(town, ada.user.dm_channel.id, 502, 0, times=None)

    with pytest.raises(Unavailable):
        await send(mail, town, ada.id, a_letter())

    assert town.channel.history() == []


async def test_where_the_channel_is_closed_as_well_it_is_undeliverable(
    mail: DiscordMail, town: Town, ada: simcord.MemberActor
) -> None:
    """Nobody can be asked."""
    refuse(town, ada.user.dm_channel.id, 403, 50007)
    refuse(town, town.channel.id, 403, 50013)

    with pytest.raises(Undeliverable):
        await send(mail, town, ada.id, a_letter())


async def test_a_later_try_finds_and_renews_the_letter_of_an_earlier_one(
    mail: DiscordMail, town: Town, ada: simcord.MemberActor
) -> None:
    """Its answer was lost, not the letter; another letter is not taken for it."""
    first = await send(mail, town, ada.id, a_letter())
    await send(mail, town, ada.id, a_letter(id="f" * 24))

    found = await send(mail, town, ada.id, a_letter(tries=1))

    assert found == first
    assert len(ada.user.dm_channel.history()) == 2


async def test_a_letter_that_was_deleted_stays_deleted(
    mail: DiscordMail, town: Town, ada: simcord.MemberActor
) -> None:
    """Whoever did that has seen it."""
    place = await send(mail, town, ada.id, a_letter())
    await ada.user.dm_channel.history()[0].delete()

    assert await send(mail, town, ada.id, a_letter(place=place)) == place

    assert ada.user.dm_channel.history() == []


async def test_before_discord_is_there_a_letter_waits(clock: SetClock, town: Town) -> None:
    """Undelivered, not in error."""
    async with discord.Client(intents=discord.Intents(guilds=True)) as client:
        early = DiscordMail(client=client, render=questions.letter, clock=clock)

        with pytest.raises(Unavailable):
            await early.deliver(a_letter(), Stand.OPEN, town.rental(), None)
