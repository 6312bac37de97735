"""Letters about wishes that waited: to whoever wished, directly, else in the channel they asked in.

One wish gets one letter. Its number is told from those of the letters about rentals, and of shares.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import discord

from bot.adapters.discord.border import Messenger
from bot.adapters.discord.direct import Addressed, send
from bot.domain.lookouts import Lookout

FIRST_NUMBER = 1 << 27
"""Rentals' letters are numbered from 2^28 on, shares' from 2^26, cards from 1."""

Render = Callable[[Lookout], discord.ui.LayoutView]


class DiscordTidings:
    """`ports.Tidings` on Discord. `render` makes the message."""

    def __init__(self, *, client: Messenger, render: Render) -> None:
        self._client = client
        self._render = render

    async def tell(self, lookout: Lookout) -> None:
        to = Addressed(
            person_id=lookout.owner_id,
            guild_id=lookout.guild_id,
            channel_id=lookout.channel_id,
            number=number(lookout),
            nonce=f"lookout-{lookout.id}",
            again=lookout.tries > 0,
        )
        await send(self._client, self._render(lookout), to)


def number(lookout: Lookout) -> int:
    """The number of its letter's outermost component."""
    return FIRST_NUMBER + zlib.crc32(lookout.id.encode()) % FIRST_NUMBER
