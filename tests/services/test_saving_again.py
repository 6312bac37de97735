"""Archives that do not come about: tried again, asked about, called off; over both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.access import Actor
from bot.domain.archive_costs import Estimate
from bot.domain.archives import Failure
from bot.domain.archives import Trouble as ArchiveTrouble
from bot.domain.letters import Kind
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import Reason, Rental, State
from bot.ports.books import Store
from bot.services.desk import Place
from tests.builders import CHANNEL, GUILD, OWNER, SetClock, an_offer
from tests.services.worlds import DictMarket, House

ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")
LEA = Actor(id=OWNER + 2, guild_id=GUILD, name="lea", lead=True)


@pytest.fixture
def house(store: Store, clock: SetClock) -> House:
    return House(store=store, market=DictMarket(offers=[an_offer(id=1)]), clock=clock)


async def _row(house: House, rental: Rental) -> Rental:
    row = await house.store.rental(rental.id)
    assert row is not None
    return row


async def _ready(house: House) -> Rental:
    quote = await house.desk.quote(ADA, Place(GUILD, CHANNEL), Wish())
    rental = await house.desk.rent(ADA, quote.id)
    await house.passes(2)
    return await _row(house, rental)


async def _wish(house: House, rental: Rental, **wish: object) -> None:
    await house.store.apply(replace(await _row(house, rental), **wish), event="wished by a test")


async def _letters(house: House, rental: Rental) -> list[Kind]:
    return [one.kind for one in await house.store.letters_of(rental.id)]


async def test_a_persons_end_is_tried_again_until_it_works(house: House) -> None:
    """Ten minutes later, then twenty; the third failure is told to the leads, too."""
    rental = await _ready(house)
    full = Failure(trouble=ArchiveTrouble.IN_USE, words="Files kept changing.")
    house.shelf.failures = [full, full, full]

    await _wish(house, rental, released_at=house.clock.now(), ended_by=ADA.id)
    await house.passes(3, apart=timedelta(minutes=4))
    assert (await _row(house, rental)).save_fails == 1
    await house.passes(1, apart=timedelta(minutes=19))
    assert (await _row(house, rental)).save_fails == 2
    await house.passes(1, apart=timedelta(minutes=2))
    assert (await _row(house, rental)).save_fails == 2
    await house.passes(1, apart=timedelta(minutes=40))
    assert (await _row(house, rental)).save_fails == 3
    await house.passes(4)

    row = await _row(house, rental)
    assert (row.state, row.save_fails, row.save_next_at) == (State.CLOSED, 0, None)
    told = await _letters(house, rental)
    assert told.count(Kind.SAVE_FAILED) == 3
    assert told.count(Kind.SAVE_FAILED_LEADS) == 1


async def test_an_end_that_nobody_asked_for_is_taken_back_when_its_archive_fails(
    house: House,
) -> None:
    """It must be judged anew; and not before its time."""
    rental = await _ready(house)
    house.shelf.failures = [Failure(trouble=ArchiveTrouble.IN_USE, words="Files kept changing.")]

    await _wish(house, rental, released_at=house.clock.now(), reason=Reason.IDLE)
    await house.passes(6)

    row = await _row(house, rental)
    assert (row.state, row.released_at, row.reason) == (State.READY, None, None)
    assert row.save_next_at is not None


@pytest.mark.parametrize("wish", ["end", "save", "idle"])
async def test_an_archive_above_the_caps_asks_first(house: House, wish: str) -> None:
    """Nothing begins and nothing ends before somebody has agreed; then it goes on."""
    rental = await _ready(house)
    guess = Estimate(
        entries=9, bytes=40 * 10**9, to_send=40 * 10**9, cost=Usd.of(3),
        takes=timedelta(hours=3), largest=(("data", 39 * 10**9),),
    )  # fmt: skip
    large = Failure(trouble=ArchiveTrouble.TOO_LARGE, words="Too much.", estimate=guess)
    house.shelf.failures = [large]
    now = house.clock.now()
    wishes: dict[str, dict[str, object]] = {
        "end": {"released_at": now, "ended_by": ADA.id, "reason": Reason.RELEASED},
        "save": {"save_asked_at": now},
        "idle": {"released_at": now, "reason": Reason.IDLE},
    }

    await _wish(house, rental, **wishes[wish])
    await house.passes(20, apart=timedelta(minutes=30))

    row = await _row(house, rental)
    assert row.state is State.READY
    assert "40.0 GB" in row.held
    assert "data 39.0 GB" in row.held
    assert await _letters(house, rental) == [Kind.TOO_LARGE]
    assert house.shelf.ran_for == []
    assert house.market.destroyed == []

    agreed = await house.desk.allow_archive(ADA, rental.id, ends=wish == "idle")
    assert agreed.save_allowed == "owner"
    await house.passes(6)

    row = await _row(house, rental)
    assert house.shelf.ran_for
    assert (row.held, row.save_allowed) == ("", "")
    assert row.state is (State.READY if wish == "save" else State.CLOSED)


async def test_what_is_far_above_the_caps_needs_a_lead(house: House) -> None:
    """The owner's word is not enough; the leads are asked as well."""
    rental = await _ready(house)
    guess = Estimate(
        entries=9, bytes=10**12, to_send=10**12, cost=Usd.of(30), takes=timedelta(hours=30)
    )
    large = Failure(trouble=ArchiveTrouble.TOO_LARGE, words="Too much.", estimate=guess)
    house.shelf.failures = [large, large]
    await house.desk.save(ADA, rental.id)
    await house.passes(2)
    await house.desk.allow_archive(ADA, rental.id, ends=False)
    await house.passes(2)
    assert await _letters(house, rental) == [
        *(Kind.SAVED, Kind.TOO_LARGE, Kind.TOO_LARGE, Kind.TOO_LARGE_LEADS)
    ]

    await house.desk.allow_archive(LEA, rental.id, ends=False)
    await house.passes(3)

    row = await _row(house, rental)
    assert row.archive_id is not None
    assert row.state is State.READY


