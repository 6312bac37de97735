"""`/help`: what this person may do, how far they may go, and how to begin."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.services.guide import Guide
from cogs.ui import guide as cards
from cogs.ui import inputs
from cogs.ui.inputs import Interaction


class Help(commands.Cog):
    def __init__(self, *, guide: Guide) -> None:
        self._guide = guide

    @app_commands.command(name="help", description="What you may do here, and how to begin")
    async def help(self, interaction: Interaction) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        view = cards.help_card(await self._guide.reach(actor), lead=actor.lead)
        await interaction.edit_original_response(view=view)


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Help(guide=bot.services.guide))
