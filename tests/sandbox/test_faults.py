"""Which faults strike where, and what those of a machine's life do."""

from __future__ import annotations

import pytest

from bot.sandbox.faults import Faults
from bot.sandbox.refusal import Refusal
from bot.sandbox.serve import Sandbox
from tests.sandbox.conftest import TUTORIAL, Turned, Vast, ask


def test_a_fault_strikes_as_often_as_asked() -> None:
    faults = Faults()
    faults.add("cut", times=2)

    struck = [faults.take("cut", {}) is not None for _ in range(3)]

    assert struck == [True, True, False]
    assert faults.in_force() == []


def test_a_fault_without_times_strikes_for_ever() -> None:
    faults = Faults()
    faults.add("html", times=None)

    assert all(faults.take("html", {}) is not None for _ in range(50))


def test_all_of_match_must_hold() -> None:
    """The path by a part of it, everything else as a whole."""
    faults = Faults()
    faults.add("slow", match={"method": "put", "path": "/asks/", "label": "a/1"}, seconds=3)
    facts = {"method": "PUT", "path": "/api/v0/asks/7/", "label": "a/1"}

    assert faults.take("slow", {**facts, "label": "a/12"}) is None
    assert faults.take("slow", {**facts, "method": "GET"}) is None
    assert faults.take("slow", facts) == {"seconds": 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "earthquake"},
        {"name": "slow", "speed": 3},
        {"name": "no_ssh", "match": {"path": "/asks/"}},
        {"name": "cut", "times": 0},
        {"name": "slow", "seconds": "long"},
        {"name": "slow", "seconds": float("nan")},
        {"name": "server_error", "status": 200},
        {"name": "unknown_state", "state": 7},
    ],
)
def test_what_a_fault_does_not_know_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Refusal):
        Faults().add(**wrong)  # type: ignore[arg-type]


def strike(sandbox: Sandbox, name: str, **takes: object) -> int:
    """Rent under a fault; the contract."""
    sandbox.faults.add(name, match={"offer_id": TUTORIAL}, **takes)
    return sandbox.world.rent(ask()).id


async def test_a_machine_may_stay_loading_for_ever(sandbox: Sandbox, clock: Turned) -> None:
    contract = sandbox.world.contract(strike(sandbox, "stuck_loading"))

    clock.turn(hours=2)
    sandbox.settle()

    assert (contract.actual, contract.intended) == ("loading", "running")


async def test_a_machine_may_die_loading(sandbox: Sandbox, clock: Turned) -> None:
    """First the error text, then the contract's words fall to stopped."""
    contract = sandbox.world.contract(strike(sandbox, "dies_loading", after_s=60))

    clock.turn(seconds=40)
    sandbox.settle()
    early = (contract.message, contract.intended)
    clock.turn(seconds=60)
    sandbox.settle()

    assert early[0] is not None
    assert "manifest unknown" in early[0]
    assert early[1] == "running"
    assert (contract.actual, contract.intended, contract.cur) == ("loading", "stopped", "stopped")


@pytest.mark.parametrize("state", ["exited", "offline"])
async def test_a_machine_may_die_later(sandbox: Sandbox, clock: Turned, state: str) -> None:
    contract = sandbox.world.contract(strike(sandbox, "dies_later", after_s=10, state=state))

    clock.turn(seconds=45)
    sandbox.settle()
    assert contract.actual == "running"
    clock.turn(seconds=1)
    sandbox.settle()

    assert (contract.actual, contract.intended) == (state, "running")


async def test_a_contract_may_cost_more_than_its_offer(sandbox: Sandbox) -> None:
    contract = sandbox.world.contract(strike(sandbox, "price_changed", factor=2))

    assert contract.gpu_rate == 594_000
    assert round(contract.row(sandbox.world.at)["dph_base"], 6) == 0.594


