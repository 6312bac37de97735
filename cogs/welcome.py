"""A server's first use: noticing that we were added, and the three choices of the greeting.

The card is mostly read in a direct message; who presses there counts as in the server it is about.
"""

from __future__ import annotations

import logging

import discord
from discord.ext import commands

from bot.client import Bellhop
from bot.domain.access import Actor, demand_setting
from bot.domain.welcome import Setup
from bot.errors import BotError, Unavailable
from bot.services import welcome
from cogs.ui import inputs
from cogs.ui import welcome as cards
from cogs.ui.buttons.welcome import LimitForm
from cogs.ui.inputs import Interaction

log = logging.getLogger(__name__)


class Welcome(commands.Cog):
    def __init__(self, *, welcome: welcome.Welcome) -> None:
        self._welcome = welcome

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """A door. What fails here is made good by the greeter's next round."""
        try:
            await self._welcome.joined(guild.id)
        except BotError as error:
            log.warning("that we joined server %s was not noted: %s", guild.id, error)

    async def choose(self, press: Interaction, step: str, guild_id: int, value: str) -> None:
        await press.client.take(press)
        actor = await _chooser(press, guild_id)
        match step:
            case "leads":
                setup = await self._welcome.choose_leads(actor, guild_id, cards.chosen(value))
            case "channel":
                setup = await self._welcome.choose_channel(actor, guild_id, cards.chosen(value))
            case _:
                setup = await self._welcome.choose_limit(actor, guild_id, cards.limit(value))
        await self._show(press, setup)

    async def ask_limit(self, press: Interaction, guild_id: int) -> None:
        """Discord takes a form only as the first answer, so in a direct message it is looked who
        presses when the form comes back."""
        if press.guild_id is not None:
            demand_setting(inputs.actor(press))
        await press.response.send_modal(LimitForm(guild_id))

    async def finish(self, press: Interaction, guild_id: int) -> None:
        await press.client.take(press)
        actor = await _chooser(press, guild_id)
        has = cards.choices_of(_guild(press, guild_id))
        proposed = has.proposed(await self._welcome.setup(guild_id))
        await self._show(press, await self._welcome.finish(actor, guild_id, proposed))

    async def _show(self, press: Interaction, setup: Setup) -> None:
        view = cards.card(setup, _guild(press, setup.guild_id))
        await press.edit_original_response(view=view)


async def _chooser(press: Interaction, guild_id: int) -> Actor:
    async def home() -> int:
        return guild_id

    return await inputs.caller(press, home())


def _guild(press: Interaction, guild_id: int) -> discord.Guild:
    """Raises Unavailable while Discord has not told about it."""
    guild = press.client.get_guild(guild_id)
    if guild is None:
        raise Unavailable(f"server {guild_id} is not known now")
    return guild


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Welcome(welcome=bot.services.welcome))
