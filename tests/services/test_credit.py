"""The credit's watch over the simulated market: warned once, archived in time, ended when told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import pytest

from bot.adapters.vast.client import Vast
from bot.domain.bulletins import Audience, Bulletin, Tone
from bot.domain.idle_memory import begin
from bot.domain.letters import Place as MessagePlace
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import Rental, State
from bot.domain.standing import Name, Report
from bot.errors import Down
from bot.ports.books import Store
from bot.sandbox.contracts import Ask
from bot.sandbox.life import Timing
from bot.sandbox.serve import Sandbox
from bot.sandbox.yard import NoMachines
from bot.services.credit import Credit
from bot.services.desk import Place
from bot.tasks import Wake
from tests.builders import CHANNEL, GUILD, SetClock
from tests.services.sweeping import ADA, ready_rental
from tests.services.test_world_changes import Hurried
from tests.services.worlds import DictMarket, House

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Purse:
    """Two ready machines of Ada's, a stranger's, and the watch over the account's credit."""

    store: Store
    clock: SetClock
    sandbox: Sandbox
    market: Vast
    house: House

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The process was killed: what it had in memory is lost."""
        self.credit = Credit(
            store=self.store,
            market=self.market,
            policies=self.house.policies,
            clock=self.clock,
            wake=Wake(),
            telling=Wake(),
        )

    async def last(self, span: timedelta) -> None:
        """Let the credit last so long from now."""
        await self.look()
        funds = self.credit.known.funds
        assert funds is not None
        self.sandbox.world.set_credit(funds.per_hour.over(span, per=HOUR).micros)

    async def look(self, *, after: timedelta = timedelta(), heard: bool = True) -> None:
        """One round of the house: the credit, the reconciler, and the messages."""
        self.clock.turn(after)
        self.sandbox.world.advance()
        await self.credit.pass_once()
        if heard:
            await self.deliver()
        await self.house.passes(4, apart=timedelta(seconds=1))

    async def deliver(self) -> None:
        now = self.clock.now()
        for posting in await self.store.due_bulletins(now, limit=100):
            await self.store.bulletin_shown(posting, now, MessagePlace(CHANNEL, 1))

    async def idle(self, rental: Rental) -> None:
        """As the idle watch has it just now: asked, and nobody works."""
        known = await self.store.remembered(rental.id)
        await self.store.remember(
            rental.id,
            known.memory if known is not None else begin(self.clock.now()),
            version=known.version if known is not None else 0,
            report=Report(self.clock.now(), Name.ASKED),
        )

    async def row(self, rental: Rental) -> Rental:
        found = await self.store.rental(rental.id)
        assert found is not None
        return found

    async def told(self, prefix: str = "credit/") -> list[Bulletin]:
        return await self.store.bulletins(prefix)

    async def titles(self) -> list[str]:
        return [one.title for one in await self.told() if one.tone is not Tone.OVER]


@pytest.fixture
async def purse(store: Store, clock: SetClock) -> AsyncIterator[Purse]:
    timing = Timing(load_s=1, ssh_s=0, list_lag_s=0, stop_s=0.5, start_s=1)
    sandbox = Sandbox(yard=NoMachines(), timing=timing, now=clock.now)
    await sandbox.start()
    market = Vast(url=sandbox.url, api_key="sandbox", clock=clock, timer=Hurried())
    house = House(store=store, market=cast(DictMarket, market), clock=clock)
    try:
        yield Purse(store, clock, sandbox, market, house)
    finally:
        await house.tasks.aclose()
        await market.close()
        await sandbox.close()


@pytest.fixture
async def ada(purse: Purse) -> Rental:
    return await ready_rental(purse.house)


async def test_leads_are_warned_at_each_mark_once_through_restarts(
    purse: Purse, ada: Rental
) -> None:
    """Twenty-four hours, six, one; and each message says until when, at what burn."""
    await purse.last(25 * HOUR)
    seen = []
    for hours in (0, 1.5, 17.5, 0.1, 4.5, 0.6):
        await purse.look(after=hours * HOUR)
        purse.restart()
        await purse.look()
        seen.append(len(await purse.told("credit/left/")))

    assert seen == [0, 1, 2, 2, 2, 3]
    assert sorted(await purse.titles()) == [
        "Less than 1 hour of Vast credit left",
        "Less than 24 hours of Vast credit left",
        "Less than 6 hours of Vast credit left",
    ]
    (day,) = await purse.told("credit/left/24/")
    assert day.audience is Audience.LEADS
    assert "lasts until <t:" in day.text


async def test_money_added_takes_the_warnings_back_and_a_new_descent_warns_anew(
    purse: Purse, ada: Rental
) -> None:
    """Not for a little more around a mark."""
    await purse.last(timedelta(hours=5, minutes=50))
    await purse.look()
    await purse.last(timedelta(hours=6, minutes=30))
    await purse.look()
    assert await purse.titles() == ["Less than 6 hours of Vast credit left"]

    await purse.last(100 * HOUR)
    await purse.look()
    assert await purse.titles() == []
    assert (await purse.told("credit/left/6/"))[0].title == "The Vast credit lasts longer again"
    purse.clock.turn(MINUTE)
    await purse.last(5 * HOUR)
    await purse.look()
    assert len(await purse.told("credit/left/6/")) == 2


async def test_strangers_machines_count_and_are_named(purse: Purse, ada: Rental) -> None:
    """They burn the same credit; stopped ones their disk."""
    await purse.look()
    alone = purse.credit.known.funds
    offers = await purse.market.search(replace(ada.wish, gpu=None))
    purse.sandbox.world.rent(Ask(offer_id=offers[-1].id, image="x", disk_gb=50, label="someone"))
    await purse.look(after=MINUTE)
    both = purse.credit.known.funds

    assert alone is not None
    assert both is not None
    assert (alone.machines, both.machines, both.others) == (1, 2, 1)
    assert both.per_hour > alone.per_hour


async def test_an_unknown_credit_concludes_nothing_and_says_so(
    purse: Purse, ada: Rental, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ten minutes the leads know; when it can be read again the message says that."""
    await purse.last(HOUR / 2)
    account = purse.market.account

    async def silent() -> object:
        raise Down("no answer")

    monkeypatch.setattr(purse.market, "account", silent)
    await purse.look()
    await purse.look(after=11 * MINUTE)
    unknown = await purse.titles()
    row = await purse.row(ada)
    monkeypatch.setattr(purse.market, "account", account)
    await purse.last(100 * HOUR)
    await purse.look()

    assert unknown == ["The Vast credit is not known"]
    assert row.proven_at is None
    assert await purse.titles() == []


