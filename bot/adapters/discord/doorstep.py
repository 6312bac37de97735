"""Servers' doors: who added us, and the greeting, sent directly or in the first open channel."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable

import discord

from bot.adapters.discord.border import first_open, translated
from bot.adapters.discord.direct import Addressed, send
from bot.domain.welcome import Greeting, Setup
from bot.errors import Unavailable, Undeliverable

log = logging.getLogger(__name__)

FIRST_NUMBER = 1 << 25
"""Shares' letters are numbered from 2^26 on, see `tidings.FIRST_NUMBER`."""

Render = Callable[[Setup, discord.Guild, int], discord.ui.LayoutView]
"""The greeting of a server, with the roles and channels that it has now, to a person."""

_DEADLINE_S = 10
_NEWEST = 10  # of the log's entries about bots that were added


class DiscordDoorstep:
    """`ports.Doorstep` on Discord."""

    def __init__(self, *, client: discord.Client, render: Render) -> None:
        self._client = client
        self._render = render

    def ready(self) -> bool:
        return self._client.is_ready()

    def servers(self) -> list[int]:
        return [one.id for one in self._client.guilds if not one.unavailable]

    async def inviter(self, guild_id: int) -> int:
        guild = self._guild(guild_id)
        added = await self._added_by(guild)
        if added is None and guild.owner_id is None:
            raise Unavailable(f"the owner of server {guild_id} is not known yet")
        return added or guild.owner_id or 0

    async def welcome(self, greeting: Greeting, person_id: int, setup: Setup) -> None:
        guild = self._guild(greeting.guild_id)
        open_ = first_open(guild)
        to = Addressed(
            person_id=person_id,
            guild_id=guild.id,
            channel_id=open_.id if open_ is not None else 0,
            number=number(greeting),
            nonce=f"hi{number(greeting)}-{guild.id % 10**12}",
            again=greeting.tries > 0,
        )
        await send(self._client, self._render(setup, guild, person_id), to)

    def _guild(self, guild_id: int) -> discord.Guild:
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            raise Unavailable(f"server {guild_id} is not known now")
        return guild

    async def _added_by(self, guild: discord.Guild) -> int | None:
        """Who added us by the server's log, which we may perhaps read; None where it is silent."""
        own: discord.Member | None = guild.me  # None in a server that Discord told half of
        if own is None or not own.guild_permissions.view_audit_log:
            return None
        try:
            with translated():
                async with asyncio.timeout(_DEADLINE_S):
                    added = discord.AuditLogAction.bot_add
                    async for entry in guild.audit_logs(limit=_NEWEST, action=added):
                        if entry.target is not None and entry.target.id == own.id:
                            return entry.user_id
        except Undeliverable as error:  # the owner is greeted then
            log.info("the log of server %s cannot be read: %s", guild.id, error)
        return None


def number(greeting: Greeting) -> int:
    """The number of the outermost component: another one when the server is joined again."""
    key = f"{greeting.guild_id}/{greeting.joined_at.timestamp()}"
    return FIRST_NUMBER + zlib.crc32(key.encode()) % FIRST_NUMBER
