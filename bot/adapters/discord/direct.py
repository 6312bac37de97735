"""One message to one person: directly, else in a channel where they are named; and never twice.

It is recognised among other messages by the number of its outermost component, which nobody sees.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import discord

from bot.adapters.discord.border import Messenger, find, parts, translated
from bot.errors import Unavailable

log = logging.getLogger(__name__)

_DEADLINE_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """To whom, and where it goes instead when they take no direct messages."""

    person_id: int
    guild_id: int
    channel_id: int
    number: int  # of the outermost component, within Discord's 31 bits
    nonce: str  # 25 characters at most
    again: bool = False  # an earlier try may have got through


async def send(client: Messenger, view: discord.ui.LayoutView, to: Addressed) -> None:
    """Raises Undeliverable for good, Unavailable for what may pass."""
    if not client.is_ready():
        raise Unavailable("not connected to Discord yet")
    view.children[0].id = to.number
    with translated():
        async with asyncio.timeout(_DEADLINE_S):
            try:
                direct = await client.create_dm(discord.Object(to.person_id))
                await _send(client, client.get_partial_messageable(direct.id), view, to)
            except (discord.Forbidden, discord.NotFound) as error:
                log.info("a person takes no direct messages: %s", error.code)
                channel = client.get_partial_messageable(to.channel_id, guild_id=to.guild_id)
                await _send(client, channel, view, to, named=True)


async def _send(
    client: Messenger,
    channel: discord.PartialMessageable,
    view: discord.ui.LayoutView,
    to: Addressed,
    *,
    named: bool = False,
) -> None:
    if to.again and await _stands_in(client, channel, to.number):
        return
    person = [discord.Object(to.person_id)] if named else False
    await channel.send(
        view=view,
        nonce=to.nonce[:25],
        allowed_mentions=discord.AllowedMentions(
            everyone=False, roles=False, users=person, replied_user=False
        ),
    )


async def _stands_in(client: Messenger, channel: discord.PartialMessageable, number: int) -> bool:
    """Whether an earlier try got through after all; not where its history is closed to us."""
    found = await find(
        client, channel, lambda one: any(part.id == number for part in parts(one.components))
    )
    return found is not None
