"""`/spend`: what somebody has spent, in all and by rental."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.services import spend
from cogs.ui import answers, inputs
from cogs.ui.inputs import Interaction


class Spend(commands.Cog):
    def __init__(self, *, spend: spend.Spend) -> None:
        self._spend = spend

    @app_commands.command(name="spend", description="What you have spent, by machine")
    @app_commands.describe(member="Somebody else's spending, for leads")
    async def spend(self, interaction: Interaction, member: discord.User | None = None) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        inputs.may_ask_about(actor, member)
        report = await self._spend.report(actor, member.id if member else None)
        view = answers.spending(report, whose=member.mention if member else "")
        await interaction.edit_original_response(view=view)


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Spend(spend=bot.services.spend))
