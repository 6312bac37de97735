"""The world changes under us: each change has its outcome and its message, seen in the sandbox.

The real Vast client reads the real sandbox over HTTP; only the machines and their SSH are pretend.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import discord
import pytest

from bot.adapters.vast.client import Vast
from bot.domain.bulletins import Audience, Bulletin, Tone
from bot.domain.omens import Sign
from bot.domain.rentals import Reason, Rental, State, mark_of
from bot.ports.books import Store
from bot.sandbox.contracts import Ask
from bot.sandbox.life import Timing
from bot.sandbox.serve import Sandbox
from bot.sandbox.yard import NoMachines
from bot.services.account import AccountWatch
from bot.services.herald import Herald
from bot.services.sweep import Sweep
from bot.tasks import Wake
from cogs.ui.answers import status
from cogs.ui.cards import rental_card
from tests.builders import SetClock
from tests.services.sweeping import ADA, Wall, ready_rental
from tests.services.worlds import DictMarket, House

MINUTE = timedelta(minutes=1)


def text(card: discord.ui.LayoutView) -> str:
    """What a person reads in a card."""
    shown = [one for one in card.walk_children() if isinstance(one, discord.ui.TextDisplay)]
    return "\n".join(one.content for one in shown)


class Hurried:
    """A monotonic clock that only sleeping moves: nobody waits for a pace."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class Town:
    """A rented machine of Ada's in a sandbox, and everything that watches it."""

    def __init__(self, store: Store, clock: SetClock, sandbox: Sandbox, market: Vast) -> None:
        self.store, self.clock, self.sandbox = store, clock, sandbox
        self.account = AccountWatch()
        self.house = House(store=store, market=cast(DictMarket, market), clock=clock)
        self.house.reconciler._account = self.account
        self.sweep = Sweep(
            store=store,
            market=market,
            board=Wall(),
            herald=Herald(store=store, market=market, account=self.account, clock=clock),
            account=self.account,
            clock=clock,
            policies=self.house.policies,
            installation="bellhop",
            mark=mark_of("ssh-ed25519 OURS"),
            wake=Wake(),
            moved=self.house.wake,
            news=self.house.news,
            every=MINUTE,
        )
        self.rental: Rental

    @property
    def contract(self) -> int:
        return int(self.rental.contract or 0)

    async def after(self, span: timedelta, *, passes: int = 2) -> Rental:
        """Time goes by, everybody looks; the rental as it is then."""
        self.clock.turn(span)
        await self.house.passes(passes, apart=timedelta(seconds=5))
        await self.sweep.pass_once()
        self.rental = await self.again()
        return self.rental

    async def again(self) -> Rental:
        row = await self.store.rental(self.rental.id)
        assert row is not None
        return row

    def signs(self) -> set[Sign]:
        return {omen.sign for omen in self.rental.omens}

    async def told(self, prefix: str) -> Bulletin:
        found = await self.store.bulletins(prefix)
        assert found, [one.key for one in await self.store.bulletins("")]
        return found[-1]

    async def omen(self, sign: Sign) -> Bulletin:
        return await self.told(f"omen/{self.rental.id}/{sign.value}/")

    def card(self) -> str:
        return text(rental_card(self.rental, self.clock.now()))

    def status(self) -> str:
        return text(status([self.rental], self.clock.now(), blind=self.account.blind))


@pytest.fixture
async def town(store: Store, clock: SetClock) -> AsyncIterator[Town]:
    timing = Timing(load_s=1, ssh_s=0, list_lag_s=0, stop_s=0.5, start_s=1)
    sandbox = Sandbox(yard=NoMachines(), timing=timing, now=clock.now)
    await sandbox.start()
    market = Vast(url=sandbox.url, api_key="sandbox", clock=clock, timer=Hurried())
    town = Town(store, clock, sandbox, market)
    town.house.market = cast(DictMarket, market)
    try:
        town.rental = await ready_rental(town.house)
        yield town
    finally:
        await market.close()
        await sandbox.close()


async def test_a_price_that_is_raised_is_told_and_ends_nothing(town: Town) -> None:
    """The owner decides; the card says both prices."""
    town.sandbox.world.reprice(town.contract, 900_000)

    await town.after(MINUTE)

    assert town.signs() == {Sign.DEARER}
    assert town.rental.state is State.READY
    told = await town.omen(Sign.DEARER)
    assert told.audience is Audience.OWNER
    assert "instead of" in told.text
    assert "more than was agreed" in town.card()


