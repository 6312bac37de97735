"""`/ssh`: how to connect to a machine; `/sshkey`: one's own keys, by a form.

What is pasted into the form is read and forgotten: neither a log nor an answer quotes it.
"""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.services.desk import Desk
from bot.services.sharing import Sharing
from bot.services.ssh import Ssh as Service
from cogs.ui import choices, inputs, look, several
from cogs.ui import ssh as cards
from cogs.ui.buttons import KeyForm
from cogs.ui.inputs import Interaction


class Ssh(commands.Cog):
    def __init__(self, *, desk: Desk, sharing: Sharing, ssh: Service) -> None:
        self._desk = desk
        self._sharing = sharing
        self._ssh = ssh

    sshkey = app_commands.Group(name="sshkey", description="Your own SSH keys")

    @app_commands.command(name="ssh", description="Connect with a terminal or VS Code")
    @app_commands.rename(named="rental")
    @app_commands.describe(named="Which machine; not needed when you have only one")
    async def ssh(
        self, interaction: Interaction, named: app_commands.Range[str, 1, 100] | None = None
    ) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        mine = await self._sharing.entrances(actor, await self._desk.of(actor))
        rental_id = await several.meant(interaction, mine, named, "ssh")
        if rental_id is not None:
            await self._show(interaction, rental_id)

    async def chosen(self, press: Interaction, rental_id: str) -> None:
        """The menu of those that may be meant."""
        await press.client.take(press)
        await self._show(press, rental_id)

    @sshkey.command(name="add", description="Add your public key, in a form")
    async def add(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(KeyForm())

    @sshkey.command(name="list", description="Your keys, by their fingerprints")
    async def listed(self, interaction: Interaction) -> None:
        await interaction.client.take(interaction, private=True)
        await self._list(interaction)

    @sshkey.command(name="remove", description="Take a key off your machines")
    @app_commands.describe(key="Which one; without: you choose from a menu")
    async def remove(
        self, interaction: Interaction, key: app_commands.Range[str, 1, 100] | None = None
    ) -> None:
        await interaction.client.take(interaction, private=True)
        if key is None:
            await self._list(interaction)
            return
        own = await self._ssh.remove(inputs.actor(interaction), key)
        await interaction.edit_original_response(view=cards.removed(own))

    async def form(self, press: Interaction) -> None:
        """The button; a form must be the first answer."""
        await press.response.send_modal(KeyForm())

    async def added(self, press: Interaction, text: str) -> None:
        await press.client.take(press, private=True)
        actor = inputs.actor(press)
        added = await self._ssh.add(actor, text)
        view = cards.keys(await self._ssh.keys(actor), added=added)
        await press.edit_original_response(view=view)

    async def removed(self, press: Interaction, fingerprint: str) -> None:
        """The menu below the list."""
        await press.client.take(press)
        own = await self._ssh.remove(inputs.actor(press), fingerprint)
        await press.edit_original_response(view=cards.removed(own))

    @ssh.autocomplete("named")
    async def _mine(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        actor = inputs.actor(interaction)
        own = await choices.soon(self._desk.of(actor))
        return choices.rentals(await choices.soon(self._sharing.entrances(actor, own)), typed)

    @remove.autocomplete("key")
    async def _keys(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        own = await choices.soon(self._ssh.keys(inputs.actor(interaction)))
        named = [(f"{look.plain_line(one.key.comment)} {one.key.fingerprint}", one) for one in own]
        return [
            app_commands.Choice(name=name.strip()[:100], value=one.key.fingerprint)
            for name, one in named
            if typed.lower() in name.lower()
        ][: choices.MOST]

    async def _show(self, interaction: Interaction, rental_id: str) -> None:
        found = await self._ssh.access(inputs.actor(interaction), rental_id)
        await interaction.edit_original_response(view=cards.access(found))

    async def _list(self, interaction: Interaction) -> None:
        own = await self._ssh.keys(inputs.actor(interaction))
        await interaction.edit_original_response(view=cards.keys(own))


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(Ssh(desk=services.desk, sharing=services.sharing, ssh=services.ssh))
