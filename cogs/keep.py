"""`/keep` and `/save`, and the same as buttons below a question, with the end it offers.

Questions stand in direct messages as well, where a press says nothing about a server: who presses
there is looked up in the rental's own.
"""

from __future__ import annotations

from datetime import timedelta

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.domain.access import Action
from bot.domain.rentals import Rental, State
from bot.ports.clock import Clock
from bot.services.desk import Desk
from bot.services.wishes import HOUR, MAX_KEEP, Kept
from cogs.ui import answers, cards, choices, inputs, questions, retries, several
from cogs.ui.inputs import Interaction

KEEP = timedelta(hours=4)
"""What the button gives."""


class Keep(commands.Cog):
    def __init__(self, *, desk: Desk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock

    @app_commands.command(name="keep", description="Not idle until then, whatever it looks like")
    @app_commands.rename(named="rental")
    @app_commands.describe(
        named="Which machine; not needed when you have only one",
        hours="For so many hours (default 4)",
    )
    async def keep_command(
        self,
        interaction: Interaction,
        named: app_commands.Range[str, 1, 100] | None = None,
        hours: app_commands.Range[int, 1, MAX_KEEP // HOUR] = 4,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        reach = await self._reach(interaction, named)
        rental_id = await several.meant(interaction, reach, named, "keep", hours=hours)
        if rental_id is not None:
            await self._keep(interaction, rental_id, hours)

    @app_commands.command(name="save", description="Archive a machine now, and keep it running")
    @app_commands.rename(named="rental")
    @app_commands.describe(named="Which machine; not needed when you have only one")
    async def save_command(
        self, interaction: Interaction, named: app_commands.Range[str, 1, 100] | None = None
    ) -> None:
        await interaction.client.take(interaction, private=True)
        reach = await self._reach(interaction, named)
        rental_id = await several.meant(interaction, reach, named, "save")
        if rental_id is not None:
            await _saved(interaction, await self._desk.save(inputs.actor(interaction), rental_id))

    async def keep_chosen(self, press: Interaction, rental_id: str, hours: int) -> None:
        """The menu of those that may be meant."""
        await press.client.take(press)
        await self._keep(press, rental_id, hours)

    async def save_chosen(self, press: Interaction, rental_id: str) -> None:
        await press.client.take(press)
        await _saved(press, await self._desk.save(inputs.actor(press), rental_id))

    async def keep_hours(self, press: Interaction, rental_id: str) -> None:
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._desk.home(rental_id))
        await _tell(press, await self._desk.keep(actor, rental_id, self._clock.now() + KEEP))

    async def keep_tomorrow(self, press: Interaction, rental_id: str) -> None:
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._desk.home(rental_id))
        rental = await self._desk.get(actor, rental_id)
        until = await self._desk.tomorrow(rental)
        await _tell(press, await self._desk.keep(actor, rental_id, until))

    async def archive_and_end(self, press: Interaction, rental_id: str) -> None:
        """The question was asked already, and nothing is lost: one press is enough."""
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._desk.home(rental_id))
        rental = await self._desk.end(actor, rental_id)
        await press.edit_original_response(view=answers.destroying(rental))

    async def archive_and_stay(self, press: Interaction, rental_id: str) -> None:
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._desk.home(rental_id))
        await _saved(press, await self._desk.save(actor, rental_id))

    async def allow_archive(self, press: Interaction, rental_id: str, *, ends: bool) -> None:
        """To an archive above the caps."""
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._desk.home(rental_id))
        rental = await self._desk.allow_archive(actor, rental_id, ends=ends)
        await press.edit_original_response(view=retries.agreed(rental, cards.title(rental)))

    async def call_off(self, press: Interaction, rental_id: str) -> None:
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._desk.home(rental_id))
        rental = await self._desk.call_off(actor, rental_id)
        await press.edit_original_response(view=retries.called_off(rental, cards.title(rental)))

    async def give_up(self, press: Interaction, rental_id: str) -> None:
        """The first word that no archive is wanted: what would be lost, and a last question."""
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._desk.home(rental_id))
        rental = await self._desk.get(actor, rental_id, Action.DESTROY)
        tally = await self._desk.tally(rental)
        await press.edit_original_response(view=answers.really_lose(rental, tally))

    @keep_command.autocomplete("named")
    @save_command.autocomplete("named")
    async def _within_reach(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        reach = await choices.soon(self._desk.within_reach(inputs.actor(interaction)))
        return choices.rentals(reach, typed)

    async def _keep(self, interaction: Interaction, rental_id: str, hours: int) -> None:
        until = self._clock.now() + hours * HOUR
        await _tell(interaction, await self._desk.keep(inputs.actor(interaction), rental_id, until))

    async def _reach(self, interaction: Interaction, named: str | None) -> list[Rental]:
        """What a name may mean: for a lead all machines, but unnamed it is always one's own."""
        actor = inputs.actor(interaction)
        return await (self._desk.within_reach(actor) if named else self._desk.of(actor))


async def _tell(interaction: Interaction, kept: Kept) -> None:
    view = (
        questions.kept(kept.rental, kept.until)
        if kept.until is not None
        else questions.too_late(kept.rental)
    )
    await interaction.edit_original_response(view=view)


async def _saved(interaction: Interaction, rental: Rental) -> None:
    ending = rental.released_at is not None or rental.state not in (State.READY, State.ARCHIVING)
    view = questions.too_late(rental) if ending else questions.saving(rental)
    await interaction.edit_original_response(view=view)


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Keep(desk=bot.services.desk, clock=bot.services.clock))
