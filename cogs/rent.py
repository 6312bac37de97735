"""`/rent`, its quote, and the Rent and Cancel buttons below it.

Pressing Rent only writes the wish down. The rental's public card is the outbox's, so that there is
one of it whatever happens to the interaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.domain.access import Actor
from bot.domain.forecasts import disk_needed_gb
from bot.domain.images import choose
from bot.domain.offers import DEFAULT_DISK_GB, MIN_VRAM_GB, Offer, Wish
from bot.domain.rentals import Quote
from bot.errors import NoOffer, OverBudget
from bot.services import offers
from bot.services.desk import MAX_HOURS, Desk
from bot.services.guide import Guide
from bot.services.lookouts import Lookouts
from bot.services.shelf import Shelf
from cogs.ui import answers, budgets, choices, inputs, market
from cogs.ui import lookouts as waits
from cogs.ui import offers as shown
from cogs.ui.guide import first_time
from cogs.ui.inputs import Interaction


class _More(TypedDict):
    """What belongs to a wish besides the machine."""

    image: str | None
    name: str | None
    hours: int | None
    restore: str | None


class Rent(commands.Cog):
    def __init__(
        self,
        *,
        desk: Desk,
        offers: offers.Offers,
        shelf: Shelf,
        lookouts: Lookouts,
        guide: Guide,
    ) -> None:
        self._desk = desk
        self._guide = guide
        self._lookouts = lookouts
        self._offers = offers
        self._shelf = shelf

    @app_commands.command(name="rent", description="Rent the best machine; shows a quote first")
    @app_commands.describe(
        gpu="The model, like RTX 4090 (default: the cheapest that fits)",
        offer="One offer from the market",
        max_price="At most so many dollars an hour, disk included, like 0.40",
        min_vram="At least so many GB of VRAM on each GPU (default 16)",
        gpus="How many GPUs in one machine (default 1)",
        disk="GB of disk; it cannot grow later (default 30, or what an archive needs)",
        image="What runs on it: a preset, or any Docker image",
        hours="How long you plan to use it, for the quote",
        name="What to call it",
        restore="An archive to put onto it",
    )
    async def rent(
        self,
        interaction: Interaction,
        gpu: app_commands.Range[str, 1, 60] | None = None,
        offer: app_commands.Range[str, 1, 20] | None = None,
        max_price: app_commands.Range[str, 1, 20] | None = None,
        min_vram: app_commands.Range[int, 0, 1000] = MIN_VRAM_GB,
        gpus: app_commands.Range[int, 1, offers.MAX_GPUS] = 1,
        disk: app_commands.Range[int, 8, offers.MAX_DISK_GB] | None = None,
        image: app_commands.Range[str, 1, 255] | None = None,
        hours: app_commands.Range[int, 1, MAX_HOURS] | None = None,
        name: app_commands.Range[str, 1, 40] | None = None,
        restore: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        wish = Wish(
            gpu=gpu,
            offer_id=inputs.offer_number(offer),
            max_price=inputs.dollars(max_price),
            min_vram_gb=min_vram,
            gpus=gpus,
            disk_gb=disk or await self._disk_for(actor, restore),
        )
        who, where = actor, inputs.place(interaction)
        more = _More(image=image, name=name, hours=hours, restore=restore)
        try:
            quote = await self._desk.quote(who, where, wish, **more)
        except NoOffer as error:
            if wish.offer_id is not None:
                raise  # that one offer will not come again
            lookout = await self._lookouts.draft(who, where, wish, **more)
            await interaction.edit_original_response(view=waits.offered(lookout, error))
            return
        await self._show(interaction, actor, quote)

    async def quote(self, press: Interaction, wish: Wish, listed: Mapping[int, str]) -> None:
        """The menu below offers: a quote of its own, so that the page stays.

        In the place of one that is gone it names the next best of those that were `listed`.
        """
        await press.client.take(press, private=True)
        actor = inputs.actor(press)
        try:
            quote = await self._desk.quote(actor, inputs.place(press), wish)
        except NoOffer as error:
            await self._next_best(press, wish, listed, error)
            return
        await self._show(press, actor, quote)

    async def begin(self, press: Interaction, quote_id: str) -> None:
        """The Rent button; pressed again it says the same about the same rental."""
        await press.client.take(press)
        # The letter about a wish that waited leads to a quote in a direct message.
        actor = await inputs.caller(press, self._desk.quote_home(quote_id))
        direct = press.guild_id is None
        try:
            rental = await self._desk.rent(actor, quote_id)
        except OverBudget as error:
            view = budgets.over(error, quote_id, direct=direct)
            await press.edit_original_response(view=view)
            return
        await press.edit_original_response(view=answers.begun(rental, direct=direct))

    async def drop(self, press: Interaction, quote_id: str) -> None:
        """The Cancel button. A quote is only a price, so there is nothing to take back."""
        await press.response.edit_message(view=answers.not_rented())

    async def _next_best(
        self, press: Interaction, wish: Wish, listed: Mapping[int, str], error: NoOffer
    ) -> None:
        """What is there instead of a chosen offer; raises `error` where nothing is."""
        found = await self._offers.look(replace(wish, offer_id=None))
        view = shown.gone(found, press.user.id, wish.offer_id or 0, listed, error)
        if view is None:
            raise error
        await press.edit_original_response(view=view)

    async def _show(self, interaction: Interaction, actor: Actor, quote: Quote) -> None:
        """The quote; who never rented anything reads first what will happen."""
        first = first_time(quote, await self._guide.first(actor))
        view = market.quote(quote, usual=await self._desk.usual(quote), first=first)
        await interaction.edit_original_response(view=view)

    async def _disk_for(self, actor: Actor, restore: str | None) -> int:
        """The disk of somebody who asked for none: what the archive needs, if that is more."""
        if restore is None:
            return DEFAULT_DISK_GB
        archive = await self._shelf.get(actor, restore)
        return max(DEFAULT_DISK_GB, disk_needed_gb(archive.bytes))

    @rent.autocomplete("gpu")
    async def _gpus(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return choices.gpus(await choices.soon(self._offers.gpu_names()), typed)

    @rent.autocomplete("restore")
    async def _archives(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        reach = await choices.soon(self._shelf.within_reach(inputs.actor(interaction)))
        return choices.archives(reach, typed)

    @rent.autocomplete("image")
    async def _images(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return choices.images(typed)

    @rent.autocomplete("offer")
    async def _of_the_market(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        """The offers that fit what else is filled in so far."""
        filled = interaction.namespace
        wish = Wish(
            gpu=filled.gpu,
            min_vram_gb=_number(filled.min_vram, MIN_VRAM_GB),
            gpus=_number(filled.gpus, 1),
            disk_gb=_number(filled.disk, DEFAULT_DISK_GB),
        )
        found = await choices.soon(self._fitting(wish, filled.image, filled.max_price))
        return choices.offers(found, wish, typed)

    async def _fitting(self, wish: Wish, image: str | None, max_price: str | None) -> list[Offer]:
        wish = replace(wish, max_price=inputs.dollars(max_price))
        return await self._offers.find(wish, choose(image))


def _number(filled: object, default: int) -> int:
    """An option as it stands while one types: a number, half a one, or nothing."""
    return filled if isinstance(filled, int) else default


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(
        Rent(
            desk=services.desk,
            offers=services.offers,
            shelf=services.shelf,
            lookouts=services.lookouts,
            guide=services.guide,
        )
    )
