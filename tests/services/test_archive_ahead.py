"""Archives ahead of any end, over both databases: when they are made, and what failing ones do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import text

from bot.adapters.storage.engine import parsed, writing_engine
from bot.domain.access import Actor
from bot.domain.ahead import night_after
from bot.domain.archive_costs import Estimate
from bot.domain.archives import Failure, Trouble
from bot.domain.idle_memory import Asking, Question, begin
from bot.domain.idle_policy import Policy
from bot.domain.letters import Kind
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import Rental, State
from bot.domain.standing import Rules
from bot.ports.books import Store
from bot.ports.machines import Tunnels
from bot.services.archive_ahead import AT_ONCE, Ahead
from bot.services.archives import Archives
from bot.services.desk import Place
from bot.services.policy import Policies
from bot.services.routes import Traffic
from tests.builders import CHANNEL, GUILD, OWNER, SetClock, an_offer
from tests.services.worlds import DictMarket, House

ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(store: Store, clock: SetClock) -> House:
    offers = [an_offer(id=number) for number in range(1, 9)]
    return House(store=store, market=DictMarket(offers=offers), clock=clock)


@pytest.fixture
def ahead(house: House) -> Ahead:
    return Ahead(
        store=house.store,
        archives=cast(Archives, house.shelf),
        tunnels=cast(Tunnels, house.wires),
        traffic=Traffic(),
        policies=Policies(store=house.store),
        tasks=house.tasks,
        news=house.news,
        clock=house.clock,
    )


async def _ready(house: House) -> Rental:
    quote = await house.desk.quote(ADA, Place(GUILD, CHANNEL), Wish())
    rental = await house.desk.rent(ADA, quote.id)
    await house.passes(2)
    return await _row(house, rental)


async def _row(house: House, rental: Rental) -> Rental:
    row = await house.store.rental(rental.id)
    assert row is not None
    return row


async def _ticks(house: House, ahead: Ahead, count: int, *, apart: timedelta = MINUTE) -> None:
    for _ in range(count):
        await ahead.tick()
        await house.tasks.quiet()
        house.clock.turn(apart)


def _until_night(house: House, rental: Rental) -> timedelta:
    return night_after(rental, house.clock.now(), Rules(idle=Policy())) - house.clock.now()


async def test_each_night_a_running_machine_is_archived_and_keeps_running(
    house: House, ahead: Ahead
) -> None:
    """Once a night; the row says which archive, and nothing else about it changes."""
    rental = await _ready(house)
    house.clock.turn(_until_night(house, rental) - MINUTE)
    await _ticks(house, ahead, 1)
    assert house.shelf.ran_for == []

    await _ticks(house, ahead, 5, apart=timedelta(hours=4))

    row = await _row(house, rental)
    assert len(house.shelf.ran_for) == 1
    assert (row.state, row.ahead_id) == (State.READY, f"{rental.id}-1")
    assert (row.archive_id, row.proven_at, row.released_at) == (None, None, None)
    assert await house.store.letters_of(rental.id) == []
    await _ticks(house, ahead, 6, apart=timedelta(hours=4))
    assert len(house.shelf.ran_for) == 2


async def test_when_its_owner_is_asked_it_is_archived_at_once(house: House, ahead: Ahead) -> None:
    """So that the last archive has little to send; once for each question."""
    rental = await _ready(house)
    question = Question(kind=Asking.IDLE, asked_at=house.clock.now(), deadline=None)
    memory = replace(begin(house.clock.now()), question=question)
    await house.store.remember(rental.id, memory, version=0)

    await _ticks(house, ahead, 10)

    assert house.shelf.ran_for == [rental.id]


async def test_an_end_is_never_built_on_an_archive_made_ahead(house: House, ahead: Ahead) -> None:
    """What was proven before somebody asked for the end proves nothing about it."""
    rental = await _ready(house)
    house.clock.turn(_until_night(house, rental))
    await _ticks(house, ahead, 1)
    house.shelf.failures = [Failure(trouble=Trouble.IN_USE, words="Files kept changing.")]

    await house.desk.end(ADA, rental.id)
    await house.passes(4)

    assert (await _row(house, rental)).state is State.READY
    assert house.market.destroyed == []


async def test_no_more_than_a_few_at_a_time(house: House, ahead: Ahead) -> None:
    rentals = [await _ready(house) for _ in range(4)]
    house.clock.turn(timedelta(days=2))

    await ahead.tick()
    await house.tasks.quiet()

    assert len(house.shelf.ran_for) == AT_ONCE
    await _ticks(house, ahead, 1)
    assert sorted(house.shelf.ran_for) == sorted(rental.id for rental in rentals)


async def test_a_row_that_cannot_be_read_costs_nobody_else_the_night(
    house: House, ahead: Ahead, database_url: str
) -> None:
    rental, spoiled = await _ready(house), await _ready(house)
    engine = writing_engine(parsed(database_url))
    async with engine.begin() as connection:
        spoil = text("UPDATE rentals SET offer = '{}' WHERE id = :id")
        await connection.execute(spoil, {"id": spoiled.id})
    await engine.dispose()

    await _ticks(house, ahead, 8, apart=timedelta(hours=4))

    assert set(house.shelf.ran_for) == {rental.id}


async def test_a_night_that_fails_is_tried_again_and_told_once(house: House, ahead: Ahead) -> None:
    """After the third failure in a row, and not again until it has worked."""
    rental = await _ready(house)
    broken = Failure(trouble=Trouble.PLACE, words="The archive store cannot be used right now.")
    house.shelf.failures = [broken] * 8
    house.clock.turn(_until_night(house, rental))

    await _ticks(house, ahead, 3)
    assert len(house.shelf.failures) == 7
    await _ticks(house, ahead, 300, apart=10 * MINUTE)

    kinds = [one.kind for one in await house.store.letters_of(rental.id)]
    assert kinds == [Kind.AHEAD_FAILED]
    assert (await _row(house, rental)).ahead_id is not None


async def test_a_large_one_asks_once_and_waits(house: House, ahead: Ahead) -> None:
    rental = await _ready(house)
    guess = Estimate(
        entries=1, bytes=10**11, to_send=10**11, cost=Usd.of(5), takes=timedelta(hours=5)
    )
    large = Failure(trouble=Trouble.TOO_LARGE, words="Too much.", estimate=guess)
    house.shelf.failures = [large, large]

    house.clock.turn(_until_night(house, rental))
    await _ticks(house, ahead, 20, apart=timedelta(hours=12))

    assert [one.kind for one in await house.store.letters_of(rental.id)] == [Kind.TOO_LARGE]
    assert len(house.shelf.failures) == 1
    assert (await _row(house, rental)).state is State.READY
    await house.desk.call_off(ADA, rental.id)
    house.clock.turn(timedelta(days=-8))
    await _ticks(house, ahead, 3, apart=timedelta(hours=12))
    assert (await _row(house, rental)).held == ""


async def test_a_wish_that_comes_meanwhile_is_left_as_it_is(house: House, ahead: Ahead) -> None:
    """The archive is in the books; the row of a machine that ends is not written upon."""
    rental = await _ready(house)
    house.clock.turn(_until_night(house, rental))
    await ahead.tick()
    await house.desk.end(ADA, rental.id)
    before = await _row(house, rental)

    await house.tasks.quiet()

    assert await _row(house, rental) == before


async def test_a_team_that_wants_no_nights_has_none(house: House, ahead: Ahead) -> None:
    """It takes effect while the machine runs; a size that asks is the team's as well."""
    rental = await _ready(house)
    shell = Policies(store=house.store)
    await shell.change(None, {"nightly": "off"})
    house.clock.turn(timedelta(days=2))
    await _ticks(house, ahead, 2)
    without = list(house.shelf.ran_for)

    await shell.change(None, {"nightly": "02:00", "save_size": "2 GB"})
    await _ticks(house, ahead, 2)

    assert without == []
    assert house.shelf.ran_for == [rental.id]
    assert house.shelf.caps[-1].bytes == 2 * 10**9
