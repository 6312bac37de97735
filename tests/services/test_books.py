"""Any sequence of lives, kills, repeated passes and clock changes, through the real books.

Two machines of one rental on the simulated market: one that was replaced, and the one after it. The
services read Vast over HTTP with a clock that may be wrong, and are killed before or after they
write. The market bills by itself, to the second.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from bot.adapters.storage.store import SqlStore
from bot.adapters.storage.tables import ledger
from bot.adapters.vast.client import Vast
from bot.domain.bills import Patience
from bot.domain.ledger import Kind
from bot.domain.limits import Limits
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import ContractId, Reason, Rental, State
from bot.domain.sweep import holdings
from bot.ports.books import Store
from bot.ports.market import Order
from bot.sandbox.life import Timing
from bot.sandbox.serve import Sandbox
from bot.sandbox.yard import NoMachines
from bot.services.bills import Bills
from bot.services.bookkeeper import Bookkeeper
from bot.services.tallies import tally_of
from bot.tasks import Wake
from tests.adapters.vast.town import VirtualTimer
from tests.builders import NOW, SetClock, a_quote, a_rental

GB = 10**9
MINUTE = timedelta(minutes=1)
MOVES = (
    *("live",) * 6,
    *("stop", "start", "offline", "running", "dearer", "bytes"),
    *("look again", "bill", "bill late", "kill", "away"),
    *("killed before", "killed after", "clock ahead", "clock back", "clock right"),
)


class Killed(Exception):
    """The process ends here."""


class Fragile:
    """A store whose next write of the books is the process's last act, or is never made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.killed = ""
        self.died = False

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._store, name)
        return self._dying(work) if name in ("write_tab", "write_tabs", "write_bill") else work

    def _dying(self, work: Any) -> Any:
        async def written(*given: Any, **named: Any) -> Any:
            if self.died:
                raise Killed
            killed, self.killed = self.killed, ""
            self.died = bool(killed)
            if killed == "before":
                raise Killed
            done = await work(*given, **named)
            if killed == "after":
                raise Killed
            return done

        return written


class Ours(SetClock):
    """Our clock: that of the world, and wrong by so much."""

    def __init__(self, world: SetClock) -> None:
        super().__init__()
        self._world = world
        self.wrong_by = timedelta()

    def now(self) -> datetime:
        return self._world.now() + self.wrong_by


class Life:
    """A rental with its machines, and the services that count what they cost."""

    def __init__(
        self, store: Store, sandbox: Sandbox, vast: Vast, clock: SetClock, rental: Rental
    ) -> None:
        self.store, self.fragile = store, Fragile(store)
        self.sandbox, self.vast, self.world = sandbox, vast, sandbox.world
        self.clock, self.ours = clock, Ours(clock)
        self.rental = rental
        self.machines: list[ContractId] = []
        self.restart()

    def restart(self) -> None:
        store: Any = self.fragile
        self.keeper = Bookkeeper(store=store, billing=Wake())
        self.bills = Bills(
            store=store,
            market=self.vast,
            clock=self.ours,
            news=Wake(),
            installation="bellhop",
            patience=Patience(),
        )

    async def rent(self) -> None:
        """The rental's next machine."""
        wish = Wish(disk_gb=40)
        offer = (await self.vast.search(wish))[len(self.machines)]
        label = self.rental.label("bellhop")
        order = Order(offer_id=offer.id, image="pytorch", disk_gb=40, label=label)
        contract = await self.vast.rent(order)
        self.machines.append(contract)
        changed = replace(self.rental, contract=contract)
        self.rental = await self.store.apply(changed, event="rented by a test")

    async def look(self) -> None:
        rentals = await self.store.open_rentals()
        listing = await self.vast.machines()
        theirs = holdings(rentals, listing, "bellhop", Limits())
        await self._survive(self.keeper.look(rentals, theirs, listing, self.ours.now()))

    async def bill(self) -> None:
        await self._survive(self.bills.pass_once())

    async def end(self) -> None:
        """The newest machine is destroyed, and seen gone."""
        contract = self.machines[-1]
        self.ours.wrong_by = timedelta()
        await self.look()
        await self.vast.destroy(contract)
        await self._survive(self.keeper.destroyed(contract, self.ours.now()))
        for _ in range(3):
            self.clock.turn(3 * MINUTE)
            await self.look()

    async def move(self, name: str, chance: random.Random) -> None:
        contract = self.world.contract(self.machines[-1])
        match name:
            case "live":
                self.clock.turn(timedelta(seconds=chance.uniform(5, 9000)))
            case "stop":
                self.world.stop(contract.id)
            case "start":
                self.world.start(contract.id)
            case "offline" | "running":
                self.world.become(contract.id, name)
            case "dearer":
                self.world.reprice(contract.id, round(contract.gpu_rate * 1.1))
            case "bytes":
                self.world.carried(contract, chance.randrange(GB), chance.randrange(4 * GB))
            case "bill":
                await self.bill()
            case "bill late":
                share = chance.random()
                self.sandbox.faults.add("late_charges", times=1, match={}, share=share)
                await self.bill()
            case "kill":
                self.restart()
            case "away":
                self.clock.turn(timedelta(hours=chance.uniform(1, 12)))
                self.restart()
            case "killed before" | "killed after":
                self.fragile.killed = name.removeprefix("killed ")
            case "clock ahead":
                self.ours.wrong_by = timedelta(minutes=chance.uniform(1, 90))
            case "clock back":
                self.ours.wrong_by = -timedelta(minutes=chance.uniform(1, 90))
            case "clock right":
                self.ours.wrong_by = timedelta()
        await self.look()

    async def settle(self) -> None:
        self.sandbox.faults.clear()
        for _ in range(4):
            await self.bill()
            self.clock.turn(40 * MINUTE)

    def billed(self, contract: ContractId) -> int:
        self.world.advance()
        one = self.world.contracts[contract]
        one.meter.run(self.world.at)
        return sum(one.meter.billed().values())

    async def _survive(self, work: Any) -> None:
        """Whatever a killed process was about, the next one begins with what is stored."""
        with contextlib.suppress(Killed):
            await work
        if self.fragile.died:
            self.fragile.died = False
            self.restart()


