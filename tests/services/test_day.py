"""A day of mixed life on the simulated market over its HTTP: our books, Vast's bill, its credit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from bot.adapters.vast.client import Vast
from bot.domain.bills import Charge, Patience
from bot.domain.ledger import Kind
from bot.domain.letters import Kind as LetterKind
from bot.domain.limits import Limits
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import Reason, Rental, State
from bot.domain.sweep import holdings
from bot.ports.books import Store
from bot.ports.market import Order
from bot.sandbox.life import Timing
from bot.sandbox.serve import Sandbox
from bot.sandbox.yard import NoMachines
from bot.services.bills import Bills
from bot.services.bookkeeper import Bookkeeper
from bot.tasks import Wake
from tests.adapters.vast.town import VirtualTimer
from tests.builders import NOW, SetClock, a_quote, a_rental

GB = 10**9
POLL = timedelta(seconds=15)


@dataclass
class Day:
    """One machine and the services that count what it costs, on one clock."""

    store: Store
    sandbox: Sandbox
    vast: Vast
    clock: SetClock
    rental: Rental
    keeper: Bookkeeper = field(init=False)
    bills: Bills = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    @property
    def contract(self) -> int:
        assert self.rental.contract is not None
        return self.rental.contract

    def restart(self) -> None:
        """The process was killed: what it had in memory is lost."""
        self.keeper = Bookkeeper(store=self.store, billing=Wake())
        self.bills = Bills(
            store=self.store,
            market=self.vast,
            clock=self.clock,
            news=Wake(),
            installation="bellhop",
            patience=Patience(),
        )

    async def look(self) -> None:
        rentals = await self.store.open_rentals()
        listing = await self.vast.machines()
        theirs = holdings(rentals, listing, "bellhop", Limits())
        await self.keeper.look(rentals, theirs, listing, self.clock.now())

    async def live(self, span: timedelta, *, poll: timedelta = timedelta(minutes=5)) -> None:
        """So much time, looked at now and then, with two looks at the end as close as in life."""
        end = self.clock.now() + span - POLL
        while self.clock.now() < end:
            await self.look()
            self.clock.turn(min(poll, end - self.clock.now()))
        await self.look()
        self.clock.turn(POLL)

    async def down(self, span: timedelta) -> None:
        """Killed, and away for so long."""
        self.clock.turn(span)
        self.restart()

    async def end(self) -> None:
        """Destroyed and seen gone, and the row closed."""
        await self.vast.destroy(self.rental.contract)  # type: ignore[arg-type]
        await self.keeper.destroyed(self.rental.contract, self.clock.now())  # type: ignore[arg-type]
        now = self.clock.now()
        self.rental = await self.store.apply(
            replace(
                self.rental,
                state=State.CLOSED,
                reason=Reason.CANCELLED,
                gone_at=now,
                closed_at=now,
            ),
            event="closed by a test",
        )
        self.clock.turn(POLL)
        await self.look()

    async def settle(self) -> None:
        """Vast's bill, looked at until it has stood still for long enough."""
        for _ in range(4):
            await self.bills.pass_once()
            self.clock.turn(timedelta(minutes=40))

    async def kinds(self) -> dict[Kind, int]:
        found = (await self.store.totals([self.rental.id]))[self.rental.id]
        return {kind: amount.micros for kind, amount in found.items()}

    def billed(self) -> dict[str, int]:
        """The market's own books, to the micro-dollar."""
        contract = self.sandbox.world.contracts[self.contract]
        self.sandbox.world.advance()
        contract.meter.run(self.sandbox.world.at)
        return dict(contract.meter.billed())


@pytest.fixture
async def day(store: Store, clock: SetClock) -> AsyncIterator[Day]:
    clock.at = NOW
    timing = Timing(load_s=90, ssh_s=0, list_lag_s=4, stop_s=2, start_s=3)
    sandbox = Sandbox(yard=NoMachines(), timing=timing, now=clock.now)
    await sandbox.start()
    vast = Vast(url=sandbox.url, api_key="sandbox", clock=clock, timer=VirtualTimer())
    sandbox.world.set_credit(1_000_000_000)
    offer = (await vast.search(Wish(disk_gb=40)))[0]
    quote = a_quote(offer=offer, wish=Wish(disk_gb=40), made_at=NOW)
    asked = a_rental(quote, state=State.BOOTING)
    order = Order(offer_id=offer.id, image="pytorch", disk_gb=40, label=asked.label("bellhop"))
    contract = await vast.rent(order)
    await store.add_quote(quote)
    rental = await store.begin(replace(asked, contract=contract), quote_id=quote.id)
    yield Day(store, sandbox, vast, clock, rental)
    await vast.close()
    await sandbox.close()


