"""`/archives`: the saved workspaces, restored onto another machine, downloaded or deleted."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.domain.forecasts import disk_needed_gb
from bot.domain.offers import DEFAULT_DISK_GB, MIN_VRAM_GB, Wish
from bot.services import offers
from bot.services.desk import Desk
from bot.services.downloads import Downloads
from bot.services.shelf import Shelf
from cogs.ui import choices, inputs, market, retries, shelf
from cogs.ui.inputs import Interaction


class Archives(commands.GroupCog, name="archives", description="Saved workspaces"):
    def __init__(
        self, *, shelf: Shelf, desk: Desk, offers: offers.Offers, downloads: Downloads
    ) -> None:
        self._shelf = shelf
        self._desk = desk
        self._offers = offers
        self._downloads = downloads

    @app_commands.command(name="list", description="Your saved workspaces")
    async def list_command(self, interaction: Interaction) -> None:
        await interaction.client.take(interaction, private=True)
        found = await self._shelf.of(inputs.actor(interaction))
        await interaction.edit_original_response(view=shelf.page(found))

    @app_commands.command(name="restore", description="Put one onto a new machine; quotes first")
    @app_commands.describe(
        archive="Which one",
        gpu="The model, like RTX 4090 (default: the cheapest that fits)",
        max_price="At most so many dollars an hour, disk included, like 0.40",
        min_vram="At least so many GB of VRAM on each GPU (default 16)",
        gpus="How many GPUs in one machine (default 1)",
        disk="GB of disk (default: what the archive needs, at least 30)",
        image="What runs on it: a preset, or any Docker image",
    )
    async def restore(
        self,
        interaction: Interaction,
        archive: app_commands.Range[str, 1, 100],
        gpu: app_commands.Range[str, 1, 60] | None = None,
        max_price: app_commands.Range[str, 1, 20] | None = None,
        min_vram: app_commands.Range[int, 0, 1000] = MIN_VRAM_GB,
        gpus: app_commands.Range[int, 1, offers.MAX_GPUS] = 1,
        disk: app_commands.Range[int, 8, offers.MAX_DISK_GB] | None = None,
        image: app_commands.Range[str, 1, 255] | None = None,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        chosen = await self._shelf.get(actor, archive)
        wish = Wish(
            gpu=gpu,
            max_price=inputs.dollars(max_price),
            min_vram_gb=min_vram,
            gpus=gpus,
            disk_gb=disk or max(DEFAULT_DISK_GB, disk_needed_gb(chosen.bytes)),
        )
        quote = await self._desk.quote(
            actor, inputs.place(interaction), wish, image=image, restore=chosen.id
        )
        await interaction.edit_original_response(view=market.quote(quote))

    @app_commands.command(name="download", description="A private link to one, or to a file in it")
    @app_commands.describe(
        archive="Which one",
        path="A file or folder in it (default: everything, as one .tar.gz)",
    )
    async def download(
        self,
        interaction: Interaction,
        archive: app_commands.Range[str, 1, 100],
        path: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        offered = await self._downloads.offer(inputs.actor(interaction), archive, path)
        await interaction.edit_original_response(view=shelf.link(offered))

    @app_commands.command(name="delete", description="Delete one for good, after asking you")
    @app_commands.describe(archive="Which one")
    async def delete(
        self, interaction: Interaction, archive: app_commands.Range[str, 1, 100]
    ) -> None:
        await interaction.client.take(interaction, private=True)
        chosen = await self._shelf.get(inputs.actor(interaction), archive)
        await interaction.edit_original_response(view=shelf.sure(chosen))

    async def really_delete(self, press: Interaction, archive_id: str) -> None:
        """The second press."""
        await press.client.take(press)
        gone = await self._shelf.delete(inputs.actor(press), archive_id)
        await press.edit_original_response(view=shelf.deleted(gone))

    async def keep(self, press: Interaction) -> None:
        await press.response.edit_message(view=shelf.kept())

    async def keep_longer(self, press: Interaction, archive_id: str) -> None:
        """Below a warning that archives end; mostly in a direct message."""
        await press.client.take(press, private=True)
        actor = await inputs.caller(press, self._shelf.home(archive_id))
        until = await self._shelf.keep_longer(actor, archive_id)
        await press.edit_original_response(view=retries.kept_longer(until))

    @download.autocomplete("path")
    async def _inside(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        archive = interaction.namespace.archive
        if not isinstance(archive, str) or not archive:
            return []
        found = self._downloads.complete(inputs.actor(interaction), archive, typed)
        return choices.paths(await choices.soon(found))

    @restore.autocomplete("archive")
    @download.autocomplete("archive")
    @delete.autocomplete("archive")
    async def _within_reach(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        reach = await choices.soon(self._shelf.within_reach(inputs.actor(interaction)))
        return choices.archives(reach, typed)

    @restore.autocomplete("gpu")
    async def _gpus(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return choices.gpus(await choices.soon(self._offers.gpu_names()), typed)

    @restore.autocomplete("image")
    async def _images(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return choices.images(typed)


async def setup(bot: Bellhop) -> None:
    services = bot.services
    await bot.add_cog(
        Archives(
            shelf=services.shelf,
            desk=services.desk,
            offers=services.offers,
            downloads=services.downloads,
        )
    )
