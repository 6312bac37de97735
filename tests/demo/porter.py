"""A small bot with one of everything the real one uses, for the demo's page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import discord
from discord import app_commands, ui

GPUS = ("RTX 3090", "RTX 4090", "A100", "H100")


class Keep(ui.DynamicItem[ui.Button[ui.LayoutView]], template=r"keep:(?P<gpu>.+)"):
    """A button that outlives its view."""

    def __init__(self, gpu: str) -> None:
        super().__init__(ui.Button(label=f"Keep {gpu}", custom_id=f"keep:{gpu}"))
        self.gpu = gpu

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: ui.Item[ui.View], match: re.Match[str]
    ) -> Keep:
        return cls(match["gpu"])

    async def callback(self, interaction: discord.Interaction) -> None:
        who = interaction.user.display_name
        await interaction.response.send_message(f"Kept {self.gpu} for {who}", ephemeral=True)


class Card(ui.LayoutView):
    def __init__(self, gpu: str, state: str) -> None:
        super().__init__(timeout=None)
        self.add_item(
            ui.Container(
                ui.TextDisplay(f"### {gpu}\n{state}"),
                ui.Separator(),
                ui.ActionRow(
                    Keep(gpu),
                    ui.Button(label="Open", url="http://abc.localhost:8642/-/ticket/x"),
                ),
                accent_colour=discord.Colour.green(),
            )
        )


class Menu(ui.Select[ui.LayoutView]):
    def __init__(self) -> None:
        super().__init__(
            custom_id="menu",
            placeholder="Choose a GPU",
            options=[discord.SelectOption(label=gpu, description="24 GB") for gpu in GPUS],
        )

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Name(self.values[0]))


class Name(ui.Modal, title="Name it"):
    name: ui.TextInput[Name] = ui.TextInput(label="Name", custom_id="name")

    def __init__(self, gpu: str) -> None:
        super().__init__(custom_id="naming")
        self.gpu = gpu

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"{self.gpu} is {self.name.value}", ephemeral=True)


class Porter(discord.Client):
    """`/rent` defers, then posts a card that a task of the bot's own edits."""

    def __init__(self, *, edit_every_s: float = 0.5) -> None:
        super().__init__(intents=discord.Intents.default())
        self.tree = app_commands.CommandTree(self)
        self.edit_every_s = edit_every_s
        self.edits = 0
        self.edited = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Keep)
        for command in (self._rent(), self._plan(), self._menu(), self._mine(), self._silent()):
            self.tree.add_command(command)
        await self.tree.sync()

    async def close(self) -> None:
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await super().close()

    def _rent(self) -> app_commands.Command[app_commands.Group, ..., None]:
        @app_commands.command(name="rent", description="Rent a GPU")
        @app_commands.describe(gpu="Which GPU")
        async def rent(interaction: discord.Interaction, gpu: str) -> None:
            await interaction.response.defer(ephemeral=True)
            channel = interaction.channel
            assert isinstance(channel, discord.TextChannel)
            message = await channel.send(view=Card(gpu, "loading"))
            self._spawn(lambda: self._work(message, gpu))
            await asyncio.sleep(0.3)
            await interaction.followup.send(f"Renting {gpu}", ephemeral=True)

        @rent.autocomplete("gpu")
        async def names(
            _interaction: discord.Interaction, typed: str
        ) -> list[app_commands.Choice[str]]:
            return [
                app_commands.Choice(name=gpu, value=gpu)
                for gpu in GPUS
                if typed.lower() in gpu.lower()
            ]

        return rent

    def _plan(self) -> app_commands.Command[app_commands.Group, ..., None]:
        @app_commands.command(name="plan", description="Plan a rental")
        @app_commands.choices(
            disk=[app_commands.Choice(name=f"{gb} GB", value=gb) for gb in (20, 50, 100)]
        )
        async def plan(
            interaction: discord.Interaction,
            disk: app_commands.Choice[int],
            spot: bool | None = None,
        ) -> None:
            await interaction.response.send_message(f"Planned {disk.value}, {spot}")

        return plan

    def _menu(self) -> app_commands.Command[app_commands.Group, ..., None]:
        @app_commands.command(name="menu", description="Choose from a menu")
        async def menu(interaction: discord.Interaction) -> None:
            view = ui.LayoutView(timeout=None)
            view.add_item(ui.TextDisplay(f"Offers as of {discord.utils.format_dt(_now(), 'R')}"))
            view.add_item(ui.ActionRow(Menu()))
            await interaction.response.send_message(view=view, ephemeral=True)

        return menu

    def _mine(self) -> app_commands.Command[app_commands.Group, ..., None]:
        @app_commands.command(name="mine", description="A direct message about your machines")
        async def mine(interaction: discord.Interaction) -> None:
            await interaction.user.send("You have no machines.")
            await interaction.response.send_message("Look at your messages.", ephemeral=True)

        return mine

    def _silent(self) -> app_commands.Command[app_commands.Group, ..., None]:
        @app_commands.command(name="silent", description="Says nothing")
        @app_commands.default_permissions(manage_guild=True)
        async def silent(_interaction: discord.Interaction) -> None:
            return

        return silent

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await work()

        task = asyncio.create_task(run())
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _work(self, message: discord.Message, gpu: str) -> None:
        while True:
            await asyncio.sleep(self.edit_every_s)
            self.edits += 1
            await message.edit(view=Card(gpu, f"running, edit {self.edits}"))
            self.edited.set()


def _now() -> datetime:
    return datetime.now(UTC)
