"""Rental cards in a channel, written with the bot's own rights.

A card must be there once. A first try carries the notice's id as nonce, which Discord honours for
some minutes; a later try, after one whose answer was lost, looks for the card in the channel first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import discord

from bot.adapters.discord.border import Messenger, edit, find, parts, translated
from bot.adapters.discord.mail import FIRST_NUMBER
from bot.domain.paces import Pace
from bot.domain.rentals import Rental, RentalId
from bot.domain.standing import Standing
from bot.domain.tally import Tally
from bot.errors import Unavailable
from bot.ports.books import Notice
from bot.ports.clock import Clock

log = logging.getLogger(__name__)

Render = Callable[
    [Rental, datetime, Standing | None, Tally | None, Pace | None], discord.ui.LayoutView
]

_DEADLINE_S = 20


class ChannelPost:
    """`ports.Post` on Discord. `render` makes the card of a rental at a time."""

    def __init__(self, *, client: Messenger, render: Render, clock: Clock) -> None:
        self._client = client
        self._render = render
        self._clock = clock

    def ready(self) -> bool:
        return self._client.is_ready()

    async def card(
        self,
        rental: Rental,
        notice: Notice,
        standing: Standing | None = None,
        tally: Tally | None = None,
        pace: Pace | None = None,
    ) -> int:
        if not self._client.is_ready():
            raise Unavailable("not connected to Discord yet")
        channel = self._client.get_partial_messageable(rental.channel_id, guild_id=rental.guild_id)
        view = self._render(rental, self._clock.now(), standing, tally, pace)
        with translated():
            async with asyncio.timeout(_DEADLINE_S):
                message_id = rental.message_id
                if message_id is None and notice.tries > 0:
                    message_id = await find(
                        self._client, channel, lambda one: _about(one, rental.id)
                    )
                if message_id is not None:
                    if await edit(channel, message_id, view):
                        return message_id
                    log.info("the card was deleted in the channel and is posted anew")
                message = await channel.send(
                    view=view, nonce=notice.id, allowed_mentions=discord.AllowedMentions.none()
                )
                return message.id


def _about(message: discord.Message, rental_id: RentalId) -> bool:
    """Whether a message is that rental's card: by its buttons, or by its small print.

    A card without buttons names its rental in its last line, which begins with `-#`; no text that
    a person chose stands on such a line. Letters, which may have such buttons too, are numbered.
    """
    if any((getattr(part, "id", 0) or 0) >= FIRST_NUMBER for part in message.components):
        return False
    for part in parts(message.components):
        custom_id = getattr(part, "custom_id", None) or ""
        if rental_id in custom_id.split(":"):
            return True
        text = getattr(part, "content", None) or ""
        small = [line for line in text.splitlines() if line.startswith("-# <@")]
        if any(rental_id in line.split() for line in small):
            return True
    return False
