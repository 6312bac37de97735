"""Letters: messages to a rental's owner, directly or in its channel, and to the leads.

Discord lets people close their direct messages, and says so only when one is sent. The letter then
goes to the rental's channel and names its owner. A letter is recognised among other messages by the
number of its outermost component, which nobody sees.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import discord

from bot.adapters.discord.border import Messenger, edit, find, parts, translated
from bot.domain.archives import Archive
from bot.domain.letters import FOR_LEADS, SILENT, Letter, Place, Stand
from bot.domain.rentals import Rental
from bot.domain.standing import Standing
from bot.domain.sweep import ownerless
from bot.domain.tally import Tally
from bot.errors import Unavailable
from bot.ports.chat import Page
from bot.ports.clock import Clock

log = logging.getLogger(__name__)

FIRST_NUMBER = 1 << 28
"""Discord numbers components from 1 on; those of letters begin here."""

_DEADLINE_S = 20


Render = Callable[[Page], discord.ui.LayoutView]


class DiscordMail:
    """`ports.Mail` on Discord. `render` makes the message of a letter."""

    def __init__(self, *, client: Messenger, render: Render, clock: Clock) -> None:
        self._client = client
        self._render = render
        self._clock = clock

    def ready(self) -> bool:
        return self._client.is_ready()

    async def deliver(
        self,
        letter: Letter,
        stand: Stand,
        rental: Rental,
        standing: Standing | None,
        *,
        direct: bool = True,
        leads_channel_id: int | None = None,
        tally: Tally | None = None,
        archive: Archive | None = None,
    ) -> Place:
        if not self._client.is_ready():
            raise Unavailable("not connected to Discord yet")
        for_leads = letter.kind in FOR_LEADS or ownerless(rental)
        public = for_leads or not direct
        if letter.place is not None:
            public = for_leads or letter.place.channel_id == rental.channel_id
        page = Page(
            letter=letter,
            stand=stand,
            rental=rental,
            standing=standing,
            now=self._clock.now(),
            public=public,
            tally=tally,
            archive=archive,
        )
        with translated():
            async with asyncio.timeout(_DEADLINE_S):
                if letter.place is not None:
                    return await self._edit(page, letter.place)
                if for_leads and leads_channel_id is not None:
                    return await self._to_leads(page, leads_channel_id)
                return await (self._in_channel(page) if public else self._to_owner(page))

    async def _edit(self, page: Page, place: Place) -> Place:
        channel = self._client.get_partial_messageable(place.channel_id)
        if not await edit(channel, place.message_id, self._view(page)):
            log.info("a letter was deleted by whoever got it")
        return place

    async def _to_owner(self, page: Page) -> Place:
        """Directly; in the channel where that is closed to us, or the owner has left."""
        try:
            channel = await self._client.create_dm(discord.Object(page.rental.owner_id))
            return await self._send(page, self._client.get_partial_messageable(channel.id))
        except (discord.Forbidden, discord.NotFound) as error:
            log.info("the owner takes no direct messages: %s", error.code)
        except discord.HTTPException as error:
            if error.status != 400:
                raise
            log.info("the owner cannot be written to: %s", error.code)
        return await self._in_channel(page)

    async def _to_leads(self, page: Page, channel_id: int) -> Place:
        """In their channel; in the rental's where that is gone or closed to us."""
        try:
            channel = self._client.get_partial_messageable(
                channel_id, guild_id=page.rental.guild_id
            )
            return await self._send(page, channel)
        except (discord.Forbidden, discord.NotFound) as error:
            log.warning("the leads' channel cannot be written to: %s", error.code)
        return await self._in_channel(page)

    async def _in_channel(self, page: Page) -> Place:
        rental = page.rental
        channel = self._client.get_partial_messageable(rental.channel_id, guild_id=rental.guild_id)
        return await self._send(replace(page, public=True), channel)

    async def _send(self, page: Page, channel: discord.PartialMessageable) -> Place:
        letter, rental = page.letter, page.rental
        if letter.tries > 0 and (found := await self._find(channel, letter)):
            return await self._edit(page, found)
        named = page.public and letter.kind not in FOR_LEADS and not ownerless(rental)
        owner = [discord.Object(rental.owner_id)] if named else False
        message = await channel.send(
            view=self._view(page),
            nonce=letter.id,
            silent=letter.kind in SILENT,
            allowed_mentions=discord.AllowedMentions(
                everyone=False, roles=False, users=owner, replied_user=False
            ),
        )
        return Place(channel.id, message.id)

    def _view(self, page: Page) -> discord.ui.LayoutView:
        view = self._render(page)
        view.children[0].id = number(page.letter)
        return view

    async def _find(self, channel: discord.PartialMessageable, letter: Letter) -> Place | None:
        """The letter among the newest messages, if an earlier try got through."""
        wanted = number(letter)
        found = await find(
            self._client, channel, lambda one: any(p.id == wanted for p in parts(one.components))
        )
        return Place(channel.id, found) if found is not None else None


def number(letter: Letter) -> int:
    """The number of a letter's outermost component, within Discord's 31 bits."""
    return FIRST_NUMBER + int(letter.id[:7], 16)
