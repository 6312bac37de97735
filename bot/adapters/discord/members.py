"""Who is in a server now, asked of Discord one by one: the bot lists no members."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import aiohttp
import discord

from bot.domain.access import is_lead
from bot.errors import Unavailable
from bot.ports.sharing import Member

DEADLINE_S = 10.0
_NOT_THERE = (10007, 10013)  # Unknown Member, Unknown User; an unknown server says nothing of them


class Client(Protocol):
    """The part of the Discord client that is needed here."""

    def get_guild(self, id: int, /) -> discord.Guild | None: ...


class DiscordMembers:
    """`ports.Members` on Discord. `lead_role` tells the leads' role as it is set now."""

    def __init__(self, *, client: Client, lead_role: Callable[[], int | None]) -> None:
        self._client = client
        self._lead_role = lead_role

    async def member(self, guild_id: int, member_id: int) -> Member | None:
        guild = self._client.get_guild(guild_id)
        if guild is None:
            raise Unavailable(f"server {guild_id} is not known now")
        try:
            async with asyncio.timeout(DEADLINE_S):
                found = await guild.fetch_member(member_id)
        except discord.NotFound as error:
            if error.code not in _NOT_THERE:
                raise Unavailable(f"no member: {error.code}") from error
            return None
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable(f"no member: {type(error).__name__}") from error
        lead = is_lead(
            role_id=self._lead_role(),
            server_roles={role.id for role in guild.roles},
            own_roles={role.id for role in found.roles},
            manages=found.guild_permissions.manage_guild,
        )
        return Member(id=found.id, name=found.display_name, lead=lead)
