"""Whether somebody is in a server, asked of Discord: it does not tell us who leaves."""

from __future__ import annotations

import asyncio

import discord

from bot.adapters.discord.border import translated
from bot.errors import Unavailable, Undeliverable

_DEADLINE_S = 10
_GONE = frozenset({10007, 10013})  # Unknown Member, Unknown User; 10004 is a server unknown to us


class DiscordPresence:
    """`services.departures.Members` on Discord."""

    def __init__(self, *, client: discord.Client) -> None:
        self._client = client

    async def member(self, guild_id: int, member_id: int) -> discord.Member | None:
        """None where they are not in that server. Raises Unavailable where that is unknown."""
        guild = self._client.get_guild(guild_id) if self._client.is_ready() else None
        if guild is None:
            raise Unavailable(f"server {guild_id} is not known now")
        try:
            with translated():
                async with asyncio.timeout(_DEADLINE_S):
                    return await guild.fetch_member(member_id)
        except Undeliverable as error:
            cause = error.__cause__
            if isinstance(cause, discord.NotFound) and cause.code in _GONE:
                return None
            raise Unavailable(f"members are closed to us: {error}") from error
