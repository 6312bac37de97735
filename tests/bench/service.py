"""The whole service over very many rentals, measured from outside: its metrics, its process."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.adapters.storage.migrate import migrate
from bot.adapters.storage.store import open_store
from bot.adapters.vast.client import Vast
from bot.app.parts import SystemClock
from tests.bench.many import Many, fill_account, market_options
from tests.bench.outside import FREE
from tests.builders import a_quote
from tests.e2e.chat import ADA, CHANNEL, GUILD, Chat
from tests.e2e.programs import Program, program
from tests.relay.conftest import free_port

PATIENCE_S = 900.0
LOOK_S = 1.0

Metrics = Mapping[tuple[str, ...], float]
"""Each sample by its name and its labels' values."""


@dataclass(slots=True, kw_only=True)
class Service:
    """`bellhop run` on a port, its people in `chat`."""

    folder: Path
    port: int
    market: str
    chat: Chat
    env: dict[str, str]
    running: Program | None = None
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def start(self) -> None:
        words = ("-m", "tests.bench.household", "run")
        self.running = await self._stack.enter_async_context(program(*words, env=self.env))

    async def kill(self) -> None:
        assert self.running is not None
        self.chat.gone()
        await self.running.kill()

    async def close(self) -> None:
        await self._stack.aclose()

    @property
    def pid(self) -> int:
        assert self.running is not None
        return self.running.process.pid

    async def answer(self, path: str) -> tuple[int, str]:
        """Of the bare address; status 0 while nobody listens there."""
        timeout = aiohttp.ClientTimeout(total=30)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, ""

    async def metrics(self) -> Metrics:
        status, text = await self.answer("/-/metrics")
        assert status in (0, 200), text
        return {
            (one.name, *one.labels.values()): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }

    async def until(self, true: Callable[[Metrics], bool], what: str) -> Metrics:
        """The first metrics that are so. Fails with the log's end when they do not become so."""
        assert self.running is not None
        found: Metrics = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while self.running.process.returncode is None:
                    found = await self.metrics()
                    if found and true(found):
                        return found
                    await asyncio.sleep(LOOK_S)
        said = "\n".join(self.running.lines[-20:])
        raise AssertionError(f"it never came to this: {what}; {_interesting(found)}\n{said}")

    async def reached(self, size: int) -> Metrics:
        """Every notebook can be opened, and no card waits to be shown."""
        return await self.until(
            lambda seen: (
                seen["bellhop_notebooks_reached",] == size
                and seen.get(("bellhop_outbox_messages", "card")) == 0
            ),
            f"{size} notebooks",
        )


@contextlib.asynccontextmanager
async def service(folder: Path, market: str, **env: str) -> AsyncIterator[Service]:
    """One with an empty data folder, not started yet; killed with the block."""
    os.makedirs(folder, exist_ok=True)
    port, chat = free_port(), Chat()
    await chat.start()
    settings = {
        "TEST_DISCORD": chat.url,
        "DISCORD_TOKEN": "token",
        "VAST_API_KEY": "sandbox",
        "VAST_URL": market,
        "BELLHOP_DATA": str(folder / "data"),
        "DATABASE_URL": f"sqlite:///{folder / 'bellhop.db'}",
        "BELLHOP_RELAY_LISTEN": f"127.0.0.1:{port}",
        "BELLHOP_RELAY_URL": f"http://{{rental}}.localhost:{port}",
        **env,
    }
    made = Service(folder=folder, port=port, market=market, chat=chat, env=settings)
    try:
        yield made
    finally:
        await made.close()
        await chat.close()


@contextlib.asynccontextmanager
async def town(folder: Path, most: int) -> AsyncIterator[str]:
    """A market with machines for so many rentals; its address."""
    words = ("-m", "tests.bench.town", "--port", "0", "--data", str(folder))
    async with program(*words, *market_options(most)) as running:
        line = await running.line(lambda one: "listens on http" in one)
        url = line.rsplit(" ", 1)[-1]
        await fill_account(url)
        yield url


async def settle(service: Service, size: int) -> None:
    """Ready rentals of Ada's, with machines that run, before the service is started."""
    clock = SystemClock()
    url = service.env["DATABASE_URL"].replace("sqlite:", "sqlite+aiosqlite:")
    await migrate(url)
    market = Vast(url=service.market, api_key="sandbox", clock=clock, paces=FREE)
    try:
        async with open_store(url, clock=clock) as store:
            quote = partial(a_quote, guild_id=GUILD, channel_id=CHANNEL, owner_id=ADA)
            await Many(market=market, store=store, quote=quote).grow(size)
    finally:
        await market.close()


def memory(pid: int) -> int:
    """Bytes that the process holds (Linux, `VmRSS`)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory")


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _interesting(seen: Metrics) -> dict[str, float]:
    wanted = ("bellhop_notebooks", "bellhop_tunnels", "bellhop_outbox_messages", "bellhop_rentals")
    return {" ".join(key): value for key, value in seen.items() if key[0].startswith(wanted)}
