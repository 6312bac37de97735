"""Letters about wishes that waited: to whoever wished, directly, else in the channel they asked in.

One wish gets one letter. It is recognised among other messages by the number of its outermost
component, like the letters about rentals, which have other numbers.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable

import discord

from bot.adapters.discord.border import Messenger, parts, translated
from bot.domain.lookouts import Lookout
from bot.errors import Unavailable

log = logging.getLogger(__name__)

FIRST_NUMBER = 1 << 27
"""Rentals' letters are numbered from 2^28 on, cards from 1."""

_DEADLINE_S = 20
_NEWEST = 50

Render = Callable[[Lookout], discord.ui.LayoutView]


class DiscordTidings:
    """`ports.Tidings` on Discord. `render` makes the message."""

    def __init__(self, *, client: Messenger, render: Render) -> None:
        self._client = client
        self._render = render

    async def tell(self, lookout: Lookout) -> None:
        if not self._client.is_ready():
            raise Unavailable("not connected to Discord yet")
        with translated():
            async with asyncio.timeout(_DEADLINE_S):
                try:
                    direct = await self._client.create_dm(discord.Object(lookout.owner_id))
                    await self._send(lookout, self._client.get_partial_messageable(direct.id))
                except (discord.Forbidden, discord.NotFound) as error:
                    log.info("the owner takes no direct messages: %s", error.code)
                    await self._in_channel(lookout)

    async def _in_channel(self, lookout: Lookout) -> None:
        channel = self._client.get_partial_messageable(
            lookout.channel_id, guild_id=lookout.guild_id
        )
        await self._send(lookout, channel, named=True)

    async def _send(
        self, lookout: Lookout, channel: discord.PartialMessageable, *, named: bool = False
    ) -> None:
        if lookout.tries > 0 and await self._stands_in(channel, lookout):
            return
        view = self._render(lookout)
        view.children[0].id = number(lookout)
        owner = [discord.Object(lookout.owner_id)] if named else False
        await channel.send(
            view=view,
            nonce=f"lookout-{lookout.id}"[:25],
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=owner, replied_user=False
            ),
        )

    async def _stands_in(self, channel: discord.PartialMessageable, lookout: Lookout) -> bool:
        """Whether an earlier try got through after all."""
        wanted = number(lookout)
        async for message in channel.history(limit=_NEWEST):
            ours = self._client.user is not None and message.author.id == self._client.user.id
            if ours and any(part.id == wanted for part in parts(message.components)):
                return True
        return False


def number(lookout: Lookout) -> int:
    """The number of its letter's outermost component."""
    return FIRST_NUMBER + zlib.crc32(lookout.id.encode()) % FIRST_NUMBER