async def test_work_is_archived_and_proven_before_vast_stops_everything(
    purse: Purse, ada: Rental
) -> None:
    """It keeps running on what is left; then Vast stops it, and the work is safe."""
    await purse.store.change_policy({"credit_ends": '"save"'}, by=None)
    await purse.last(3 * HOUR)
    saved_at = None
    for _ in range(20):
        await purse.look(after=10 * MINUTE)
        row = await purse.row(ada)
        if saved_at is None and row.proven_at is not None:
            saved_at = row.proven_at
            assert row.state is State.READY
    stopped = purse.sandbox.world.contract(int(row.contract or 0))

    assert saved_at is not None
    assert stopped.stopped_at is not None
    assert saved_at < stopped.stopped_at
    assert row.open
    assert purse.house.shelf.ran_for == [ada.id]


async def test_what_nobody_uses_is_ended_after_its_owner_was_told(
    purse: Purse, ada: Rental
) -> None:
    """The other one stays; both are archived first."""
    quote = await purse.house.desk.quote(ADA, Place(GUILD, CHANNEL), Wish())
    busy = await purse.house.desk.rent(ADA, quote.id)
    await purse.house.passes(6)
    await purse.last(2 * HOUR)
    for _ in range(9):
        await purse.idle(ada)
        await purse.look(after=10 * MINUTE)
    told = await purse.told(f"credit/ends/{ada.id}/")
    for _ in range(3):
        await purse.house.passes(3, apart=timedelta(seconds=20))
    gone, stays = await purse.row(ada), await purse.row(busy)
    await purse.look()

    assert len(told) == 1
    assert told[0].audience is Audience.OWNER
    assert "Nobody uses this machine" in told[0].text
    assert not gone.open
    assert gone.waived_by is None
    assert gone.proven_at is not None
    assert gone.released_at is not None
    assert gone.proven_at >= gone.released_at
    assert stays.state is State.READY
    assert stays.proven_at is not None
    assert (await purse.told(f"credit/ends/{ada.id}/"))[0].title.endswith("has ended")
    assert await purse.told(f"credit/ends/{busy.id}/") == []


async def test_an_owner_who_could_not_be_told_keeps_the_machine(purse: Purse, ada: Rental) -> None:
    """It is archived all the same; Vast stops it, and destroys nothing for now."""
    await purse.last(2 * HOUR)
    for _ in range(12):
        await purse.idle(ada)
        await purse.look(after=10 * MINUTE, heard=False)
    row = await purse.row(ada)

    assert row.released_at is None
    assert row.proven_at is not None


async def test_money_added_after_the_announcement_keeps_the_machine(
    purse: Purse, ada: Rental
) -> None:
    """And the owner's message says so."""
    await purse.last(HOUR / 2)
    await purse.idle(ada)
    await purse.look()
    (before,) = await purse.told("credit/ends/")
    await purse.last(50 * HOUR)
    await purse.idle(ada)
    await purse.look(after=20 * MINUTE)
    (after,) = await purse.told("credit/ends/")

    assert before.tone is Tone.TROUBLE
    assert after.title.endswith(" stays")
    assert (await purse.row(ada)).released_at is None


async def test_a_machine_that_is_used_again_stays(purse: Purse, ada: Rental) -> None:
    """Its owner was told that it ends, and came back; the message says so."""
    await purse.last(HOUR / 2)
    await purse.idle(ada)
    await purse.look()
    await purse.look(after=11 * MINUTE)  # the idle watch has not said anything since
    (after,) = await purse.told("credit/ends/")

    assert after.text == "It no longer counts as unused."
    assert (await purse.row(ada)).released_at is None


async def test_a_credit_below_nothing_is_said_as_it_is(purse: Purse, ada: Rental) -> None:
    """Machines may run on for a while; what is archived is archived at once."""
    await purse.look()
    purse.sandbox.world.set_credit(Usd.of("-0.03").micros)
    await purse.credit.pass_once()

    (warning,) = await purse.told("credit/left/")
    assert warning.title == "The Vast credit is used up"
    assert "The credit is -$0.03" in warning.text