async def test_a_machine_may_show_late(sandbox: Sandbox, clock: Turned) -> None:
    contract = sandbox.world.contract(strike(sandbox, "late_list", seconds=90))

    clock.turn(seconds=89)
    assert sandbox.world.listed() == []
    clock.turn(seconds=1)
    assert sandbox.world.listed() == [contract]


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("offer_gone", 400, "no_such_ask"),
        ("offer_gone_410", 410, "no_such_ask"),
        ("low_credit", 400, "insufficient_credit"),
        ("bid_too_low", 400, "bid is too low"),
    ],
)
async def test_renting_may_be_refused(sandbox: Sandbox, name: str, status: int, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        strike(sandbox, name)

    assert refused.value.status == status
    assert ("new_contract" in refused.value.extra) is (name == "bid_too_low")


async def test_a_destroy_may_be_taken_and_not_done(sandbox: Sandbox, vast: Vast) -> None:
    """Vast says yes; the machine lives and costs."""
    contract = await vast.rent()
    sandbox.faults.add("destroy_ignored")

    status, told = await vast("DELETE", f"/api/v0/instances/{contract}/", {})

    assert (status, told["success"]) == (200, True)
    assert sandbox.world.contract(contract).alive
    await vast("DELETE", f"/api/v0/instances/{contract}/", {})
    assert not sandbox.world.contracts[contract].alive


async def test_a_destroy_may_be_done_later(sandbox: Sandbox, vast: Vast, clock: Turned) -> None:
    """It bills until then."""
    contract = await vast.rent()
    sandbox.faults.add("late_destroy", seconds=30)

    await vast("DELETE", f"/api/v0/instances/{contract}/", {})

    assert sandbox.world.contract(contract).alive
    clock.turn(seconds=31)
    sandbox.world.advance()
    assert not sandbox.world.contracts[contract].alive


async def test_the_list_and_the_number_may_disagree(sandbox: Sandbox, vast: Vast) -> None:
    """Each of the two can lie."""
    contract = await vast.rent()
    sandbox.world.contract(contract).visible_at = sandbox.world.at
    sandbox.faults.add("null_by_number")
    sandbox.faults.add("not_listed")

    _, one = await vast("GET", f"/api/v0/instances/{contract}/")
    _, listed = await vast("GET", "/api/v1/instances/")

    assert one == {"instances": None}
    assert listed["instances"] == []
    assert (await vast.one(contract))["id"] == contract


async def test_rows_may_be_odd(sandbox: Sandbox, vast: Vast) -> None:
    """A negative price, numbers as texts, fields that are missing."""
    contract = await vast.rent()
    sandbox.faults.add("negative_price")
    assert (await vast.one(contract))["dph_base"] < 0
    sandbox.faults.add("text_numbers")
    assert isinstance((await vast.one(contract))["dph_base"], str)
    sandbox.faults.add("missing_fields")
    assert "actual_status" not in await vast.one(contract)


async def test_a_list_may_announce_more_than_it_shows(sandbox: Sandbox, vast: Vast) -> None:
    """Somewhere a machine is missing."""
    sandbox.faults.add("short_list")

    _, listed = await vast("GET", "/api/v1/instances/")

    assert (listed["total_instances"], listed["instances"]) == (1, [])


@pytest.mark.parametrize(
    ("change", "field", "shown"),
    [
        ({"gpu_per_hour": 0.9}, "dph_base", 0.9),
        ({"state": "outbid"}, "is_bid", True),
        ({"state": "outbid"}, "intended_status", "stopped"),
    ],
)
async def test_hosts_and_bidders_change_a_machine(
    sandbox: Sandbox, vast: Vast, change: dict[str, object], field: str, shown: object
) -> None:
    """By the control API."""
    contract = await vast.rent()

    status, _ = await vast("PUT", f"/sandbox/instances/{contract}", change)

    assert status == 200
    assert (await vast.one(contract))[field] == shown


async def test_a_host_may_end_its_offer(sandbox: Sandbox, vast: Vast, clock: Turned) -> None:
    """Vast stops the machine at that moment."""
    contract = await vast.rent()

    await vast("PUT", f"/sandbox/instances/{contract}", {"offer_ends_in_s": 600})

    assert (await vast.one(contract))["end_date"] == clock().timestamp() + 600
    clock.turn(seconds=601)
    assert (await vast.one(contract))["intended_status"] == "stopped"
