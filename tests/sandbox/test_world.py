"""The market's states and money under a clock that the tests turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.sandbox.contracts import Contract
from bot.sandbox.life import Timing
from bot.sandbox.refusal import Refusal
from bot.sandbox.world import World
from tests.sandbox.conftest import TUTORIAL, Turned, ask

Making = Callable[..., World]


def billed(world: World, contract: Contract) -> dict[Any, int]:
    world.advance()
    contract.meter.run(world.at)
    return contract.meter.billed()


def words(contract: Contract) -> tuple[str | None, str, str, str]:
    return contract.actual, contract.intended, contract.cur, contract.next


def test_a_machine_loads_and_then_runs(world: World, clock: Turned) -> None:
    """null, loading with layer texts, running with its success message."""
    contract = world.rent(ask(label="a"))
    assert words(contract) == (None, "running", "running", "running")

    clock.turn(seconds=20)
    world.advance()
    assert contract.actual == "loading"
    assert contract.message == "9be42d07c5b1: Download complete"

    clock.turn(seconds=16)
    world.advance()
    assert contract.actual == "running"
    assert contract.message == "success, running pytorch_1/ssh"
    assert contract.running_at == clock.at


def test_gpu_time_is_free_while_loading_and_storage_is_not(world: World, clock: Turned) -> None:
    """36 s loading and an hour running: GPU 297,000; storage 1.01 h at 6,940 = 7,009.4."""
    contract = world.rent(ask())

    clock.turn(hours=1, seconds=36)

    assert billed(world, contract) == {
        "gpu": 297_000,
        "storage": 7_009,
        "download": 0,
        "upload": 0,
    }


def test_a_turned_clock_bills_as_a_waited_one(make_world: Making, clock: Turned) -> None:
    """Steps fall where they are due, however far the clock leaps."""
    leaping, waiting = make_world(), make_world()
    one, other = leaping.rent(ask()), waiting.rent(ask())

    for _ in range(50):
        clock.turn(seconds=7.3)
        waiting.advance()

    assert billed(leaping, one) == billed(waiting, other)
    assert one.running_at == other.running_at


def test_a_stopped_machine_bills_its_disk_only(world: World, clock: Turned) -> None:
    """The container is down a second after the stop; 16 h of 10 GB stopped cost 111,040."""
    contract = world.rent(ask())
    clock.turn(seconds=36)
    world.stop(contract.id)
    assert words(contract) == ("running", "stopped", "running", "stopped")

    clock.turn(seconds=1)
    before = billed(world, contract)
    assert words(contract) == ("exited", "stopped", "stopped", "stopped")
    clock.turn(hours=16)
    after = billed(world, contract)

    assert (
        before["gpu"] == after["gpu"] == 83
    )  # one second at 0.297 an hour is 82.5, rounded half up
    assert after["storage"] - before["storage"] in (111_040, 111_041)


def test_an_offline_host_bills_nothing(world: World, clock: Turned) -> None:
    contract = world.rent(ask())
    clock.turn(hours=1)
    world.become(contract.id, "offline")
    before = billed(world, contract)

    clock.turn(hours=5)

    assert billed(world, contract) == before
    assert contract.actual == "offline"


def test_a_destroyed_machine_bills_nothing_and_its_offer_comes_back(
    world: World, clock: Turned
) -> None:
    contract = world.rent(ask())
    assert world.is_taken(TUTORIAL)
    clock.turn(hours=1)

    world.destroy(contract.id)
    before = billed(world, contract)
    clock.turn(hours=5)

    assert billed(world, contract) == before
    assert not world.is_taken(TUTORIAL)
    assert contract.state == "destroyed"
    with pytest.raises(Refusal, match="no_such_instance"):
        world.destroy(contract.id)


def test_an_offer_is_rented_once(world: World) -> None:
    world.rent(ask())

    with pytest.raises(Refusal, match="no_such_ask"):
        world.rent(ask())


def test_bytes_are_billed_both_ways(world: World, clock: Turned) -> None:
    """3 GB up and 2 GB down at $0.02: 60,000 and 40,000; told again, nothing is added."""
    contract = world.rent(ask())
    clock.turn(minutes=1)
    world.advance()

    world.carried(contract, 3 * 10**9, 10**9)
    world.carried(contract, 3 * 10**9, 2 * 10**9)
    world.carried(contract, 3 * 10**9, 2 * 10**9)

    assert (billed(world, contract)["upload"], billed(world, contract)["download"]) == (
        60_000,
        40_000,
    )


def test_credit_is_what_was_paid_in_less_every_bill(world: World, clock: Turned) -> None:
    contracts = [world.rent(ask(offer_id)) for offer_id in list(world.offers)[:4]]
    clock.turn(hours=3, seconds=17)
    world.destroy(contracts[0].id)
    clock.turn(minutes=7)

    total = sum(sum(billed(world, each).values()) for each in contracts)

    assert total > 0
    assert world.credit() == 100_000_000 - total


def test_everything_stops_when_the_credit_is_used_up(make_world: Making, clock: Turned) -> None:
    """$0.30394 is an hour with 10 GB; the second hour bills the disk only, below zero."""
    world = make_world(credit=303_940, timing=Timing(load_s=0))
    contract = world.rent(ask())

    clock.turn(hours=2)

    assert billed(world, contract) == {
        "gpu": 297_000,
        "storage": 13_880,
        "download": 0,
        "upload": 0,
    }
    assert words(contract) == ("exited", "stopped", "stopped", "stopped")
    assert world.credit() == -6_940
    with pytest.raises(Refusal, match="missing_billing"):
        world.start(contract.id)
    with pytest.raises(Refusal, match="insufficient_credit"):
        world.rent(ask(list(world.offers)[1]))


def test_a_machine_that_loads_is_given_up_without_credit(make_world: Making, clock: Turned) -> None:
    """`actual_status` stays loading; the contract's words say stopped."""
    world = make_world(credit=2_000, timing=Timing(load_s=3600))
    contract = world.rent(ask())

    clock.turn(minutes=30)
    world.advance()

    assert words(contract) == ("loading", "stopped", "stopped", "stopped")
    assert world.credit() < 0


