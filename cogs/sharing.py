"""`/share` and `/unshare`, and the buttons below them and below the letters about them.

The letters stand in direct messages, where a press says nothing about a server: who presses there
is looked up in the share's own.
"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop, Tickets
from bot.domain.shares import HOUR, MAX_SHARE
from bot.services.desk import Desk
from bot.services.sharing import Sharing as Service
from cogs.ui import answers, choices, inputs, refusals
from cogs.ui import sharing as cards
from cogs.ui.inputs import Interaction


class Sharing(commands.Cog):
    def __init__(self, *, desk: Desk, sharing: Service, links: Tickets) -> None:
        self._desk = desk
        self._sharing = sharing
        self._links = links

    @app_commands.command(name="share", description="Let a teammate into a notebook, for a time")
    @app_commands.rename(named="rental", view_only="view-only")
    @app_commands.describe(
        named="Which machine",
        member="Whom to let in",
        hours="For so many hours",
        view_only="They see everything, and run and change nothing",
    )
    async def share(
        self,
        interaction: Interaction,
        named: app_commands.Range[str, 1, 100],
        member: discord.User | discord.Member,
        hours: app_commands.Range[int, 1, MAX_SHARE // HOUR] = 8,
        view_only: bool = False,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        if not isinstance(member, discord.Member):
            raise refusals.stranger(member.id)
        rental_id = inputs.one(await self._desk.within_reach(actor), named)
        share = await self._sharing.share(
            actor,
            rental_id,
            member_id=member.id,
            member_name=member.display_name,
            bot=member.bot,
            hours=hours,
            view_only=view_only,
        )
        rental = await self._desk.get(actor, rental_id)
        await interaction.edit_original_response(view=cards.shared(rental, share))

    @app_commands.command(name="unshare", description="Take back what you shared, at once")
    @app_commands.rename(named="rental")
    @app_commands.describe(named="Which machine", member="From whom; without: you are asked")
    async def unshare(
        self,
        interaction: Interaction,
        named: app_commands.Range[str, 1, 100],
        member: discord.User | None = None,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        rental_id = inputs.one(await self._desk.within_reach(actor), named)
        rental = await self._desk.get(actor, rental_id)
        if member is None:
            shares = await self._sharing.shares_of(actor, rental_id)
            await interaction.edit_original_response(view=cards.which(rental, shares))
            return
        share = await self._sharing.with_member(actor, rental_id, member.id)
        share = await self._sharing.unshare(actor, share.id)
        await interaction.edit_original_response(view=cards.ended(rental, share))

    async def enter(self, press: Interaction, share_id: str) -> None:
        """The Open button of a letter."""
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._sharing.home(share_id))
        share = await self._sharing.get(share_id)
        rental, _ = await self._sharing.enterable(actor, share.rental_id)
        url = await self._links.issue(actor, rental.id)
        await press.edit_original_response(view=answers.ticket(rental, url))

    async def end(self, press: Interaction, share_id: str) -> None:
        """“Take it back”, and “I do not need it”."""
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._sharing.home(share_id))
        share = await self._sharing.unshare(actor, share_id)
        rental = await self._sharing.rental_of(share)
        await press.edit_original_response(view=cards.ended(rental, share))

    @share.autocomplete("named")
    @unshare.autocomplete("named")
    async def _within_reach(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        reach = await choices.soon(self._desk.within_reach(inputs.actor(interaction)))
        return choices.rentals(reach, typed)


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(Sharing(desk=services.desk, sharing=services.sharing, links=services.links))
