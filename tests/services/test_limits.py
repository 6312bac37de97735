"""The team's policy about renting and archiving, in force at the next pass, over both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from bot.domain.access import Actor
from bot.domain.archive_costs import BY_LEAD, BY_OWNER, WITHOUT, Caps
from bot.domain.images import DEFAULT
from bot.domain.limits import Limits
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import Phase, Reason, Rental, State, Status
from bot.domain.retries import Allowed
from bot.ports.books import Store
from bot.services.desk import Place
from bot.services.policy import Policies
from tests.builders import CHANNEL, GUILD, OWNER, SetClock, an_offer, some_rates
from tests.services.worlds import DictMarket, House

ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(store: Store, clock: SetClock) -> House:
    offers = [an_offer(id=number, machine_id=100 + number) for number in range(1, 6)]
    return House(store=store, market=DictMarket(offers=offers), clock=clock)


@pytest.fixture
def shell(store: Store) -> Policies:
    """Another process, which shares nothing with the house but the books."""
    return Policies(store=store)


async def _asked(house: House) -> Rental:
    quote = await house.desk.quote(ADA, Place(GUILD, CHANNEL), Wish())
    return await house.desk.rent(ADA, quote.id)


async def _row(house: House, rental: Rental) -> Rental:
    row = await house.store.rental(rental.id)
    assert row is not None
    return row


@pytest.mark.parametrize("address", ["loading", "preset/{preset}/loading"])
async def test_a_deadline_that_is_set_holds_at_the_next_pass(
    house: House, shell: Policies, address: str
) -> None:
    """For all, or for the machines of a preset; without a restart."""
    house.market.status = Status.STARTING
    rental = await _asked(house)
    await house.passes(2)
    house.clock.turn(6 * MINUTE)
    await house.passes()
    patient = (await _row(house, rental)).state

    await shell.change(None, {address.format(preset=rental.image.name): "5m"})
    await house.passes(2)

    row = await _row(house, rental)
    assert patient is State.BOOTING
    assert Reason.TOO_SLOW in (row.reason, *(one.reason for one in row.tries))


async def test_a_deadline_of_another_preset_is_not_this_ones(house: House, shell: Policies) -> None:
    house.market.status = Status.STARTING
    rental = await _asked(house)
    assert rental.image.name != "plain"
    await shell.change(None, {"preset/plain/loading": "5m"})
    await house.passes(2)
    house.clock.turn(6 * MINUTE)

    await house.passes(2)

    assert (await _row(house, rental)).state is State.BOOTING


@pytest.mark.parametrize("wish", [{"tries": "1"}, {"tries_cost": "$0.05"}])
async def test_after_so_many_tries_or_dollars_no_other_machine_is_tried(
    house: House, shell: Policies, wish: dict[str, str]
) -> None:
    """Three and a dollar by default, which would have let it be replaced."""
    await shell.change(None, wish)
    house.market.status = Status.STARTING
    rental = await _asked(house)
    await house.passes(2)
    house.clock.turn(timedelta(hours=5))

    await house.passes(8)

    assert (await _row(house, rental)).state is State.CLOSED
    assert len(house.market.orders) == 1


async def test_how_long_a_dearer_machine_waits_is_the_teams(house: House, shell: Policies) -> None:
    """Half an hour by default."""
    await shell.change(None, {"dearer_answer": "2h"})
    house.market.offers = [
        an_offer(id=1, machine_id=101),
        an_offer(id=2, machine_id=102, rates=some_rates(gpu_per_hour=Usd.of("9"))),
    ]
    house.market.bad_machines = {101}
    rental = await _asked(house)

    await house.passes(8)

    row = await _row(house, rental)
    assert row.proposal is not None
    assert row.proposed_until is not None
    assert row.proposed_until - row.phase_at == 2 * timedelta(hours=1)


async def test_how_long_a_failed_host_is_remembered_is_the_teams(
    house: House, shell: Policies
) -> None:
    """For who chooses an offer, and for what replaces a machine."""
    house.market.bad_machines = {101}
    await _asked(house)
    await house.passes(8)
    house.clock.turn(timedelta(hours=2))
    remembered = await house.offers.failed()

    await shell.change(None, {"grudge": "1h"})

    assert set(remembered) == {101}
    assert not await house.offers.failed()


async def test_limits_given_at_the_start_hold_until_one_is_set(store: Store) -> None:
    """A demonstration is impatient, and its settings say so; what is set wins one by one."""
    given = Limits(loading=7 * MINUTE, answer=3 * MINUTE)
    policies = Policies(store=store, limits=given)
    before = policies.limits(await policies.values())

    await policies.change(None, {"ssh": "2m", "tries": "5", "preset/plain/loading": "1h"})
    values = await policies.values()

    assert before == given
    assert policies.limits(values) == replace(given, ssh=2 * MINUTE, tries=5)
    assert policies.limits(values, preset="plain").loading == timedelta(hours=1)


async def test_what_may_be_archived_unasked_is_the_teams(house: House, shell: Policies) -> None:
    """By nobody's yes, by the owner's, by a lead's; a yes never allows less."""
    rental = await _asked(house)
    rows = [replace(rental, save_allowed=one) for one in Allowed]
    usual = [await shell.caps(row) for row in rows]

    await shell.change(
        None, {"save_size": "500 GB", "save_cost": "$7", "lead_time": "2 days", "lead_cost": "$5"}
    )
    now = [await shell.caps(row) for row in rows]

    assert usual == [BY_OWNER, BY_LEAD, WITHOUT]
    assert now == [
        Caps(bytes=500 * 10**9, cost=Usd.of(7), takes=BY_OWNER.takes),
        Caps(bytes=500 * 10**9, cost=Usd.of(7), takes=timedelta(days=2)),
        WITHOUT,
    ]


async def test_a_save_goes_by_the_caps_of_the_moment(house: House, shell: Policies) -> None:
    """Set while the machine runs."""
    rental = await _asked(house)
    await house.passes(2)
    assert (await _row(house, rental)).phase is Phase.REACHABLE
    await shell.change(None, {"save_size": "3 GB"})

    await house.desk.save(ADA, rental.id)
    await house.passes(3)

    assert [caps.bytes for caps in house.shelf.caps] == [3 * 10**9]


async def test_nights_without_an_archive_or_at_another_hour(house: House, shell: Policies) -> None:
    """Off, at an hour, or as before: when quiet hours begin."""
    rental = await _asked(house)
    await shell.change(None, {"quiet": "22-8"})
    usual = await shell.rules(rental)
    await shell.change(None, {"nightly": "4:30"})
    chosen = await shell.rules(rental)
    await shell.change(None, {"nightly": "off"})
    none = await shell.rules(rental)

    assert (usual.nightly, usual.night) == (True, None)
    assert (chosen.nightly, chosen.night) == (True, time(4, 30))
    assert not none.nightly


def test_presets_are_what_the_tests_above_take_them_for() -> None:
    assert DEFAULT.name != "plain"
