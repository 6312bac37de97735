"""Servers without a gateway session, for a process that only asks who is a member.

Discord gives a session every event; a relay needs none of them, and any number of processes may ask
over REST.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
import discord

from bot.errors import BotError

log = logging.getLogger(__name__)

EVERY_S = 60.0
AGAIN_S = 5.0
_DEADLINE_S = 30.0


class ServersByRest:
    """`members.Client`. `run` keeps what it knows fresh: roles and who owns a server may change."""

    def __init__(self, *, token: str, server_ids: Callable[[], Awaitable[Sequence[int]]]) -> None:
        self._token = token
        self._server_ids = server_ids
        self._client = discord.Client(intents=discord.Intents.none())
        self._known: dict[int, discord.Guild] = {}
        self._logged_in = False

    def get_guild(self, id: int, /) -> discord.Guild | None:
        return self._known.get(id)

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                async with asyncio.timeout(_DEADLINE_S):
                    await self._refresh()
                pause = EVERY_S
            except (discord.DiscordException, aiohttp.ClientError, OSError, BotError) as error:
                log.warning("servers could not be asked for: %r", error)
                pause = AGAIN_S
            await asyncio.sleep(pause)

    async def close(self) -> None:
        await self._client.close()

    async def _refresh(self) -> None:
        if not self._logged_in:
            await self._client.login(self._token)
            self._logged_in = True
        for server_id in await self._server_ids():
            try:
                found = await self._client.fetch_guild(server_id, with_counts=False)
            except (discord.Forbidden, discord.NotFound) as error:
                # We were removed from that one: the others are asked for all the same.
                log.warning("server %s is closed to us: %s", server_id, error.code)
                self._known.pop(server_id, None)
            else:
                self._known[server_id] = found
