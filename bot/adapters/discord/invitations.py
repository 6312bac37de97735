"""Letters about shares: to the member, and to the owner where somebody else shared or ended it."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import discord

from bot.adapters.discord.border import Messenger
from bot.adapters.discord.direct import Addressed, send
from bot.domain.rentals import Rental
from bot.domain.shares import Share
from bot.errors import Undeliverable

FIRST_NUMBER = 1 << 26
"""See `tidings.FIRST_NUMBER`."""

Render = Callable[[Share, Rental, int], discord.ui.LayoutView]
"""The message about a share, to the person with this number."""


class DiscordInvitations:
    """`ports.Invitations` on Discord."""

    def __init__(self, *, client: Messenger, render: Render) -> None:
        self._client = client
        self._render = render

    def ready(self) -> bool:
        return self._client.is_ready()

    async def tell(self, share: Share, rental: Rental) -> None:
        undelivered = None
        for person_id in _people(share, rental):
            stage = "end" if share.ended_at is not None else "new"
            key = f"{share.id}-{stage}-{person_id}"
            to = Addressed(
                person_id=person_id,
                guild_id=rental.guild_id,
                channel_id=rental.channel_id,
                number=FIRST_NUMBER + zlib.crc32(key.encode()) % FIRST_NUMBER,
                nonce=f"sh{share.id}{stage}{person_id % 10**8}",
                again=share.tries > 0,
            )
            try:
                await send(self._client, self._render(share, rental, person_id), to)
            except Undeliverable as error:  # the other one is told all the same
                undelivered = error
        if undelivered is not None:
            raise undelivered


def _people(share: Share, rental: Rental) -> list[int]:
    """Who is to know, but for whoever did it; of a share whose time is over, the member."""
    did = share.by_id if share.ended_at is None else share.ended_by or rental.owner_id
    return [one for one in (share.member_id, rental.owner_id) if one != did]