async def a_mixed_day(day: Day) -> None:
    """Loading, work, a stop overnight, a dearer price, transfer, three kills of the service."""
    world, hour = day.sandbox.world, timedelta(hours=1)
    await day.live(3 * hour)
    world.carried(world.contract(day.contract), 2 * GB, 11 * GB)
    await day.bills.pass_once()
    await day.down(timedelta(minutes=25))
    await day.live(2 * hour)
    world.stop(day.contract)
    await day.live(5 * hour)
    world.start(day.contract)
    await day.live(4 * hour)
    world.reprice(day.contract, round(world.contract(day.contract).gpu_rate * 1.2))
    await day.live(3 * hour)
    await day.down(timedelta(hours=2))
    world.carried(world.contract(day.contract), 3 * GB, 12 * GB)
    await day.live(2 * hour)
    world.become(day.contract, "offline")
    await day.live(hour)
    world.become(day.contract, "running")
    await day.bills.pass_once()
    await day.live(timedelta(minutes=77))
    await day.down(timedelta(minutes=1))
    await day.end()


async def test_a_mixed_day_is_right_to_half_a_percent_and_exact_once_it_is_settled(
    day: Day,
) -> None:
    """What is left after Vast's bill is its own rounding, to a thousandth of a dollar."""
    await a_mixed_day(day)
    books, billed = await day.kinds(), day.billed()
    by_time = books[Kind.GPU] + books[Kind.STORAGE]
    theirs = billed["gpu"] + billed["storage"]

    assert Kind.ADJUSTMENT not in books
    assert abs(by_time - theirs) <= theirs * 0.005
    assert abs(sum(books.values()) - sum(billed.values())) <= sum(billed.values()) * 0.005

    await day.settle()

    after = await day.kinds()
    assert round(sum(after.values()) / 1000) == round(sum(billed.values()) / 1000)
    assert after[Kind.DOWNLOAD] == pytest.approx(billed["download"], abs=500)
    assert after[Kind.UPLOAD] == pytest.approx(billed["upload"], abs=500)


async def test_looking_again_and_again_adds_nothing(day: Day) -> None:
    """The settled books stay as they are, through passes and restarts."""
    await a_mixed_day(day)
    await day.settle()
    settled = await day.kinds()

    for _ in range(3):
        day.restart()
        await day.look()
        await day.settle()

    assert await day.kinds() == settled


async def test_a_bill_that_comes_late_takes_nothing_back(day: Day) -> None:
    """Half of the charges are not there yet: nothing is corrected until they stand still."""
    day.sandbox.faults.add("late_charges", times=3, match={}, share=0.5)
    await day.live(timedelta(hours=6))
    await day.bills.pass_once()
    await day.end()
    await day.bills.pass_once()
    day.clock.turn(timedelta(minutes=30))
    await day.bills.pass_once()

    assert Kind.ADJUSTMENT not in await day.kinds()

    await day.settle()
    assert sum((await day.kinds()).values()) == pytest.approx(sum(day.billed().values()), abs=500)


async def test_hours_that_nobody_saw_are_added_with_the_reason_and_told_to_leads(
    day: Day,
) -> None:
    """We were away while the machine ran on and was stopped: the bill knows, and says what."""
    await day.live(timedelta(minutes=10))
    day.clock.turn(timedelta(hours=40))
    day.sandbox.world.stop(day.contract)
    await day.down(timedelta(minutes=1))
    await day.look()
    await day.end()
    await day.settle()

    assert sum((await day.kinds()).values()) == pytest.approx(sum(day.billed().values()), abs=500)
    (letter,) = await day.store.letters_of(day.rental.id)
    assert letter.kind is LetterKind.BILL_LEADS
    assert letter.writing.detail.startswith("Vast charged GPU $")


