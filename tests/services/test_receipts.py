"""The receipt over the simulated market: once, pending until Vast has billed, then its sums."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

import discord
import pytest

from bot.adapters.vast.client import Vast
from bot.domain.access import Actor
from bot.domain.archives import Archive, ArchiveId, ArchiveState
from bot.domain.letters import BILL_WITHIN, Kind, Letter, Place, Stand
from bot.domain.money import Usd
from bot.domain.rentals import Rental, State
from bot.domain.standing import Standing
from bot.domain.tally import Tally, by_row
from bot.errors import Unavailable
from bot.ports.books import Store
from bot.ports.chat import Page
from bot.sandbox.life import Timing
from bot.sandbox.serve import Sandbox
from bot.sandbox.yard import NoMachines
from bot.services.bills import Bills
from bot.services.letters import Letters
from bot.services.tallies import tally_of
from bot.tasks import Wake
from cogs.ui import receipts
from tests.builders import CHANNEL, NOW, SetClock
from tests.domain.test_archives import an_archive
from tests.services.sweeping import ADA, ready_rental
from tests.services.test_world_changes import Hurried, text
from tests.services.worlds import DictMarket, House

GB = 10**9
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Box:
    """A letter box that keeps every version of a message. `trouble`: what the next send meets."""

    clock: SetClock
    shown: list[Page] = field(default_factory=list)
    direct: list[bool] = field(default_factory=list)
    sent: int = 0
    trouble: list[Exception] = field(default_factory=list)

    def ready(self) -> bool:
        return True

    async def deliver(
        self,
        letter: Letter,
        stand: Stand,
        rental: Rental,
        standing: Standing | None,
        *,
        direct: bool = True,
        leads_channel_id: int | None = None,
        tally: Tally | None = None,
        archive: Archive | None = None,
    ) -> Place:
        if self.trouble:
            raise self.trouble.pop()
        assert letter.kind is Kind.RECEIPT
        self.direct.append(direct)
        self.sent += letter.place is None
        page = Page(
            letter=letter,
            stand=stand,
            rental=rental,
            standing=standing,
            now=self.clock.now(),
            public=not direct,
            tally=tally,
            archive=archive,
        )
        self.shown.append(page)
        return letter.place or Place(CHANNEL, 7000 + self.sent)

    @property
    def text(self) -> str:
        """What a person reads now."""
        return text(cast(discord.ui.LayoutView, receipts.receipt(self.shown[-1])))


@dataclass
class Town:
    store: Store
    clock: SetClock
    sandbox: Sandbox
    market: Vast
    house: House
    actor: Actor = ADA

    def __post_init__(self) -> None:
        self.box = Box(self.clock)
        self.bills = Bills(
            store=self.store,
            market=self.market,
            clock=self.clock,
            news=Wake(),
            installation="bellhop",
        )
        self.letters = Letters(
            store=self.store,
            mail=self.box,
            news=Wake(),
            clock=self.clock,
            policies=self.house.policies,
        )

    async def live(self, span: timedelta) -> None:
        end = self.clock.now() + span
        while self.clock.now() < end:
            self.clock.turn(5 * MINUTE)
            self.sandbox.world.advance()
            await self.house.passes(2, apart=timedelta(seconds=1))

    async def end(self, rental: Rental, *, kills: bool = False) -> Rental:
        """Archived, destroyed, seen gone; with `kills` by a new process at each pass."""
        await self.house.desk.end(self.actor, rental.id)
        for _ in range(12):
            if kills:
                self.house.start()
            self.sandbox.world.advance()
            await self.house.passes(1, apart=timedelta(seconds=15))
            await self.letters.deliver()
        row = await self.store.rental(rental.id)
        assert row is not None
        assert row.state is State.CLOSED
        return row

    async def settle(self) -> None:
        for _ in range(3):
            await self.bills.pass_once()
            await self.letters.deliver()
            self.clock.turn(40 * MINUTE)

    def billed(self, rental: Rental) -> int:
        """The market's own books: micro-dollars."""
        contract = self.sandbox.world.contracts[int(rental.contract or 0)]
        return sum(contract.meter.billed().values())


@pytest.fixture
async def town(store: Store, clock: SetClock) -> AsyncIterator[Town]:
    timing = Timing(load_s=1, ssh_s=0, list_lag_s=0, stop_s=0.5, start_s=1)
    sandbox = Sandbox(yard=NoMachines(), timing=timing, now=clock.now)
    await sandbox.start()
    market = Vast(url=sandbox.url, api_key="sandbox", clock=clock, timer=Hurried())
    house = House(store=store, market=cast(DictMarket, market), clock=clock)
    try:
        yield Town(store, clock, sandbox, market, house)
    finally:
        await house.tasks.aclose()
        await market.close()
        await sandbox.close()


async def lived(town: Town, *, kills: bool = False) -> Rental:
    """Two hours with bytes both ways, and its end."""
    rental = await ready_rental(town.house)
    await town.live(HOUR)
    contract = town.sandbox.world.contract(int(rental.contract or 0))
    town.sandbox.world.carried(contract, 2 * GB, 11 * GB)
    await town.live(HOUR)
    return await town.end(rental, kills=kills)


