"""The bot's own account at Discord, looked at without going online: for `bellhop check`.

No gateway session is begun, so a running service is not disturbed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
import discord

from bot.errors import Config, Unavailable

DEADLINE_S = 20.0

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,
)
"""Cards and letters, pictures with them, and looking for a message that may have got through."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server the bot is in; `missing` are the permissions it lacks there, by Discord's names."""

    id: int
    name: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    name: str
    invite: str  # the link with exactly the permissions that are needed
    servers: tuple[Server, ...]
    public: bool  # anybody may invite it into a server of theirs


async def look(token: str) -> Account:
    """The account of a token. Raises Config when it is refused, Unavailable without an answer."""
    try:
        async with (
            asyncio.timeout(DEADLINE_S),
            discord.Client(intents=discord.Intents(guilds=True)) as client,
        ):
            await client.login(token)
            about = await client.application_info()
            rows = await client.http.get_guilds(limit=200)
    except discord.LoginFailure as error:
        raise Config(
            "DISCORD_TOKEN", "is refused by Discord. Copy the bot's token from the portal again."
        ) from error
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(
            f"no answer: {type(error).__name__}",
            public="Discord cannot be reached.",
            hint="See that this computer reaches discord.com, then try again.",
        ) from error
    servers = tuple(
        Server(int(row["id"]), row["name"], _missing(int(row["permissions"]))) for row in rows
    )
    return Account(
        name=about.name, invite=invite(about.id), servers=servers, public=about.bot_public
    )


def invite(application_id: int) -> str:
    """The link with which somebody who manages a server lets the bot in."""
    return discord.utils.oauth_url(
        application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )


def _missing(held: int) -> tuple[str, ...]:
    has = discord.Permissions(held)
    if has.administrator:
        return ()
    return tuple(name for name, wanted in PERMISSIONS if wanted and not getattr(has, name))