async def test_how_much_is_told_to_leads_is_policy(day: Day) -> None:
    """The difference is in the books all the same."""
    await day.store.change_policy({"bill_difference": "1000000000"}, by=None)
    await day.live(timedelta(minutes=10))
    day.clock.turn(timedelta(hours=40))
    day.sandbox.world.stop(day.contract)
    await day.down(timedelta(minutes=1))
    await day.look()
    await day.end()
    await day.settle()

    assert (await day.kinds())[Kind.ADJUSTMENT] > 0
    assert await day.store.letters_of(day.rental.id) == []


class Dearer:
    """Vast that charges a fifth more than its prices say."""

    def __init__(self, vast: Vast) -> None:
        self._vast = vast

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vast, name)

    async def charges(self, *, since: datetime, until: datetime) -> list[Charge]:
        found = await self._vast.charges(since=since, until=until)
        return [replace(one, total=one.total.times(Decimal("1.2"))) for one in found]


async def test_a_difference_that_grows_bit_by_bit_is_told_as_well(day: Day) -> None:
    """Each look corrects a few cents; the leads read of it whenever so much has come together."""
    await day.store.change_policy({"bill_difference": "100000"}, by=None)
    day.vast = cast(Vast, Dearer(day.vast))
    day.restart()
    for _ in range(12):
        await day.live(timedelta(hours=1))
        await day.bills.pass_once()

    more = Usd((await day.kinds())[Kind.ADJUSTMENT])
    letters = await day.store.letters_of(day.rental.id)
    assert Usd.of("0.20") < more < Usd.of("0.60")
    assert len(letters) == more.micros // 100_000
    assert {one.kind for one in letters} == {LetterKind.BILL_LEADS}


async def test_a_charge_whose_label_is_gone_is_known_by_its_number(day: Day) -> None:
    """Somebody relabelled the machine; another without a label is nobody's here."""
    await day.live(timedelta(hours=2))
    day.sandbox.world.rename(day.contract, "")
    other = (await day.vast.search(Wish(disk_gb=50)))[0]
    await day.vast.rent(Order(offer_id=other.id, image="x", disk_gb=50, label=""))
    await day.live(timedelta(hours=2))
    await day.end()
    await day.settle()

    assert sum((await day.kinds()).values()) == pytest.approx(sum(day.billed().values()), abs=500)


class ByDays:
    """Vast whose lines begin and end at midnights, as its documented one does."""

    def __init__(self, vast: Vast) -> None:
        self._vast = vast

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vast, name)

    async def charges(self, *, since: datetime, until: datetime) -> list[Charge]:
        return [
            replace(
                one,
                start=datetime.combine(one.start.date(), time(), UTC),
                end=datetime.combine(one.end.date() + timedelta(days=1), time(), UTC),
            )
            for one in await self._vast.charges(since=since, until=until)
        ]


@pytest.mark.parametrize("by_days", [False, True])
async def test_a_machine_that_only_the_bill_knows_is_its_rentals_failed_try(
    day: Day, by_days: bool
) -> None:
    """Rented twice while an answer was lost, and gone before any list showed it; by lines of whole
    days too, which begin before the rental was asked for."""
    if by_days:
        day.vast = cast(Vast, ByDays(day.vast))
        day.restart()
    await day.live(timedelta(minutes=30))
    offer = (await day.vast.search(Wish(disk_gb=60)))[0]
    label = day.rental.label("bellhop")
    stray = await day.vast.rent(Order(offer_id=offer.id, image="pytorch", disk_gb=60, label=label))
    day.clock.turn(timedelta(minutes=20))
    await day.vast.destroy(stray)
    day.clock.turn(timedelta(minutes=20))
    await day.settle()
    again = await day.store.totals_by_machine([day.rental.id])
    await day.settle()

    books = await day.store.totals_by_machine([day.rental.id])
    contract = day.sandbox.world.contracts[stray]
    billed = sum(contract.meter.billed().values())
    assert Usd.sum(books[day.rental.id, stray].values()).micros == pytest.approx(billed, abs=500)
    assert books[day.rental.id, stray] == again[day.rental.id, stray]
