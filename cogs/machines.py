"""`/open` and `/destroy`, and the same two as buttons on a card.

A machine is destroyed by a second press only, without an archive by a third one. Whether somebody
may is asked of the services each time, the first press included: a question one may not answer is
not put.
"""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop, Tickets
from bot.domain import origins
from bot.domain.access import Action
from bot.domain.rentals import Rental, State
from bot.domain.retries import waiting
from bot.ports.clock import Clock
from bot.services.desk import Desk
from bot.services.sharing import Sharing
from cogs.ui import answers, choices, inputs, market, several
from cogs.ui.inputs import Interaction


class Machines(commands.Cog):
    def __init__(self, *, desk: Desk, links: Tickets, sharing: Sharing, clock: Clock) -> None:
        self._desk = desk
        self._sharing = sharing
        self._links = links
        self._clock = clock

    @app_commands.command(name="open", description="A private link to your notebook")
    @app_commands.rename(named="rental")
    @app_commands.describe(
        named="Which machine; not needed when you have only one",
        port="Another port than the notebook's: Gradio 7860, TensorBoard 6006, Streamlit 8501",
    )
    async def open_command(
        self,
        interaction: Interaction,
        named: app_commands.Range[str, 1, 100] | None = None,
        port: app_commands.Range[int, 1, origins.HIGHEST] | None = None,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        mine = await self._sharing.entrances(actor, await self._desk.of(actor))
        rental_id = await several.meant(interaction, mine, named, "open", hours=port)
        if rental_id is not None:
            await self._link(interaction, rental_id, port)

    @app_commands.command(
        name="destroy", description="Archive a machine, then end it; asks you first"
    )
    @app_commands.rename(named="rental")
    @app_commands.describe(
        named="Which machine; not needed when you have only one",
        discard="Without an archive: what is on it is lost; asks you twice",
    )
    async def destroy_command(
        self,
        interaction: Interaction,
        named: app_commands.Range[str, 1, 100] | None = None,
        discard: bool = False,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        reach = await self._reach(interaction, named)
        what = "discard" if discard else "destroy"
        rental_id = await several.meant(interaction, reach, named, what)
        if rental_id is not None:
            await self._ask(interaction, rental_id, discard=discard)

    async def open_chosen(self, press: Interaction, rental_id: str, port: int | None) -> None:
        """The menu of those that may be meant."""
        await press.client.take(press)
        await self._link(press, rental_id, port)

    async def destroy_chosen(self, press: Interaction, rental_id: str, *, discard: bool) -> None:
        """The same; a choice is not the answer to the question, which comes now."""
        await press.client.take(press)
        await self._ask(press, rental_id, discard=discard)

    async def open(self, press: Interaction, rental_id: str) -> None:
        """The Open button."""
        await press.client.take(press, private=True)
        await self._link(press, rental_id)

    async def more(self, press: Interaction, rental_id: str) -> None:
        """The More button of a card."""
        await press.client.take(press, private=True)
        rental = await self._desk.get(inputs.actor(press), rental_id)
        await press.edit_original_response(view=answers.more(rental))

    async def ask_to_destroy(self, press: Interaction, rental_id: str) -> None:
        """The Destroy and Cancel buttons of a card: the first press."""
        await press.client.take(press, private=True)
        await self._ask(press, rental_id)

    async def destroy(self, press: Interaction, rental_id: str) -> None:
        """The second press: archived, then ended."""
        await press.client.take(press)
        rental = await self._desk.end(inputs.actor(press), rental_id)
        await press.edit_original_response(view=answers.destroying(rental))

    async def ask_to_discard(self, press: Interaction, rental_id: str) -> None:
        """The first word that no archive is wanted: what would be lost, and a last question."""
        await press.client.take(press)
        rental = await self._desk.get(inputs.actor(press), rental_id, Action.DESTROY)
        tally = await self._desk.tally(rental)
        await press.edit_original_response(view=answers.really_lose(rental, tally))

    async def discard(self, press: Interaction, rental_id: str) -> None:
        """The second one: ended as it is."""
        await press.client.take(press)
        actor = await inputs.caller(press, self._desk.home(rental_id))
        rental = await self._desk.end(actor, rental_id, discard=True)
        await press.edit_original_response(view=answers.destroying(rental))

    async def leave_alone(self, press: Interaction, rental_id: str) -> None:
        await press.response.edit_message(view=answers.left_alone())

    async def agree(self, press: Interaction, rental_id: str, offer_id: int) -> None:
        """Rent at a higher price, on the card that asked."""
        await press.client.take(press, private=True)
        rental = await self._desk.agree(inputs.actor(press), rental_id, offer_id)
        await press.edit_original_response(view=answers.begun(rental))

    async def replace(self, press: Interaction, rental_id: str) -> None:
        """A quote for another machine, with what is lost by going there."""
        await press.client.take(press, private=True)
        actor = inputs.actor(press)
        quote = await self._desk.another(actor, rental_id)
        old = await self._desk.get(actor, rental_id, Action.OPEN)
        await press.edit_original_response(view=market.quote(quote, instead_of=old))

    @open_command.autocomplete("named")
    async def _own(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        actor = inputs.actor(interaction)
        own = await choices.soon(self._desk.of(actor))
        return choices.rentals(await choices.soon(self._sharing.entrances(actor, own)), typed)

    @destroy_command.autocomplete("named")
    async def _within_reach(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        reach = await choices.soon(self._desk.within_reach(inputs.actor(interaction)))
        return choices.rentals(reach, typed)

    async def _reach(self, interaction: Interaction, named: str | None) -> list[Rental]:
        """What a name may mean: for a lead all machines, but unnamed it is always one's own."""
        actor = inputs.actor(interaction)
        return await (self._desk.within_reach(actor) if named else self._desk.of(actor))

    async def _link(
        self, interaction: Interaction, rental_id: str, port: int | None = None
    ) -> None:
        actor = inputs.actor(interaction)
        rental, _ = await self._sharing.enterable(actor, rental_id)
        url = await self._links.issue(actor, rental.id, port=port)
        await interaction.edit_original_response(view=answers.ticket(rental, url, port=port))

    async def _ask(
        self, interaction: Interaction, rental_id: str, *, discard: bool = False
    ) -> None:
        rental = await self._desk.get(inputs.actor(interaction), rental_id, Action.DESTROY)
        view = (
            answers.sure(rental, await self._desk.tally(rental), discard=discard)
            if _open_to_an_end(rental, discard=discard)
            else answers.destroying(rental)
        )
        await interaction.edit_original_response(view=view)


def _open_to_an_end(rental: Rental, *, discard: bool) -> bool:
    """Whether a word of a person still changes how it ends."""
    if rental.replacing:
        return True  # the machine that failed is going, and without a word another comes
    if rental.state in (State.DESTROYING, State.CLOSED):
        return False
    asked = rental.released_at is not None and not waiting(rental)
    return not asked or (discard and rental.waived_by is None)


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(
        Machines(
            desk=services.desk,
            links=services.links,
            sharing=services.sharing,
            clock=services.clock,
        )
    )
