"""A pass of the reconciler over many ready rentals, beside the bare listing that it begins with.

The rentals, their rows and the HTTP are real; the machines are only entries in the market's books,
so connections and notebooks are stand-ins that are always there. Vast's pace of one page in 1.1 s
is switched off on both sides: here it is about the work, not about waiting for Vast.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import aiohttp

from bot.adapters.storage.migrate import migrate
from bot.adapters.storage.store import open_store
from bot.adapters.vast.client import Vast
from bot.app.parts import SystemClock
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import Phase, RentalId, State
from bot.ports.books import Store
from bot.ports.market import Order
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
from tests.bench.outside import FREE
from tests.builders import SetClock, a_quote, a_rental
from tests.e2e.programs import sandbox
from tests.services.worlds import Books, Shelf, Verdicts, Way, Wires

INSTALLATION = "bellhop"
"""Of the labels."""

_OFFERS_EACH = 8  # drawn for each one wanted: a search shows only some kinds
_LEAST_OFFERS = 200
_RICH = 1_000_000  # dollars
_DISK_GB = 10


async def measure(*, sizes: Sequence[int], rounds: int) -> list[Figure]:
    """At each size, listing and pass in turn; the house grows from one size to the next."""
    figures: list[Figure] = []
    offers = max(_LEAST_OFFERS, max(sizes) * _OFFERS_EACH)
    with tempfile.TemporaryDirectory(prefix="bellhop-") as folder:
        async with _house(Path(folder), offers) as house:
            for size in sizes:
                await house.grow(size)
                await house.settle()
                listings, passes = [], []
                for _ in range(rounds):
                    listings.append(await _timed(house.market.machines))
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
    market: Vast
    store: Store
    reconciler: Reconciler
    tasks: Tasks
    size: int = 0
    disks: Iterator[int] = field(default_factory=lambda: itertools.count(_DISK_GB))

    async def grow(self, size: int) -> None:
        """Ready rentals with machines that are running, up to so many."""
        while self.size < size:
            # Another disk is another search: a kept answer would show what is rented by now.
            found = await self.market.search(Wish(disk_gb=next(self.disks), min_vram_gb=0))
            assert found, f"the market is empty after {self.size} rentals"
            for offer in found[: size - self.size]:
                await self._add(offer)

    async def _add(self, offer: Offer) -> None:
        now = SystemClock().now()
        quote = a_quote(offer=offer, wish=Wish(disk_gb=_DISK_GB), made_at=now)
        asked = a_rental(quote, state=State.READY, phase=Phase.REACHABLE, ready_at=now)
        order = Order(
            offer_id=offer.id,
            image=asked.image.reference,
            disk_gb=_DISK_GB,
            label=asked.label(INSTALLATION),
        )
        rental = replace(asked, contract=await self.market.rent(order), created_at=now)
        await self.store.add_quote(quote)
        await self.store.begin(rental, quote_id=quote.id)
        self.size += 1

    async def settle(self) -> None:
        """Passes until every row knows its machine; from then on there is nothing to change."""
        before: dict[RentalId, int] = {}
        while True:
            await self.one_pass()
            rows = {each.id: each.version for each in await self.store.open_rentals()}
            assert len(rows) == self.size
            if rows == before:
                return
            before = rows

    async def one_pass(self) -> None:
        await self.reconciler.pass_once()
        await self.tasks.quiet()


@contextlib.asynccontextmanager
async def _house(folder: Path, offers: int) -> AsyncIterator[_House]:
    clock = SystemClock()
    database = f"sqlite+aiosqlite:///{folder / 'bellhop.db'}"
    await migrate(database)
    options = ("--no-machines", "--load-s", "0.1", "--ssh-s", "0", "--offers", str(offers))
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(sandbox(folder / "machines", *options))
        await _fill_account(url)
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
        yield _House(market=market, store=store, reconciler=reconciler, tasks=tasks)


async def _fill_account(url: str) -> None:
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.put(f"{url}/sandbox/account", json={"credit": _RICH}) as answer,
    ):
        assert answer.status == 200, await answer.text()