def test_credit_paid_in_lets_a_stopped_machine_start_again(
    make_world: Making, clock: Turned
) -> None:
    world = make_world(credit=303_940, timing=Timing(load_s=0, start_s=2))
    contract = world.rent(ask())
    clock.turn(hours=2)

    world.set_credit(5_000_000)
    world.start(contract.id)
    assert words(contract) == ("exited", "running", "running", "running")
    clock.turn(seconds=2)
    world.advance()

    assert contract.up
    assert world.credit() <= 5_000_000


def test_a_start_waits_for_a_taken_gpu_and_gets_it_when_it_is_free(
    world: World, clock: Turned
) -> None:
    """200 with success false, the change queued; a stopped machine holds no GPU."""
    first = world.rent(ask())
    clock.turn(seconds=40)
    world.stop(first.id)
    clock.turn(seconds=1)
    second = world.rent(ask())

    with pytest.raises(Refusal, match="resources_unavailable"):
        world.start(first.id)
    assert words(first) == ("exited", "running", "stopped", "running")
    clock.turn(seconds=10)
    world.destroy(second.id)
    clock.turn(seconds=2)
    world.advance()

    assert first.up


def test_a_start_whose_gpu_stays_taken_falls_back_to_stopped(world: World, clock: Turned) -> None:
    contract = world.rent(ask())
    clock.turn(seconds=40)
    world.stop(contract.id)
    clock.turn(seconds=1)
    world.advance()
    world.taken.add(TUTORIAL)

    with pytest.raises(Refusal, match="resources_unavailable"):
        world.start(contract.id)
    clock.turn(seconds=31)
    world.advance()

    assert words(contract) == ("exited", "stopped", "stopped", "stopped")


def test_lists_lag_behind(world: World, clock: Turned) -> None:
    """Five seconds here: a new machine is not in them yet, a destroyed one still is."""
    contract = world.rent(ask())
    assert world.listed() == []
    clock.turn(seconds=5)
    assert world.listed() == [contract]

    world.destroy(contract.id)
    assert world.listed() == [contract]
    clock.turn(seconds=5)
    assert world.listed() == []


def test_a_reboot_keeps_the_gpu_and_bills_it_only_while_up(world: World, clock: Turned) -> None:
    contract = world.rent(ask())
    clock.turn(seconds=36)
    world.reboot(contract.id)
    assert contract.actual == "rebooting"
    assert world.is_taken(TUTORIAL)

    clock.turn(seconds=2)
    world.advance()

    assert contract.up
    assert [errand.do for errand in world.errands()] == ["start", "stop", "start"]
    assert billed(world, contract)["gpu"] == 0


def test_a_contract_ends_with_its_offer(world: World, clock: Turned) -> None:
    """At `end_date` the machine is stopped."""
    contract = world.rent(ask())
    world.set_credit(10_000_000_000)

    clock.turn(days=121)
    world.advance()

    assert words(contract) == ("exited", "stopped", "stopped", "stopped")
    assert contract.stopped_at == contract.offer.ends_at


def test_a_bid_below_the_floor_is_refused_and_leaves_a_stopped_contract(world: World) -> None:
    """The error names it; it bills its disk until it is destroyed."""
    with pytest.raises(Refusal) as refused:
        world.rent(ask(bid=100_000))

    contract = world.contract(int(str(refused.value.extra["new_contract"])))
    assert words(contract) == (None, "stopped", "stopped", "stopped")
    assert not world.is_taken(TUTORIAL)


def test_a_bid_is_the_price(make_world: Making, clock: Turned) -> None:
    world = make_world(timing=Timing(load_s=0))
    contract = world.rent(ask(bid=250_000))

    clock.turn(hours=1)

    assert billed(world, contract)["gpu"] == 250_000


@pytest.mark.parametrize("disk_gb", [7.9, 100_000])
def test_a_disk_must_fit(world: World, disk_gb: float) -> None:
    with pytest.raises(Refusal, match="disk"):
        world.rent(ask(disk_gb=disk_gb))


def test_a_new_machine_has_the_keys_of_the_account(world: World) -> None:
    world.account.add_key("ssh-ed25519 AAAA one\n", world.at)

    contract = world.rent(ask())

    assert contract.machine_keys() == ["ssh-ed25519 AAAA one"]
