"""`/offers`: a page of what can be rented now, with a menu to rent one."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.domain.images import DEFAULT
from bot.domain.offers import DEFAULT_DISK_GB, MIN_VRAM_GB, Sort, Wish
from bot.services import offers
from cogs.ui import choices, inputs, market
from cogs.ui.inputs import Interaction

_ORDERS = [
    app_commands.Choice(name="lowest price", value=Sort.PRICE.value),
    app_commands.Choice(name="most speed per dollar", value=Sort.VALUE.value),
    app_commands.Choice(name="most reliable", value=Sort.RELIABILITY.value),
    app_commands.Choice(name="most VRAM", value=Sort.VRAM.value),
]


class Offers(commands.Cog):
    def __init__(self, *, offers: offers.Offers) -> None:
        self._offers = offers

    @app_commands.command(name="offers", description="What can be rented now, at the whole price")
    @app_commands.describe(
        gpu="Only this model, like RTX 4090",
        max_price="At most so many dollars an hour, disk included, like 0.40",
        min_vram="At least so many GB of VRAM on each GPU (default 16)",
        gpus="How many GPUs in one machine (default 1)",
        disk="GB of disk that the price includes (default 30)",
        region="Only this country, as two letters like SE",
        sort="What comes first (default: lowest price)",
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
        found = await self._offers.find(wish, DEFAULT)
        await interaction.edit_original_response(
            view=market.offers(found, wish, await self._offers.failed())
        )

    @offers.autocomplete("gpu")
    async def _gpus(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return choices.gpus(await choices.soon(self._offers.gpu_names()), typed)


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Offers(offers=bot.services.offers))
