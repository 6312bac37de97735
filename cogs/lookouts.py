"""The buttons of wishes that wait for a machine: look for it, stop looking, what it costs now."""

from __future__ import annotations

from discord.ext import commands

from bot.client import Bellhop
from bot.services.lookouts import Lookouts as Service
from cogs.ui import inputs, lookouts, market
from cogs.ui.inputs import Interaction


class Lookouts(commands.Cog):
    def __init__(self, *, lookouts: Service) -> None:
        self._lookouts = lookouts

    async def wait(self, press: Interaction, lookout_id: str, *, rents: bool) -> None:
        """“Tell me” and “Rent it”, below the answer that nothing fits."""
        await press.client.take(press)
        lookout = await self._lookouts.open(inputs.actor(press), lookout_id, rents=rents)
        await press.edit_original_response(view=lookouts.waiting(lookout))

    async def stop(self, press: Interaction, lookout_id: str) -> None:
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._lookouts.home(lookout_id))
        lookout = await self._lookouts.cancel(actor, lookout_id)
        await press.edit_original_response(view=lookouts.cancelled(lookout))

    async def quote(self, press: Interaction, lookout_id: str) -> None:
        """The button of the letter that there is one, perhaps in a direct message."""
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._lookouts.home(lookout_id))
        quote = await self._lookouts.quote(actor, lookout_id)
        await press.edit_original_response(view=market.quote(quote))


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Lookouts(lookouts=bot.services.lookouts))
