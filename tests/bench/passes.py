"""A pass of the reconciler over many ready rentals, beside the bare listing that it begins with.

The rentals, their rows and the HTTP are real; the machines are only entries in the market's books,
so connections and notebooks are stand-ins that are always there. Vast's pace of one page in 1.1 s
is switched off on both sides: here it is about the work, not about waiting for Vast.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import cast

from bot.adapters.storage.migrate import migrate
from bot.adapters.storage.store import open_store
from bot.adapters.vast.client import Vast
from bot.app.parts import SystemClock
from bot.domain.rentals import RentalId
from bot.services.archives import Archives
from bot.services.bookkeeper import Bookkeeper
from bot.services.idle import IdleWatch
from bot.services.links import Links
from bot.services.policy import Policies
from bot.services.reconciler import Reconciler
from bot.services.replacing import Replacing
from bot.services.routes import Routes, Traffic
from bot.services.steps import Steps
from bot.tasks import Tasks, Wake
from tests.bench.figures import Figure, median_of
from tests.bench.many import INSTALLATION, Many, fill_account, market_options
from tests.bench.outside import FREE
from tests.builders import SetClock
from tests.e2e.programs import sandbox
from tests.services.worlds import Books, Shelf, Verdicts, Way, Wires


async def measure(*, sizes: Sequence[int], rounds: int) -> list[Figure]:
    """At each size, listing and pass in turn; the house grows from one size to the next."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="bellhop-") as folder:
        async with _house(Path(folder), max(sizes)) as house:
            for size in sizes:
                await house.rentals.grow(size)
                await house.settle()
                listings, passes = [], []
                for _ in range(rounds):
                    listings.append(await _timed(house.rentals.market.machines))
                    passes.append(await _timed(house.one_pass))
                figures.append(_figure(size, passes, listings))
    return figures


def _figure(size: int, passes: list[float], listings: list[float]) -> Figure:
    each_ms = statistics.median(passes) / size * 1000
    return median_of(
        f"reconciler's pass over {size} ready rentals ({each_ms:.2g} ms each)",
        passes,
        beside=f"the v1 list of {size} instances, same client",
        others=listings,
    )


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


@dataclass(slots=True, kw_only=True)
class _House:
    rentals: Many
    reconciler: Reconciler
    tasks: Tasks

    async def settle(self) -> None:
        """Passes until every row knows its machine; from then on there is nothing to change."""
        before: dict[RentalId, int] = {}
        while True:
            await self.one_pass()
            rows = {each.id: each.version for each in await self.rentals.store.open_rentals()}
            assert len(rows) == self.rentals.size
            if rows == before:
                return
            before = rows

    async def one_pass(self) -> None:
        await self.reconciler.pass_once()
        await self.tasks.quiet()


@contextlib.asynccontextmanager
async def _house(folder: Path, most: int) -> AsyncIterator[_House]:
    clock = SystemClock()
    database = f"sqlite+aiosqlite:///{folder / 'bellhop.db'}"
    await migrate(database)
    options = ("--no-machines", *market_options(most))
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(sandbox(folder / "machines", *options))
        await fill_account(url)
        store = await stack.enter_async_context(open_store(database, clock=clock))
        market = Vast(url=url, api_key="sandbox", clock=clock, paces=FREE)
        stack.push_async_callback(market.close)
        tasks, wake = Tasks(), Wake()
        stack.push_async_callback(tasks.aclose)
        links = Links(store=store, clock=clock, relay_url="http://{rental}.localhost:8642")
        policies = Policies(store=store)
        reconciler = Reconciler(
            store=store,
            market=market,
            steps=Steps(
                market=market,
                tunnels=Wires(),
                notebooks=Books(),
                archives=cast(Archives, Shelf(SetClock())),
                idle=cast(IdleWatch, Verdicts()),
                replacing=Replacing(market=market, grudges=store, clock=clock, policies=policies),
                paths=Way(),
                routes=Routes(),
                traffic=Traffic(),
                policies=policies,
                links=links,
                clock=clock,
                installation=INSTALLATION,
                public_key="ssh-ed25519 AAAA",
            ),
            bookkeeper=Bookkeeper(store=store, billing=Wake()),
            tasks=tasks,
            wake=wake,
            news=Wake(),
            clock=clock,
            policies=policies,
            installation=INSTALLATION,
            poll=timedelta(seconds=15),
        )
        rentals = Many(market=market, store=store)
        yield _House(rentals=rentals, reconciler=reconciler, tasks=tasks)
