"""Rental cards in a channel, written with the bot's own rights.

A card must be there once. A first try carries the notice's id as nonce, which Discord honours for
some minutes; a later try, after one whose answer was lost, looks for the card in the channel first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol

import aiohttp
import discord

from bot.domain.rentals import Rental, RentalId
from bot.errors import Unavailable, Undeliverable
from bot.ports import Clock, Notice

log = logging.getLogger(__name__)

Render = Callable[[Rental, datetime], discord.ui.LayoutView]

_DEADLINE_S = 20
_NEWEST = 50
_UNKNOWN_MESSAGE = 10008


class Messenger(Protocol):
    """The part of the Discord client that is needed here."""

    @property
    def user(self) -> discord.ClientUser | None: ...

    def is_ready(self) -> bool: ...

    def get_partial_messageable(
        self, id: int, *, guild_id: int | None = None
    ) -> discord.PartialMessageable: ...


class ChannelPost:
    """`ports.Post` on Discord. `render` makes the card of a rental at a time."""

    def __init__(self, *, client: Messenger, render: Render, clock: Clock) -> None:
        self._client = client
        self._render = render
        self._clock = clock

    async def card(self, rental: Rental, notice: Notice) -> int:
        if not self._client.is_ready():
            raise Unavailable("not connected to Discord yet")
        channel = self._client.get_partial_messageable(rental.channel_id, guild_id=rental.guild_id)
        view = self._render(rental, self._clock.now())
        with _translated():
            async with asyncio.timeout(_DEADLINE_S):
                message_id = rental.message_id
                if message_id is None and notice.tries > 0:
                    message_id = await self._find(channel, rental.id)
                if message_id is not None and await _edit(channel, message_id, view):
                    return message_id
                message = await channel.send(
                    view=view, nonce=notice.id, allowed_mentions=discord.AllowedMentions.none()
                )
                return message.id

    async def _find(self, channel: discord.PartialMessageable, rental_id: RentalId) -> int | None:
        """The rental's card among the newest messages, if an earlier try got through."""
        try:
            async for message in channel.history(limit=_NEWEST):
                ours = self._client.user is not None and message.author.id == self._client.user.id
                if ours and _about(message, rental_id):
                    log.info("the card of an earlier try was found")
                    return message.id
        except discord.Forbidden:
            log.warning("the channel's history is closed to us; an earlier card may stand there")
        return None


async def _edit(
    channel: discord.PartialMessageable, message_id: int, view: discord.ui.LayoutView
) -> bool:
    """Whether the message is there and shows the card now."""
    message = channel.get_partial_message(message_id)
    try:
        await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise
        log.info("the card was deleted in the channel and is posted anew")
        return False
    return True


def _about(message: discord.Message, rental_id: RentalId) -> bool:
    """Whether a message is that rental's card: by its buttons, or by its small print.

    A card without buttons names its rental in its last line, which begins with `-#`; no text that
    a person chose stands on such a line.
    """
    for part in _parts(message.components):
        custom_id = getattr(part, "custom_id", None) or ""
        if rental_id in custom_id.split(":"):
            return True
        text = getattr(part, "content", None) or ""
        small = [line for line in text.splitlines() if line.startswith("-# <@")]
        if any(rental_id in line.split() for line in small):
            return True
    return False


def _parts(components: Any) -> Iterator[Any]:
    for component in components:
        yield component
        yield from _parts(getattr(component, "children", ()))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
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
