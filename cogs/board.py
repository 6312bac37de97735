"""`/board`: one live message for the channel that says what the team runs."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.services.boards import Boards
from cogs.ui import boards as cards
from cogs.ui import inputs
from cogs.ui.inputs import Interaction


class Board(commands.Cog):
    def __init__(self, *, boards: Boards) -> None:
        self._boards = boards

    @app_commands.command(name="board", description="One live message: who runs what, at what cost")
    async def board(self, interaction: Interaction) -> None:
        await interaction.client.take(interaction, private=True)
        place = inputs.place(interaction, what="the board")
        await self._boards.put_up(place.guild_id, place.channel_id)
        await interaction.edit_original_response(view=cards.put_up())


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Board(boards=bot.services.boards))
