"""`/open` and `/destroy`, and the same two as buttons on a card.

A machine is destroyed by a second press only. Whether somebody may is asked of the services each
time, the first press included: a question one may not answer is not put.
"""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop, Tickets
from bot.domain.access import Action
from bot.domain.rentals import Rental
from bot.ports import Clock
from bot.services.desk import Desk
from cogs.ui import answers, choices, inputs
from cogs.ui.inputs import Interaction


class Machines(commands.Cog):
    def __init__(self, *, desk: Desk, links: Tickets, clock: Clock) -> None:
        self._desk = desk
        self._links = links
        self._clock = clock

    @app_commands.command(name="open", description="A private link to your notebook")
    @app_commands.rename(named="rental")
    @app_commands.describe(named="Which machine; not needed when you have only one")
    async def open_command(
        self, interaction: Interaction, named: app_commands.Range[str, 1, 100] | None = None
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        own = await self._desk.of(inputs.actor(interaction))
        await self._link(interaction, inputs.pick(own, named))

    @app_commands.command(name="destroy", description="End a machine, after asking you once more")
    @app_commands.rename(named="rental")
    @app_commands.describe(
        named="Which machine; not needed when you have only one",
        discard="You know that what is on it will be lost",
    )
    async def destroy_command(
        self,
        interaction: Interaction,
        named: app_commands.Range[str, 1, 100] | None = None,
        discard: bool = False,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        reach = await self._reach(interaction, named)
        await self._ask(interaction, inputs.pick(reach, named), discard=discard)

    async def open(self, press: Interaction, rental_id: str) -> None:
        """The Open button."""
        await press.response.defer(ephemeral=True, thinking=True)
        await self._link(press, rental_id)

    async def ask_to_destroy(self, press: Interaction, rental_id: str) -> None:
        """The Destroy and Cancel buttons of a card: the first press."""
        await press.response.defer(ephemeral=True, thinking=True)
        await self._ask(press, rental_id)

    async def destroy(self, press: Interaction, rental_id: str) -> None:
        """The second press."""
        await press.response.defer()
        rental = await self._desk.end(inputs.actor(press), rental_id)
        await press.edit_original_response(view=answers.destroying(rental))

    async def leave_alone(self, press: Interaction, rental_id: str) -> None:
        await press.response.edit_message(view=answers.left_alone())

    @open_command.autocomplete("named")
    async def _own(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        own = await choices.soon(self._desk.of(inputs.actor(interaction)))
        return choices.rentals(own, typed)

    @destroy_command.autocomplete("named")
    async def _within_reach(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        reach = await choices.soon(self._desk.within_reach(inputs.actor(interaction)))
        return choices.rentals(reach, typed)

    async def _reach(self, interaction: Interaction, named: str | None) -> list[Rental]:
        """What a name may mean: for a lead all machines, but unnamed it is always one's own."""
        actor = inputs.actor(interaction)
        return await (self._desk.within_reach(actor) if named else self._desk.of(actor))

    async def _link(self, interaction: Interaction, rental_id: str) -> None:
        actor = inputs.actor(interaction)
        rental = await self._desk.get(actor, rental_id, Action.OPEN)
        url = await self._links.issue(actor, rental.id)
        await interaction.edit_original_response(view=answers.ticket(rental, url))

    async def _ask(
        self, interaction: Interaction, rental_id: str, *, discard: bool = False
    ) -> None:
        rental = await self._desk.get(inputs.actor(interaction), rental_id, Action.DESTROY)
        view = answers.sure(rental, self._clock.now(), discard=discard)
        if rental.released_at is not None or not rental.open:
            view = answers.destroying(rental)
        await interaction.edit_original_response(view=view)


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(Machines(desk=services.desk, links=services.links, clock=services.clock))