@pytest.mark.parametrize("how", ["call_off", "keep"])
async def test_a_wish_that_waits_can_be_called_off(house: House, how: str) -> None:
    """Then nothing is tried any more."""
    rental = await _ready(house)
    house.shelf.failures = [Failure(trouble=ArchiveTrouble.NO_TOOLS, words="No tar.")]
    await house.desk.end(ADA, rental.id)
    await house.passes(4)

    if how == "keep":
        await house.desk.keep(ADA, rental.id, house.clock.now() + timedelta(hours=4))
    else:
        await house.desk.call_off(ADA, rental.id)
    await house.passes(10, apart=timedelta(hours=1))

    row = await _row(house, rental)
    assert (row.state, row.released_at, row.ended_by) == (State.READY, None, None)
    assert house.shelf.ran_for == []


async def test_pressing_destroy_again_tries_at_once(house: House) -> None:
    rental = await _ready(house)
    house.shelf.failures = [Failure(trouble=ArchiveTrouble.IN_USE, words="Files kept changing.")]
    await house.desk.end(ADA, rental.id)
    await house.passes(2)

    await house.desk.end(ADA, rental.id)
    await house.passes(4)

    assert (await _row(house, rental)).state is State.CLOSED


async def test_a_machine_that_vanished_says_which_archive_there_is(house: House) -> None:
    """Its owner is written to; the archive of last night is what there is."""
    rental = await _ready(house)
    await _wish(house, rental, ahead_id="night", ahead_at=house.clock.now())
    house.market.alive.clear()

    await house.passes(8, apart=timedelta(minutes=1))

    row = await _row(house, rental)
    assert (row.state, row.reason, row.ahead_id) == (State.CLOSED, Reason.VANISHED, "night")
    assert set(await _letters(house, rental)) == {Kind.VANISHED, Kind.RECEIPT}