async def test_a_host_that_ends_is_warned_of_saved_before_and_ended_in_time(town: Town) -> None:
    """Long before the machine could be deleted: warned a day before, archived, then ended."""
    town.sandbox.world.end_offer(town.contract, timedelta(hours=23).total_seconds())

    await town.after(MINUTE)
    assert town.signs() == {Sign.HOST_ENDS}
    assert "48 hours" in (await town.omen(Sign.HOST_ENDS)).text
    assert town.house.shelf.ran_for == []

    await town.after(timedelta(hours=17, minutes=5), passes=4)
    assert town.rental.state is State.READY
    assert len(town.house.shelf.ran_for) == 1
    await town.after(timedelta(hours=5), passes=4)
    assert len(town.house.shelf.ran_for) == 2

    await town.after(timedelta(minutes=26), passes=6)

    assert town.rental.state is State.CLOSED
    assert town.rental.waived_by is None
    assert len(town.house.shelf.ran_for) == 3
    assert "Its host's offer ends" in town.card()
    assert (await town.omen(Sign.HOST_ENDS)).tone is Tone.OVER


async def test_a_machine_that_was_outbid_is_told_and_goes_on_when_it_runs_again(
    town: Town,
) -> None:
    """Its files are there and cost by the day; nothing is destroyed."""
    town.sandbox.world.outbid(town.contract)

    await town.after(MINUTE)

    assert town.signs() == {Sign.STOPPED}
    assert "bid more" in (await town.omen(Sign.STOPPED)).text
    assert "a day" in town.card()
    assert town.rental.title in (await town.told("account/")).text

    town.sandbox.world.start(town.contract)
    await town.after(MINUTE)

    assert town.signs() == set()
    assert (await town.omen(Sign.STOPPED)).tone is Tone.OVER
    assert town.rental.state is State.READY


async def test_without_credit_vast_stops_it_and_the_message_says_why(town: Town) -> None:
    """A lead can do something about that."""
    town.sandbox.world.set_credit(0)

    await town.after(MINUTE)

    told = await town.omen(Sign.STOPPED)
    assert "credit is" in told.text
    assert "add some" in told.text
    assert town.rental.state is State.READY


async def test_a_host_that_is_offline_is_waited_for(town: Town) -> None:
    """Nothing is charged, nothing is concluded; it may hold work."""
    town.sandbox.world.become(town.contract, "offline")

    await town.after(MINUTE)
    await town.after(timedelta(hours=5))

    assert town.rental.state is State.READY
    assert "not heard of its host" in (await town.omen(Sign.OFFLINE)).text
    town.sandbox.world.become(town.contract, "running")
    await town.after(MINUTE)
    assert (await town.omen(Sign.OFFLINE)).tone is Tone.OVER


async def test_a_machine_destroyed_in_the_console_is_told_to_its_owner(town: Town) -> None:
    """After the grace and two answers by number; never before."""
    town.sandbox.world.destroy(town.contract)

    await town.after(MINUTE)
    assert town.rental.state is State.READY
    assert "stopped showing it" in town.card()
    await town.after(timedelta(minutes=3), passes=6)

    assert (town.rental.state, town.rental.reason) == (State.CLOSED, Reason.VANISHED)
    assert (await town.told(f"vanished/{town.rental.id}")).audience is Audience.OWNER


async def test_a_label_edited_by_hand_changes_nothing(town: Town) -> None:
    """It is known by its number, and is no stray."""
    town.sandbox.world.rename(town.contract, "mine now")

    await town.after(MINUTE)
    await town.after(timedelta(minutes=5))

    assert town.rental.state is State.READY
    told = await town.omen(Sign.RELABELLED)
    assert (told.audience, "mine now" in told.text) == (Audience.LEADS, True)
    assert await town.store.bulletins("account/") == []
    town.sandbox.world.rename(town.contract, f"bellhop/{town.rental.id}")
    await town.after(MINUTE)
    assert town.signs() == set()


async def test_a_revoked_key_concludes_nothing(town: Town) -> None:
    """A 404 that is no missing machine."""
    town.sandbox.faults.add("bad_key", times=None)

    await town.after(MINUTE)
    await town.after(timedelta(hours=1))

    assert town.rental.state is State.READY
    assert town.rental.missing_since is None
    assert "VAST_API_KEY" in (await town.told("blind/denied/")).text
    assert "Vast cannot be read since" in town.status()
    town.sandbox.faults.clear()
    await town.after(MINUTE)
    assert (await town.told("blind/denied/")).tone is Tone.OVER
    assert "cannot be read" not in town.status()


