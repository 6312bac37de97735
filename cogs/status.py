"""`/status`: somebody's open rentals: how far each is, what it costs, whether it looks idle."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.ports.clock import Clock
from bot.services.account import AccountWatch
from bot.services.desk import Desk
from bot.services.health import Condition
from bot.services.lookouts import Lookouts
from bot.services.sharing import Sharing
from cogs.ui import answers, inputs, sharing
from cogs.ui.inputs import Interaction

_MOST = 20
"""Machines that are looked up: more do not fit onto the card."""


class Status(commands.Cog):
    def __init__(
        self,
        *,
        desk: Desk,
        lookouts: Lookouts,
        sharing: Sharing,
        account: AccountWatch,
        condition: Condition,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._sharing = sharing
        self._account = account
        self._condition = condition
        self._lookouts = lookouts
        self._clock = clock

    @app_commands.command(name="status", description="Your machines: how far, how old, what cost")
    @app_commands.describe(member="Somebody else's machines, for leads")
    async def status(self, interaction: Interaction, member: discord.User | None = None) -> None:
        await interaction.client.take(interaction, private=True, repeatable=True)
        actor = inputs.actor(interaction)
        inputs.may_ask_about(actor, member)
        rentals = await self._desk.of(actor, member.id if member else None)
        shown = rentals[:_MOST]
        standings = {rental.id: await self._desk.standing(rental) for rental in shown}
        tallies = {rental.id: await self._desk.tally(rental) for rental in shown}
        view = answers.status(
            rentals,
            self._clock.now(),
            whose=member.mention if member else "",
            standings=standings,
            tallies=tallies,
            paces={rental.id: await self._desk.pace(rental) for rental in shown},
            blind=self._account.blind,
            ailments=self._condition.ailments,
            lookouts=await self._lookouts.of(actor, member.id if member else None),
            guests=await self._sharing.guests(rentals),
            shared=sharing.mine(await self._sharing.shared_with(actor)) if not member else "",
        )
        await interaction.edit_original_response(view=view)


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(
        Status(
            desk=services.desk,
            lookouts=services.lookouts,
            sharing=services.sharing,
            account=services.account,
            condition=services.condition,
            clock=services.clock,
        )
    )
