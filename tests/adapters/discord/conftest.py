"""A pretend Discord with a server, a channel, and a bare client of ours in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import discord
import pytest
import simcord

from bot.adapters.discord.post import ChannelPost
from bot.domain.rentals import Rental, RentalId
from bot.ports.books import Notice
from cogs.ui.cards import rental_card
from tests.builders import SetClock, a_rental


@dataclass
class Town:
    env: simcord.Env
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    post: ChannelPost
    client: discord.Client

    def rental(self, **changes: Any) -> Rental:
        """A rental whose card belongs into the channel."""
        facts = {"id": RentalId("k7m2xp"), "guild_id": self.guild.id, "channel_id": self.channel.id}
        return a_rental(**facts | changes)

    def sent(self) -> list[dict[str, Any]]:
        """What was asked of Discord to post, as it went out."""
        return [
            entry.json
            for entry in self.env.http_requests
            if entry.method == "POST" and entry.path.endswith("/messages")
        ]

    def refuse(self, status: int, code: int = 0, *, method: str = "POST", **more: Any) -> None:
        """Let Discord answer so to the next message of ours."""
        path = f"/channels/{self.channel.id}/messages" + ("" if method == "POST" else "*")
        self.env.inject_error(method, path, status=status, code=code, **more)


@pytest.fixture
async def town(clock: SetClock) -> AsyncIterator[Town]:
    client = discord.Client(intents=discord.Intents(guilds=True))
    env = simcord.Env(client)
    await env.start()
    guild = env.create_guild("Team")
    channel = guild.create_text_channel("gpus")
    post = ChannelPost(client=client, render=rental_card, clock=clock)
    yield Town(env=env, guild=guild, channel=channel, post=post, client=client)
    await env.shutdown()
    await client.close()


def a_notice(tries: int = 0) -> Notice:
    return Notice(
        id="0123456789abcdef01234567",
        key="card/k7m2xp",
        rental_id=RentalId("k7m2xp"),
        version=1,
        tries=tries,
    )