@pytest.fixture
async def life(store: Store, clock: SetClock) -> AsyncIterator[Life]:
    clock.at = NOW
    timing = Timing(load_s=90, ssh_s=0, list_lag_s=4, stop_s=2, start_s=3)
    sandbox = Sandbox(yard=NoMachines(), timing=timing, now=clock.now)
    await sandbox.start()
    sandbox.world.set_credit(1_000_000_000)
    vast = Vast(url=sandbox.url, api_key="sandbox", clock=clock, timer=VirtualTimer())
    quote = a_quote(wish=Wish(disk_gb=40), made_at=NOW)
    await store.add_quote(quote)
    asked = a_rental(quote, state=State.BOOTING)
    rental = await store.begin(asked, quote_id=quote.id)
    yield Life(store, sandbox, vast, clock, rental)
    await vast.close()
    await sandbox.close()


async def lines(store: Store) -> list[Any]:
    assert isinstance(store, SqlStore)
    async with store._database.reading() as connection:
        return list(await connection.execute(select(ledger)))


@pytest.mark.parametrize("seed", range(6))
async def test_the_settled_books_are_the_markets_whatever_happened(life: Life, seed: int) -> None:
    """Each machine to Vast's own rounding, no period twice, and further passes add nothing."""
    chance = random.Random(seed)
    for _ in range(2):
        await life.rent()
        for _ in range(14):
            await life.move(chance.choice(MOVES), chance)
        await life.end()
    now = life.clock.now()
    life.rental = await life.store.apply(
        replace(
            life.rental, state=State.CLOSED, reason=Reason.CANCELLED, gone_at=now, closed_at=now
        ),
        event="closed by a test",
    )
    await life.look()
    await life.settle()

    books = await lines(life.store)
    sums = await life.store.totals_by_machine([life.rental.id])
    charges = await life.vast.charges(since=NOW, until=life.clock.now())
    for contract in life.machines:
        own = Usd.sum(sums[life.rental.id, contract].values())
        days = [one for one in charges if one.contract == contract]  # each rounded by itself
        assert abs((own - Usd.sum(one.total for one in days)).micros) <= 500
        assert abs(own.micros - life.billed(contract)) <= 500 * (len(days) + 1)
        for kind in (Kind.GPU, Kind.STORAGE):
            spans = sorted(
                (row.period_start, row.period_end)
                for row in books
                if (row.contract, row.kind) == (contract, kind.value)
            )
            assert all(one[1] <= other[0] for one, other in pairwise(spans))
    tally = await tally_of(life.store, life.rental, life.clock.now())
    assert tally.billed is not None
    assert abs((tally.billed - tally.total).micros) <= 500 * len(life.machines)
    assert tally.settled

    life.restart()
    await life.look()
    await life.settle()

    assert len(await lines(life.store)) == len(books)
