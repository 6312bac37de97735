"""`/offers` from fifty people in one moment, until each of them is acknowledged.

The pretend Discord plays one action after another; a crowd does not wait. So its interactions are
made beforehand and handed to the gateway in one go, and the time of each runs from the moment
before the first of them to the end of the call that acknowledges it: whoever is last in line has
waited for all others. That call is made over HTTP to another process (`wire.py`) before it is
handed to the pretend Discord; encryption and distance are in it on neither side.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import discord
from discord import app_commands
from simcord import interactions
from simcord.backend.models.interaction import Interaction, ResponseKind
from simcord.enums import InteractionType

from bot.app import open_app
from bot.config import read
from bot.demo.stand_in import Demo
from bot.demo.world import GUILD_ID
from tests.bench.figures import Figure, median_of, percentile_of
from tests.bench.outside import first
from tests.e2e.programs import program, sandbox

PATIENCE_S = 30.0
_LEAST_DISK_GB = 10
_LOOK = {"every_s": 0.01, "within_s": PATIENCE_S}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A bot, and when one of its people has all that they will get."""

    open: Callable[[], AbstractAsyncContextManager[discord.Client]]
    through: Callable[[Interaction], bool]


async def measure(*, people: int, blocks: int, bursts: int) -> list[Figure]:
    """Blocks of bursts, both bots in turn; a block has a bot and a Discord of its own."""
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bellhop-") as name:
        folder = Path(name)
        async with sandbox(folder / "machines", "--no-machines") as vast_url, _wire() as wire:
            bellhop = Side(open=lambda: _bellhop(vast_url, folder), through=_answered)
            minimal = Side(open=_minimal, through=_acknowledged)
            for _ in range(blocks):
                ours += await _block(bellhop, people, bursts, wire)
                theirs += await _block(minimal, people, bursts, wire)
    title = f"`/offers` from {people} people at once, until acknowledged"
    beside = "discord.py, one command that only defers"
    return [
        median_of(f"{title}: median", ours, beside=beside, others=theirs),
        percentile_of(f"{title}: p99", 99, ours, beside=beside, others=theirs, goal=0.5),
    ]


async def _block(side: Side, people: int, bursts: int, wire: str) -> list[float]:
    times: list[float] = []
    async with side.open() as client, _session() as session:
        demo = Demo(bot=client)
        crowd = Crowd(demo, people, side.through)
        try:
            await demo.start()
            crowd.watch(session, wire)
            for burst in range(bursts):
                # Another disk is another price: each burst asks the market anew.
                times += await crowd.ask(disk=_LEAST_DISK_GB + burst)
        finally:
            await demo.close()
    return times


class Crowd:
    """People who press Enter in the same moment. Made before the pretend Discord starts."""

    def __init__(self, demo: Demo, people: int, through: Callable[[Interaction], bool]) -> None:
        self._demo = demo
        self._through = through
        self._members = [
            demo.world.guild.add_member(demo.env.create_user(f"person{number}"))
            for number in range(people)
        ]
        self._acknowledged: dict[int, float] = {}

    def watch(self, session: aiohttp.ClientSession, wire: str) -> None:
        """Send each callback over the wire, and note when it is through. The bot has started."""
        adapter: Any = self._demo.env._webhook_adapter
        request = adapter.request

        async def timed(route: Any, *args: Any, **kwargs: Any) -> Any:
            if not route.path.endswith("/callback"):
                return await request(route, *args, **kwargs)
            async with session.post(f"{wire}/callback", json=kwargs.get("payload")) as answer:
                await answer.read()
            done = await request(route, *args, **kwargs)
            self._acknowledged[int(route.webhook_id)] = time.perf_counter()
            return done

        adapter.request = timed

    async def ask(self, **options: int) -> list[float]:
        """Seconds until each was acknowledged; returns when all have all that they will get."""
        asked = [self._asking(member.id, options) for member in self._members]
        began = time.perf_counter()
        for _, payload in asked:
            self._demo.env.backend.emit("INTERACTION_CREATE", payload)
        await first(self._all_through([record for record, _ in asked]), **_LOOK)
        return [self._acknowledged[record.id] - began for record, _ in asked]

    def _all_through(self, records: list[Interaction]) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            return all(self._through(record) for record in records)

        return look

    def _asking(
        self, member_id: int, options: dict[str, int]
    ) -> tuple[Interaction, dict[str, Any]]:
        backend = self._demo.env.backend
        command = backend.find_command("offers", GUILD_ID)
        assert command is not None
        data = {
            "id": command["id"],
            "name": "offers",
            "type": 1,
            "options": [
                {"name": name, "type": 4, "value": value} for name, value in options.items()
            ],
        }
        if command.get("guild_id"):
            data["guild_id"] = command["guild_id"]
        return interactions.base_payload(
            backend,
            type=InteractionType.APPLICATION_COMMAND,
            channel_id=self._demo.world.gpu.id,
            guild_id=GUILD_ID,
            user_id=member_id,
            data=data,
        )


def _answered(record: Interaction) -> bool:
    return record.response_kind is ResponseKind.MESSAGE


def _acknowledged(record: Interaction) -> bool:
    return record.responded


@contextlib.asynccontextmanager
async def _wire() -> AsyncIterator[str]:
    async with program("-m", "tests.bench.wire") as running:
        line = await running.line(lambda one: "listens on http" in one)
        yield line.rsplit(" ", 1)[-1]


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))


@contextlib.asynccontextmanager
async def _bellhop(vast_url: str, folder: Path) -> AsyncIterator[discord.Client]:
    settings = read(
        {
            "VAST_API_KEY": "sandbox",
            "VAST_URL": vast_url,
            "DISCORD_GUILD_ID": str(GUILD_ID),
            "BELLHOP_DATA": str(folder / "bellhop"),
            "BELLHOP_RELAY_LISTEN": "127.0.0.1:0",
            "BELLHOP_RELAY_URL": "http://{rental}.localhost:8642",
        }
    )
    async with open_app(settings) as app:
        yield app.client


@contextlib.asynccontextmanager
async def _minimal() -> AsyncIterator[discord.Client]:
    async with _Minimal() as client:
        yield client


class _Minimal(discord.Client):
    """As little of a bot as can acknowledge `/offers`."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True))
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self) -> None:
        @self.tree.command(name="offers", description="Acknowledge, and that is all")
        async def offers(interaction: discord.Interaction, disk: int) -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)

        await self.tree.sync()
