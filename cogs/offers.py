"""`/offers`: what can be rented now, page by page, narrowed down, side by side, looked out for.

Everything that is pressed below a page comes back here with the whole of what was asked for, so
each answer is a new look at the market.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.domain.offers import DEFAULT_DISK_GB, MIN_VRAM_GB, Sort, Wish
from bot.errors import NoOffer
from bot.services import offers
from bot.services.lookouts import Lookouts
from cogs.ui import choices, comparing, filters, inputs, look, refusals
from cogs.ui import lookouts as waits
from cogs.ui import offers as cards
from cogs.ui.buttons import Act, By, Stand, WatchForm
from cogs.ui.inputs import Interaction

_ORDERS = [
    app_commands.Choice(name="lowest price", value=Sort.PRICE.value),
    app_commands.Choice(name="most speed per dollar", value=Sort.VALUE.value),
    app_commands.Choice(name="most reliable", value=Sort.RELIABILITY.value),
    app_commands.Choice(name="most VRAM", value=Sort.VRAM.value),
]


class Offers(commands.Cog):
    def __init__(self, *, offers: offers.Offers, lookouts: Lookouts) -> None:
        self._offers = offers
        self._lookouts = lookouts

    @app_commands.command(name="offers", description="What can be rented now, at the whole price")
    @app_commands.describe(
        gpu="Only this model, like RTX 4090",
        max_price="At most so many dollars an hour, disk included, like 0.40",
        min_vram="At least so many GB of VRAM on each GPU (default 16)",
        gpus="How many GPUs in one machine (default 1)",
        disk="GB of disk that the price includes (default 30)",
        region="Only this country, as two letters like SE",
        sort="What comes first (default: lowest price)",
        watch="Where nothing fits: look out for one, and tell you or rent it",
    )
    @app_commands.choices(sort=_ORDERS)
    async def offers(
        self,
        interaction: Interaction,
        gpu: app_commands.Range[str, 1, 60] | None = None,
        max_price: app_commands.Range[str, 1, 20] | None = None,
        min_vram: app_commands.Range[int, 0, 1000] = MIN_VRAM_GB,
        gpus: app_commands.Range[int, 1, offers.MAX_GPUS] = 1,
        disk: app_commands.Range[int, 8, offers.MAX_DISK_GB] = DEFAULT_DISK_GB,
        region: app_commands.Range[str, 2, 60] | None = None,
        sort: str = Sort.PRICE.value,
        watch: bool = False,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        wish = Wish(
            gpu=gpu,
            max_price=inputs.dollars(max_price),
            min_vram_gb=min_vram,
            gpus=gpus,
            disk_gb=disk,
            region=inputs.region(region),
            sort=Sort(sort),
        )
        view = await (self._look_out(interaction, wish) if watch else self._page(interaction, wish))
        await interaction.edit_original_response(view=view)

    async def act(self, press: Interaction, act: Act, stand: Stand) -> None:
        """A button below offers. Most change the card they are on."""
        _own(press, stand)
        if act == Act.WATCH:  # a form must be the first answer
            await press.response.send_modal(WatchForm(stand))
            return
        await press.client.take(press, private=act == Act.WAIT)
        match act:
            case Act.PAGE:
                view = await self._page(press, stand.wish, stand.page)
            case Act.FILTER:
                view = await self._filters(press, stand.wish)
            case Act.COMPARE:
                view = await self._compared(press, stand)
            case _:
                view = await self._look_out(press, stand.wish)
        await press.edit_original_response(view=view)

    async def narrow(self, press: Interaction, stand: Stand, by: By, chosen: str) -> None:
        """One of the menus that narrow down; the card shows at once what is left."""
        _own(press, stand)
        await press.client.take(press)
        view = await self._filters(press, filters.narrowed(stand.wish, by, chosen))
        await press.edit_original_response(view=view)

    async def compare(
        self, press: Interaction, stand: Stand, chosen: Sequence[int], names: Mapping[int, str]
    ) -> None:
        """The menu of what to compare; `names` are the words it had for each."""
        _own(press, stand)
        await press.client.take(press)
        await press.edit_original_response(view=await self._compared(press, stand, chosen, names))

    async def watched(self, press: Interaction, stand: Stand, price: str) -> None:
        """The form with the highest price."""
        _own(press, stand)
        await press.client.take(press, private=True)
        wish = replace(stand.wish, max_price=inputs.dollars(price))
        await press.edit_original_response(view=await self._look_out(press, wish))

    async def _page(self, press: Interaction, wish: Wish, number: int = 0) -> look.Card:
        return cards.page(await self._offers.look(wish), press.user.id, number)

    async def _filters(self, press: Interaction, wish: Wish) -> look.Card:
        found = await self._offers.look(wish)
        return filters.card(found, await self._offers.around(found.wish), press.user.id)

    async def _compared(
        self,
        press: Interaction,
        stand: Stand,
        chosen: Sequence[int] = (),
        names: Mapping[int, str] | None = None,
    ) -> look.Card:
        found = await self._offers.look(stand.wish)
        if not found.offers:
            return cards.nothing(found, press.user.id)
        return comparing.compared(found, press.user.id, stand.page, chosen, names)

    async def _look_out(self, press: Interaction, wish: Wish) -> look.Card:
        """The question whether to look out for it; where something fits already, that."""
        found = await self._offers.look(wish)
        if found.offers:
            return cards.page(found, press.user.id, note=cards.ALREADY)
        actor, place = inputs.actor(press), inputs.place(press)
        lookout = await self._lookouts.draft(actor, place, found.wish)
        return waits.offered(lookout, found.nothing or NoOffer())

    @offers.autocomplete("gpu")
    async def _gpus(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return choices.gpus(await choices.soon(self._offers.gpu_names()), typed)


def _own(press: Interaction, stand: Stand) -> None:
    """Raise NotYours for a press on somebody else's page; such pages are private, so it is rare."""
    if press.user.id != stand.owner_id:
        raise refusals.others_offers(press.user.id, stand.owner_id)


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(Offers(offers=services.offers, lookouts=services.lookouts))
