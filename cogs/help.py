"""`/help`: the commands in plain words, and how to begin."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from cogs.ui import answers, inputs
from cogs.ui.inputs import Interaction


class Help(commands.Cog):
    @app_commands.command(name="help", description="What there is, and how to begin")
    async def help(self, interaction: Interaction) -> None:
        view = answers.help_card(lead=inputs.actor(interaction).lead)
        await interaction.response.send_message(view=view, ephemeral=True)


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Help())
