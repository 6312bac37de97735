"""Bulletins on Discord: in a channel for the leads, directly to the owner of a machine.

A bulletin is recognised by the number of its outermost component, as a letter is. Where its own
channel is closed to us or gone, it goes to the first one in which we may write.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable

import discord

from bot.adapters.discord.border import edit, find, first_open, parts, translated
from bot.adapters.discord.mail import FIRST_NUMBER
from bot.domain.bulletins import Audience, Bulletin
from bot.domain.letters import Place
from bot.domain.pictures import described
from bot.errors import Unavailable, Undeliverable
from bot.ports.bulletins import Posting
from bot.ports.chat import Desired, Home

log = logging.getLogger(__name__)

Render = Callable[[Bulletin, int | None], discord.ui.LayoutView]
"""The message of a bulletin; with the owner's number where it stands in a channel."""

PICTURE = "report.png"
_DEADLINE_S = 20


class DiscordBoard:
    """`ports.Board` on Discord. `render` makes the message of a bulletin."""

    def __init__(self, *, client: discord.Client, render: Render) -> None:
        self._client = client
        self._render = render

    async def post(
        self, posting: Posting, desired: Desired, *, picture: bytes | None = None
    ) -> Place:
        if not self._client.is_ready():
            raise Unavailable("not connected to Discord yet")
        with translated():
            async with asyncio.timeout(_DEADLINE_S):
                if posting.place is not None:
                    return await self._edit(posting, posting.place, desired)
                if posting.bulletin.audience is Audience.OWNER and desired.owner_id is not None:
                    return await self._to_owner(posting, desired)
                return await self._in_channel(posting, desired, picture)

    async def home(self) -> Home | None:
        """The first channel in which we may write; None where there is none."""
        if not self._client.is_ready() or self._client.user is None:
            return None
        for guild in self._client.guilds:
            channel = first_open(guild)
            if channel is not None:
                return Home(guild_id=guild.id, channel_id=channel.id, own_id=self._client.user.id)
        return None

    async def _to_owner(self, posting: Posting, desired: Desired) -> Place:
        """Directly; in the channel where that is closed to us."""
        assert desired.owner_id is not None
        try:
            direct = await self._client.create_dm(discord.Object(desired.owner_id))
            channel = self._client.get_partial_messageable(direct.id)
            return await self._send(posting, channel, None)
        except (discord.Forbidden, discord.NotFound) as error:
            log.info("the owner takes no direct messages: %s", error.code)
        except discord.HTTPException as error:
            if error.status != 400:
                raise
            log.info("the owner cannot be written to: %s", error.code)
        return await self._in_channel(posting, desired)

    async def _in_channel(
        self, posting: Posting, desired: Desired, picture: bytes | None = None
    ) -> Place:
        owner = desired.owner_id if posting.bulletin.audience is Audience.OWNER else None
        for_team = posting.bulletin.audience is Audience.TEAM
        wanted = [
            one
            for one in (desired.channel_id, desired.otherwise_id)
            if one is not None and not (for_team and self._elsewhere(one, desired.guild_id))
        ]
        for channel_id in wanted:
            channel = self._client.get_partial_messageable(channel_id, guild_id=desired.guild_id)
            try:
                return await self._send(posting, channel, owner, picture)
            except (discord.Forbidden, discord.NotFound) as error:
                log.info("a bulletin cannot stand in its channel: %s", error.code)
        home = await self.home()
        strange = for_team and home is not None and home.guild_id != desired.guild_id
        if home is None or strange or home.channel_id in wanted:
            raise Undeliverable("there is no channel in which we may write")
        channel = self._client.get_partial_messageable(home.channel_id, guild_id=home.guild_id)
        return await self._send(posting, channel, owner, picture)

    def _elsewhere(self, channel_id: int, guild_id: int | None) -> bool:
        """Whether a channel is another server's, which a team's figures are no affair of."""
        channel = self._client.get_channel(channel_id)
        return isinstance(channel, discord.abc.GuildChannel) and channel.guild.id != guild_id

    async def _edit(self, posting: Posting, place: Place, desired: Desired) -> Place:
        channel = self._client.get_partial_messageable(place.channel_id)
        public = place.channel_id == desired.channel_id
        owner = desired.owner_id if public else None
        if not await edit(channel, place.message_id, self._view(posting, owner)):
            log.info("a bulletin was deleted by whoever read it")
        return place

    async def _send(
        self,
        posting: Posting,
        channel: discord.PartialMessageable,
        owner: int | None,
        picture: bytes | None = None,
    ) -> Place:
        if posting.tries > 0:
            wanted = number(posting)
            found = await find(
                self._client,
                channel,
                lambda one: any(part.id == wanted for part in parts(one.components)),
            )
            if found is not None:
                if posting.bulletin.picture is None:  # with one, it says what it said already
                    await edit(channel, found, self._view(posting, owner))
                return Place(channel.id, found)
        if picture is not None:
            try:
                return await self._new(posting, channel, owner, picture)
            except discord.Forbidden:
                log.warning("a bulletin goes without its picture: we may attach none there")
        return await self._new(posting, channel, owner, None)

    async def _new(
        self,
        posting: Posting,
        channel: discord.PartialMessageable,
        owner: int | None,
        picture: bytes | None,
    ) -> Place:
        view, files = self._view(posting, owner), []
        if picture is not None and posting.bulletin.picture is not None:
            said = described(posting.bulletin.picture)
            files = [discord.File(io.BytesIO(picture), PICTURE, description=said)]
            gallery: discord.ui.MediaGallery[discord.ui.LayoutView] = discord.ui.MediaGallery()
            gallery.add_item(media=f"attachment://{PICTURE}", description=said)
            view.add_item(gallery)
        message = await channel.send(
            view=view,
            files=files,
            nonce=posting.id,
            allowed_mentions=discord.AllowedMentions(
                everyone=False,
                roles=False,
                users=[discord.Object(owner)] if owner is not None else False,
                replied_user=False,
            ),
        )
        return Place(channel.id, message.id)

    def _view(self, posting: Posting, owner: int | None) -> discord.ui.LayoutView:
        view = self._render(posting.bulletin, owner)
        view.children[0].id = number(posting)
        return view


def number(posting: Posting) -> int:
    """The number of a bulletin's outermost component, within Discord's 31 bits."""
    return FIRST_NUMBER + int(posting.id[:7], 16)
