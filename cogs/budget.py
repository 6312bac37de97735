"""`/budget`: how budgets stand, limits set by leads, and asking for more."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.domain.budgets import TEAM, Scope, Subject, amount
from bot.domain.money import Usd
from bot.services import budgets
from cogs.ui import budgets as cards
from cogs.ui import inputs, refusals
from cogs.ui.inputs import Interaction

_NONE = ("off", "none", "unlimited")


class Budget(commands.GroupCog, name="budget", description="Dollars a month, and asking for more"):
    def __init__(self, *, budgets: budgets.Budgets) -> None:
        self._budgets = budgets

    @app_commands.command(name="show", description="How much of the month's budgets is used")
    async def show(self, interaction: Interaction) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        month, uses = await self._budgets.show(actor)
        changes = await self._budgets.changes(actor, limit=cards.CHANGES)
        view = cards.standing(month, uses, lead=actor.lead, changes=changes)
        await interaction.edit_original_response(view=view)

    @app_commands.command(name="set", description="Set a limit a month, for leads")
    @app_commands.describe(
        dollars="So many dollars a month, like 40; off takes the limit away",
        member="For this person",
        role="For everybody with this role, together",
    )
    async def set_command(
        self,
        interaction: Interaction,
        dollars: app_commands.Range[str, 1, 20],
        member: discord.User | None = None,
        role: discord.Role | None = None,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        subject = _subject(member, role)
        limit = None if dollars.strip().lower() in _NONE else amount(dollars)
        use = await self._budgets.set(inputs.actor(interaction), subject, limit)
        await interaction.edit_original_response(view=cards.changed(subject, use))

    @app_commands.command(name="request", description="Ask the leads for more this month")
    @app_commands.describe(dollars="How many dollars more, like 10")
    async def request_command(
        self, interaction: Interaction, dollars: app_commands.Range[str, 1, 20]
    ) -> None:
        await self.ask(interaction, amount(dollars))

    async def ask(self, press: Interaction, more: Usd, quote_id: str | None = None) -> None:
        """A request in the channel, where the leads see it; who asked is told in private."""
        await press.client.take(press, private=True)
        grant = await self._budgets.request(inputs.actor(press), more, quote_id)
        await press.edit_original_response(view=cards.asked())
        await press.followup.send(view=cards.request(grant))

    async def decide(self, press: Interaction, grant_id: str, *, approved: bool) -> None:
        """One tap of a lead's, in a direct message too; the request says what came of it."""
        await press.client.take(press)
        actor = await inputs.caller(press, self._budgets.home(grant_id))
        grant = await self._budgets.decide(actor, grant_id, approved=approved)
        await press.edit_original_response(view=cards.request(grant))


def _subject(member: discord.User | None, role: discord.Role | None) -> Subject:
    if member is not None and role is not None:
        raise refusals.both_named()
    if member is not None:
        return Subject(Scope.MEMBER, member.id)
    if role is not None and not role.is_default():
        return Subject(Scope.ROLE, role.id)
    return TEAM


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Budget(budgets=bot.services.budgets))