# --- Answers that cannot be true --------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unknown_state", "an unknown state “hibernating”"),
        ("negative_price", "a negative price"),
        ("missing_fields", "a price that is missing"),
    ],
)
async def test_a_row_that_cannot_be_read_is_said_and_nothing_follows(
    town: Town, fault: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """On the card, in /status, in the log and to the leads; the machine stays in use."""
    price = town.rental.per_hour
    town.sandbox.faults.add(fault, times=None)

    await town.after(MINUTE)
    await town.after(2 * MINUTE)

    assert town.signs() == {Sign.UNREADABLE}
    assert (town.rental.state, town.rental.per_hour) == (State.READY, price)
    assert said in town.card()
    assert said in town.status()
    assert caplog.text.count(said) == 1
    assert said in (await town.omen(Sign.UNREADABLE)).text
    town.sandbox.faults.clear()
    await town.after(MINUTE)
    assert town.signs() == set()


async def test_numbers_as_texts_are_numbers(town: Town) -> None:
    """Vast has sent both."""
    before = await town.again()
    town.sandbox.faults.add("text_numbers", times=None)

    await town.after(MINUTE)

    assert town.signs() == set()
    assert town.rental.per_hour == before.per_hour


async def test_a_list_that_lacks_what_its_number_shows_concludes_nothing(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """However long: the two answers contradict each other, and the card says since when."""
    town.sandbox.faults.add("not_listed", times=None)

    for _ in range(4):
        await town.after(timedelta(minutes=3), passes=3)

    assert town.rental.state is State.READY
    assert Sign.CONTRADICTED in town.signs()
    assert "contradict each other" in town.card()
    assert "contradict each other" in town.status()
    assert caplog.text.count("contradict each other") == 1
    assert "contradict each other" in (await town.omen(Sign.CONTRADICTED)).text
    town.sandbox.faults.clear()
    await town.after(MINUTE)
    assert town.signs() == set()


async def test_a_number_that_denies_what_the_list_shows_concludes_nothing(town: Town) -> None:
    """The machine is listed as running: it is in use."""
    town.sandbox.faults.add("null_by_number", times=None)

    await town.after(timedelta(minutes=10), passes=6)

    assert town.rental.state is State.READY
    assert town.rental.missing_since is None


@pytest.mark.parametrize("fault", ["short_list", "nonsense", "html", "server_error"])
async def test_a_list_that_is_not_whole_concludes_nothing(
    town: Town, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And /status says since when, and the log that it could not be read."""
    match = {"path": "/instances/"}
    town.sandbox.faults.add(fault, times=None, match=match)

    await town.after(MINUTE)
    await town.after(timedelta(minutes=30))

    assert town.rental.state is State.READY
    assert town.rental.missing_since is None
    assert "oncluded" in town.status()
    assert "the account could not be listed" in caplog.text
    assert "cannot be read" in (await town.told("blind/unread/")).title


async def test_a_list_that_fails_half_way_concludes_nothing(town: Town) -> None:
    """The second page is missing, and with it every machine on it."""
    world = town.sandbox.world
    free = [one for one in world.offers.values() if not world.is_taken(one.id)][:30]
    for offer in free:
        world.rent(Ask(offer_id=offer.id, image="x:1", disk_gb=10.0, label="theirs"))
    town.sandbox.faults.add("partial_list", times=None)

    await town.after(MINUTE)

    assert town.account.blind is not None
    assert town.rental.missing_since is None
    assert await town.store.bulletins("account/") == []


# --- The end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["destroy_ignored", "late_destroy"])
async def test_the_card_says_not_yet_confirmed_until_it_is_seen_gone(
    town: Town, fault: str
) -> None:
    """A destroy that Vast took is no end; it is sent again until the machine is gone."""
    more = {"seconds": 900.0} if fault == "late_destroy" else {}
    town.sandbox.faults.add(fault, times=None, **more)
    await town.house.desk.end(ADA, town.rental.id, discard=True)
    await town.after(MINUTE, passes=3)
    assert town.rental.state is State.DESTROYING
    assert "not yet confirmed" in town.card()

    for _ in range(4):
        await town.after(timedelta(minutes=3), passes=2)
    assert town.rental.state is State.DESTROYING
    assert "not yet confirmed" in (await town.told("unconfirmed/")).title

    town.sandbox.faults.clear()
    await town.after(timedelta(minutes=6), passes=6)

    assert town.rental.state is State.CLOSED
    assert "Seen gone" in town.card()
    assert (await town.told("unconfirmed/")).tone is Tone.OVER
