"""`/settings`: the team's policy for leads, and for everybody what is theirs to choose.

Every page is private to whoever asked for it. The services check each change; the pages only leave
out what somebody may not do.
"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.domain import zones
from bot.domain.access import Actor, demand_setting
from bot.domain.policy_keys import LEADS_CHANNEL, ZONE, find, spot
from bot.ports.clock import Clock
from bot.services.policy import Policies
from cogs.ui import choices, inputs, look, refusals, setters
from cogs.ui import settings as cards
from cogs.ui.channels import may_write
from cogs.ui.inputs import Interaction


class Settings(commands.Cog):
    def __init__(self, *, policies: Policies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock

    @app_commands.command(name="settings", description="The team's settings, and your own")
    @app_commands.describe(zone="Your time zone: type a city, or an offset like +02:00")
    async def settings_command(
        self, interaction: Interaction, zone: app_commands.Range[str, 1, 60] | None = None
    ) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        if zone is None:
            view = await self._page(interaction, actor, "team")
        else:
            address = spot(ZONE, member_id=actor.id).address
            view = await self._set(interaction, actor, address, zone)
        await interaction.edit_original_response(view=view)

    async def turn_to(self, press: Interaction, page: str) -> None:
        await press.client.take(press)
        view = await self._page(press, inputs.actor(press), page)
        await press.edit_original_response(view=view)

    async def edit(self, press: Interaction, address: str) -> None:
        """A form for what is written, a menu for what is chosen.

        Discord takes a form only as the first answer, within three seconds, so nothing is read for
        it: it shows the values of the last read, some seconds old at most.
        """
        at = find(address)
        if not cards.is_written(at.key):
            await press.client.take(press)
            demand_setting(inputs.actor(press), own=at.key.own, member_id=at.member_id)
            view = cards.editor(at, await self._policies.values())
            await press.edit_original_response(view=view)
            return
        demand_setting(inputs.actor(press), own=at.key.own, member_id=at.member_id)
        values = self._policies.latest
        form = setters.ValueForm(
            at,
            now=cards.current(at, values),
            otherwise=cards.otherwise(at, values),
            bounds=cards.bounds(at.key),
        )
        await press.response.send_modal(form)

    async def set(self, press: Interaction, address: str, text: str) -> None:
        await press.client.take(press)
        view = await self._set(press, inputs.actor(press), address, text)
        await press.edit_original_response(view=view)

    @settings_command.autocomplete("zone")
    async def _zones(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        now = self._clock.now()
        return [
            app_commands.Choice(name=f"{name} · UTC{zones.offset_of(name, now)} now", value=name)
            for name in zones.suggested(typed, now)
        ]

    async def _set(
        self, interaction: Interaction, actor: Actor, address: str, text: str
    ) -> look.Card:
        """Set it and show the page it stands on; where a zone is not clear, ask which."""
        at = find(address)
        if cards.is_zone(at.key) and text.strip() and zones.named(text) is None:
            now = self._clock.now()
            if found := zones.suggested(text, now):
                return cards.which_zone(address, text, found, now)
        if at.key is LEADS_CHANNEL and text.strip().isdecimal():
            _demand_writable(interaction.guild, int(text))
        await self._policies.change(actor, {address: text})
        # Who has just made somebody else the leads is perhaps none any more.
        return await self._page(interaction, inputs.actor(interaction), setters.page_of(address))

    async def _page(self, interaction: Interaction, actor: Actor, page: str) -> look.Card:
        values = await self._policies.values()
        kind, _, subject = page.partition("/")
        if kind == "member":
            if int(subject) != actor.id:
                demand_setting(actor)
            return cards.member(actor, int(subject), values)
        if kind == "preset":
            demand_setting(actor)
            return cards.preset(subject, values)
        roles = interaction.guild.roles if interaction.guild is not None else []
        changes = await self._policies.changes(limit=cards.CHANGES)
        return cards.team(actor, values, changes=changes, roles={role.id for role in roles})


def _demand_writable(guild: discord.Guild | None, channel_id: int) -> None:
    """Raise BadInput for a channel we may not write in; later would be when a letter is due."""
    channel = guild.get_channel(channel_id) if guild is not None else None
    if guild is None or channel is None or guild.me is None:
        return
    if not may_write(channel):
        raise refusals.closed_channel(channel_id)


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(Settings(policies=services.policies, clock=services.clock))
