"""Move: the menu of machines that a ready machine's work can go to, and the quote.

The quote's own buttons are those of any quote; pressing Move there begins a rental that takes the
work over.
"""

from __future__ import annotations

from discord.ext import commands

from bot.client import Bellhop
from bot.services.moves import Moves as Service
from cogs.ui import inputs, market
from cogs.ui.inputs import Interaction


class Moves(commands.Cog):
    def __init__(self, *, moves: Service) -> None:
        self._moves = moves

    async def choose(self, press: Interaction, rental_id: str, *, larger: bool = False) -> None:
        """Move, below More; or “Move to a larger GPU”, on the card of a machine that lacks one."""
        await press.client.take(press, private=True)
        found = await self._moves.choices(inputs.actor(press), rental_id, larger=larger)
        await press.edit_original_response(view=market.moves(found))

    async def quote(self, press: Interaction, rental_id: str, offer_id: int) -> None:
        """The menu: a quote in a message of its own, so that the menu stays."""
        await press.client.take(press, private=True)
        quote = await self._moves.quote(
            inputs.actor(press), inputs.place(press), rental_id, offer_id
        )
        await press.edit_original_response(view=market.quote(quote))


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Moves(moves=bot.services.moves))
