"""What every message of ours needs of Discord's library: its errors as ours, edits, components."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import aiohttp
import discord

from bot.errors import Unavailable, Undeliverable

log = logging.getLogger(__name__)

_UNKNOWN_MESSAGE = 10008
_NEWEST = 50


class Messenger(Protocol):
    """The part of the Discord client that is needed here."""

    @property
    def user(self) -> discord.ClientUser | None: ...

    def is_ready(self) -> bool: ...

    def get_partial_messageable(
        self, id: int, *, guild_id: int | None = None
    ) -> discord.PartialMessageable: ...

    async def create_dm(self, user: discord.abc.Snowflake) -> discord.DMChannel: ...


async def edit(
    channel: discord.PartialMessageable, message_id: int, view: discord.ui.LayoutView
) -> bool:
    """Whether the message is there and shows the card now."""
    message = channel.get_partial_message(message_id)
    try:
        await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise
        return False
    return True


async def find(
    client: Messenger,
    channel: discord.PartialMessageable,
    wanted: Callable[[discord.Message], bool],
) -> int | None:
    """A message of ours among the newest of a channel, if an earlier try to send it got through."""
    try:
        async for message in channel.history(limit=_NEWEST):
            ours = client.user is not None and message.author.id == client.user.id
            if ours and wanted(message):
                log.info("the message of an earlier try was found")
                return message.id
    except discord.Forbidden:
        log.warning("the channel's history is closed to us; an earlier message may stand there")
    return None


def first_open(guild: discord.Guild) -> discord.TextChannel | None:
    """The first channel in which we may write, that of Discord's own greetings before all."""
    for channel in (guild.system_channel, *guild.text_channels):
        if channel is not None and may_write(channel):
            return channel
    return None


def may_write(channel: discord.TextChannel) -> bool:
    """Whether we may; not as long as nothing is known of our rights."""
    own: discord.Member | None = channel.guild.me  # None in a server that Discord told half of
    if own is None:
        return False
    may = channel.permissions_for(own)
    return may.view_channel and may.send_messages


def parts(components: Any) -> Iterator[Any]:
    """All components of a message, those within others too."""
    for component in components:
        yield component
        yield from parts(getattr(component, "children", ()))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Discord's errors become ours: what may pass is Unavailable, what will not Undeliverable."""
    try:
        yield
    except (discord.Forbidden, discord.NotFound) as error:
        raise Undeliverable(f"{error.status} {error.code}: {error.text}") from error
    except discord.RateLimited as error:
        raise Unavailable(f"rate limited for {error.retry_after:.0f} s") from error
    except discord.HTTPException as error:
        detail = f"{error.status} {error.code}: {error.text}"
        if error.status in (401, 429) or error.status >= 500:
            raise Unavailable(detail) from error
        raise Undeliverable(detail) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error
