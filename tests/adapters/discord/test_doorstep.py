"""The greeting on Discord: to who added us, else to the owner; directly, else in a channel."""

from __future__ import annotations

import discord
import pytest
import simcord

from bot.adapters.discord.doorstep import DiscordDoorstep, number
from bot.domain.welcome import Greeting, Setup
from bot.errors import Unavailable, Undeliverable
from cogs.ui import welcome as cards
from tests.adapters.discord.conftest import Town
from tests.builders import NOW, SetClock

BOT_ADD = discord.AuditLogAction.bot_add.value


@pytest.fixture
def door(town: Town) -> DiscordDoorstep:
    return DiscordDoorstep(client=town.client, render=cards.card)


@pytest.fixture
def grace(town: Town) -> simcord.MemberActor:
    return town.guild.add_member(town.env.create_user("grace"))


def a_greeting(town: Town, tries: int = 0) -> Greeting:
    return Greeting(guild_id=town.guild.id, joined_at=NOW, next_at=NOW, tries=tries)


async def greet(door: DiscordDoorstep, town: Town, person: int, tries: int = 0) -> None:
    await door.welcome(a_greeting(town, tries), person, Setup(guild_id=town.guild.id))


def log_entry(town: Town, by: int, *, of: int | None = None) -> None:
    """Somebody added a bot, as the server's log has it: ours, unless said otherwise."""
    backend = town.env.backend
    added = of or backend.bot_user.id
    backend.record_audit_log(town.guild.id, BOT_ADD, target_id=added, user_id=by)


async def test_who_added_us_is_read_from_the_log(
    town: Town, door: DiscordDoorstep, grace: simcord.MemberActor
) -> None:
    """Where we may read it; other bots were added by others."""
    log_entry(town, grace.id)
    log_entry(town, 4711, of=grace.id)

    assert await door.inviter(town.guild.id) == grace.id


async def test_without_that_right_it_is_the_owner(
    town: Town, door: DiscordDoorstep, grace: simcord.MemberActor
) -> None:
    """And nothing is asked of Discord in vain."""
    backend = town.env.backend
    (own,) = backend.get_member(town.guild.id, backend.bot_user.id).role_ids
    backend.edit_role(town.guild.id, own, {"permissions": 0})
    await town.env.settle()
    log_entry(town, grace.id)

    assert await door.inviter(town.guild.id) == town.env.backend.get_guild(town.guild.id).owner_id
    assert not [one for one in town.env.http_requests if "audit-logs" in one.path]


async def test_it_arrives_as_a_direct_message(
    town: Town, door: DiscordDoorstep, grace: simcord.MemberActor
) -> None:
    """In the channels nothing shows."""
    await greet(door, town, grace.id)

    (message,) = grace.user.dm_channel.history()
    assert message.components[0].id == number(a_greeting(town))
    assert town.channel.history() == []


async def test_closed_messages_lead_to_the_first_open_channel(
    town: Town, door: DiscordDoorstep, grace: simcord.MemberActor
) -> None:
    """There the person is named, and nobody else is called."""
    path = f"/channels/{grace.user.dm_channel.id}/messages"
    town.env.inject_error("POST", path, status=403, code=50007)

    await greet(door, town, grace.id)

    (message,) = town.channel.history()
    assert f"<@{grace.id}>" in str([one.to_dict() for one in message.components])
    assert town.sent()[-1]["allowed_mentions"]["users"] == [grace.id]


async def test_nowhere_to_write_is_for_good(
    town: Town, door: DiscordDoorstep, grace: simcord.MemberActor
) -> None:
    """Closed messages, and no channel open to us."""
    path = f"/channels/{grace.user.dm_channel.id}/messages"
    town.env.inject_error("POST", path, status=403, code=50007)
    town.refuse(403, 50013)

    with pytest.raises(Undeliverable):
        await greet(door, town, grace.id)


async def test_a_try_that_got_through_unheard_is_not_repeated(
    town: Town, door: DiscordDoorstep, grace: simcord.MemberActor
) -> None:
    """Its number tells it from the greeting of another day."""
    await greet(door, town, grace.id)
    await greet(door, town, grace.id, tries=1)

    assert len(grace.user.dm_channel.history()) == 1


async def test_where_the_channels_history_is_closed_a_further_try_is_sent_all_the_same(
    town: Town, door: DiscordDoorstep, grace: simcord.MemberActor
) -> None:
    """Whether an earlier one stands there cannot be seen; twice is better than never."""
    path = f"/channels/{grace.user.dm_channel.id}/messages"
    town.env.inject_error("POST", path, status=403, code=50007)
    town.refuse(403, 50001, method="GET")

    await greet(door, town, grace.id, tries=1)

    (message,) = town.channel.history()
    assert message.components[0].id == number(a_greeting(town))


async def test_a_server_that_is_not_there_waits(door: DiscordDoorstep, clock: SetClock) -> None:
    """Discord has an outage of it, or has not told us about it yet."""
    with pytest.raises(Unavailable):
        await door.inviter(4711)