async def test_the_bill_is_pending_until_vast_has_said_it_then_the_message_is_edited(
    town: Town,
) -> None:
    """One message; at the end its three columns are the market's own sum."""
    rental = await lived(town)
    pending = town.box.text
    await town.bills.pass_once()
    await town.letters.deliver()
    known = town.box.text
    await town.settle()
    settled = town.box.text
    whole = f"${round(town.billed(rental) / 1000) / 1000:.3f}"

    assert town.box.sent == 1
    assert "not yet" in pending
    assert "Vast bills later; this message is edited when it does." in pending
    assert whole in known
    assert "not yet" not in known
    assert "Vast's bill and our reckoning agree" in settled
    columns = dict(line.split() for line in settled.splitlines() if len(line.split()) == 2)
    assert (columns["Reckoned"], columns["Vast"], columns["Together"]) == (whole, whole, whole)
    off = Usd.of(columns["Quoted"][1:]) - Usd.of(columns["Vast"][1:])
    assert abs(off.micros) < 2_000  # a GPU is free while it loads
    lives = await town.store.lives(rental.guild_id, None, NOW, NOW + 90 * HOUR)
    final = await tally_of(town.store, rental, town.clock.now())
    assert lives[rental.id].transfer == final.cost.download + final.cost.upload
    assert lives[rental.id].booked == final.total
    assert await town.store.unfinished_letters(town.clock.now()) == []


async def test_it_says_each_part_the_time_and_the_archive(town: Town) -> None:
    """Where it is too small to name, a part is left out."""
    await lived(town)
    await town.settle()

    shown = town.box.text

    for part in ("GPU", "Disk", "Download", "Upload", "Together"):
        assert part in shown
    assert "Failed" not in shown
    assert "GPU for 2 h, 30 GB disk for 2 h." in shown
    assert all(len(row) <= 25 for block in shown.split("```")[1::2] for row in block.split("\n"))
    assert "There is no archive of it." in shown  # the pretend shelf keeps no books


async def test_it_names_the_newest_archive_that_is_there(town: Town) -> None:
    """Of one that vanished that is mostly the night's; one that was deleted brings nothing back."""
    rental = await ready_rental(town.house)
    for name, state in (
        ("byhand", ArchiveState.COMMITTED),
        ("nghtly", ArchiveState.COMMITTED),
        ("newest", ArchiveState.DELETED),
    ):
        made = town.clock.turn(HOUR)
        row = an_archive(name, rental_id=rental.id, started_at=made, proven_at=made)
        await town.store.begin_archive(replace(row, state=ArchiveState.RUNNING))
        await town.store.keep_archive(row)
        await town.store.keep_archive(replace(row, state=state))

    await town.end(rental)

    assert "-# nghtly · /archives restore" in town.box.text


async def test_it_says_what_the_archive_does_not_hold(town: Town) -> None:
    """It is the last word about a machine that is gone."""
    rental = await lived(town)
    await town.settle()
    assert rental.archive_id is not None
    archive = replace(an_archive("a"), id=ArchiveId(rental.archive_id))
    said = replace(rental, note="Left out: venv/lib (Python environment, 4.0 GB).")

    page = replace(town.box.shown[-1], archive=archive, rental=said)

    shown = text(cast(discord.ui.LayoutView, receipts.receipt(page)))
    assert "Left out: venv/lib (Python environment, 4.0 GB)." in shown


async def test_it_comes_once_whatever_is_killed(town: Town) -> None:
    """A process for each pass, and a delivery that was lost on the way."""
    town.box.trouble = [Unavailable("lost"), Unavailable("lost")]
    rental = await lived(town, kills=True)
    town.clock.turn(10 * MINUTE)
    await town.settle()
    await town.settle()

    letters = [one for one in await town.store.letters_of(rental.id) if one.kind is Kind.RECEIPT]
    assert len(letters) == 1
    assert town.box.sent == 1
    assert town.box.trouble == []


@pytest.mark.parametrize(("wish", "direct"), [("dm", [True]), ("channel", [False]), ("none", [])])
async def test_it_goes_where_its_owner_wants_it(town: Town, wish: str, direct: list[bool]) -> None:
    """Directly, in the channel, or not at all."""
    await town.store.change_policy({f"member/{ADA.id}/notices": f'"{wish}"'}, by=None)

    await lived(town)

    assert town.box.direct == direct


async def test_a_bill_that_never_comes_is_not_waited_for_for_ever(town: Town) -> None:
    """After a week the message says that our own reckoning stands."""
    await lived(town)
    town.clock.turn(BILL_WITHIN)
    await town.letters.deliver()

    assert "Vast never said what it charged, so our own reckoning stands." in town.box.text
    assert await town.store.unfinished_letters(town.clock.now()) == []


async def test_cards_spending_and_receipt_have_one_source(town: Town) -> None:
    """A stop overnight is in the tally, which the row alone would not show."""
    rental = await ready_rental(town.house)
    await town.live(HOUR)
    town.sandbox.world.stop(int(rental.contract or 0))
    await town.live(8 * HOUR)
    row = await town.store.rental(rental.id)
    assert row is not None

    tally = await tally_of(town.store, row, town.clock.now())

    contract = town.sandbox.world.contract(int(rental.contract or 0))
    contract.meter.run(town.clock.now())
    off = tally.total.micros - sum(contract.meter.billed().values())
    assert abs(off) < 10_000  # the stop was between two looks five minutes apart
    assert by_row(row, town.clock.now()).total > tally.total + Usd.of("0.5")
    assert tally.billed is None
    assert not tally.over
