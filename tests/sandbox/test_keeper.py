"""What the keeper asks of the yard, in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from bot.sandbox.life import FOREVER_S
from bot.sandbox.serve import Sandbox
from bot.sandbox.yard import NoMachines, Plan
from tests.sandbox.conftest import TIMING, Turned, ask


class Book(NoMachines):
    """A yard that writes down what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.plans: list[Plan] = []
        self.carried = (0, 0)
        self.broken = False

    async def start(self, plan: Plan, *, keys: Sequence[str], ssh_after_s: float) -> int:
        await asyncio.sleep(0)
        if self.broken:
            raise OSError("no port is free")
        self.plans.append(plan)
        self.asked.append(("start", tuple(keys), ssh_after_s))
        return 2222

    async def stop(self, contract: int) -> None:
        await asyncio.sleep(0)
        self.asked.append(("stop",))

    async def remove(self, contract: int) -> None:
        self.asked.append(("remove",))

    def set_keys(self, contract: int, keys: Sequence[str]) -> None:
        self.asked.append(("keys", tuple(keys)))

    def set_gpu(self, contract: int, *, util: float, vram_mb: int) -> None:
        self.asked.append(("gpu", util, vram_mb))

    def traffic(self, contract: int) -> tuple[int, int]:
        return self.carried


@pytest.fixture
def yard() -> Book:
    return Book()


@pytest.fixture
async def sandbox(yard: Book, clock: Turned) -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(yard=yard, timing=TIMING, now=clock)
    await sandbox.start()
    yield sandbox
    await sandbox.close()


async def test_a_machine_is_built_when_it_runs(sandbox: Sandbox, yard: Book, clock: Turned) -> None:
    """With the account's keys; its port shows in the row only then."""
    sandbox.world.account.add_key("ssh-ed25519 AAAA", clock())
    contract = sandbox.world.rent(ask(label="a/1", env={"A": "b"}, onstart="touch x"))
    clock.turn(seconds=35)
    await sandbox.settled()
    assert yard.asked == []
    assert contract.row(clock())["ports"] == {}

    clock.turn(seconds=1)
    await sandbox.settled()

    assert yard.asked[0] == ("start", ("ssh-ed25519 AAAA",), 2)
    assert yard.plans == [contract.plan()]
    assert (yard.plans[0].gpu_name, yard.plans[0].vram_mb) == ("RTX A5000", 24564)
    row = contract.row(clock())
    assert row["ports"] == {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "2222"}]}
    assert (row["ssh_host"], row["ssh_port"]) == ("127.0.0.1", 2222)


async def test_errands_of_a_machine_keep_their_order(
    sandbox: Sandbox, yard: Book, clock: Turned
) -> None:
    contract = sandbox.world.rent(ask())
    clock.turn(seconds=36)
    await sandbox.settled()
    yard.asked.clear()

    sandbox.world.set_gpu(contract.id, util=93.0, vram_mb=9000)
    sandbox.world.set_keys(contract, {1: "ssh-ed25519 BBBB"})
    sandbox.world.stop(contract.id)
    clock.turn(seconds=1)
    sandbox.settle()
    sandbox.world.start(contract.id)
    clock.turn(seconds=2)
    sandbox.settle()
    sandbox.world.destroy(contract.id)
    await sandbox.settled()

    assert [each[0] for each in yard.asked][-1] == "remove"
    assert [each[0] for each in yard.asked if each[0] in ("stop", "remove")] == ["stop", "remove"]


async def test_gpu_load_and_keys_reach_a_machine_that_stands(
    sandbox: Sandbox, yard: Book, clock: Turned
) -> None:
    contract = sandbox.world.rent(ask())
    clock.turn(seconds=36)
    await sandbox.settled()
    yard.asked.clear()

    sandbox.world.set_gpu(contract.id, util=93.0, vram_mb=9000)
    sandbox.world.set_keys(contract, {1: "ssh-ed25519 BBBB"})
    await sandbox.settled()

    assert yard.asked == [("gpu", 93.0, 9000), ("keys", ("ssh-ed25519 BBBB",))]


async def test_the_last_bytes_of_a_machine_are_billed(
    sandbox: Sandbox, yard: Book, clock: Turned
) -> None:
    """They are read before the machine is removed."""
    contract = sandbox.world.rent(ask())
    clock.turn(seconds=36)
    await sandbox.settled()

    yard.carried = (10**9, 2 * 10**9)
    sandbox.settle()
    sandbox.world.destroy(contract.id)
    await sandbox.settled()

    billed = contract.meter.billed()
    assert (billed["upload"], billed["download"]) == (20_000, 40_000)


@pytest.mark.parametrize(
    ("fault", "takes", "ssh_after_s"),
    [("no_ssh", {}, FOREVER_S), ("slow_ssh", {"seconds": 45}, 45)],
)
async def test_ssh_may_be_late_or_never_come(
    sandbox: Sandbox,
    yard: Book,
    clock: Turned,
    fault: str,
    takes: dict[str, object],
    ssh_after_s: float,
) -> None:
    sandbox.faults.add(fault, **takes)
    sandbox.world.rent(ask())

    clock.turn(seconds=36)
    await sandbox.settled()

    assert yard.asked[0] == ("start", (), ssh_after_s)


async def test_keys_may_never_reach_the_machine(
    sandbox: Sandbox, yard: Book, clock: Turned
) -> None:
    sandbox.world.account.add_key("ssh-ed25519 AAAA", clock())
    sandbox.faults.add("no_keys")
    sandbox.world.rent(ask())

    clock.turn(seconds=36)
    await sandbox.settled()

    assert yard.asked[:2] == [("start", (), 2), ("keys", ())]


async def test_a_machine_that_cannot_be_built_has_exited(
    sandbox: Sandbox, yard: Book, clock: Turned
) -> None:
    """The market goes on; the trouble is in the log."""
    yard.broken = True
    contract = sandbox.world.rent(ask())

    clock.turn(seconds=36)
    await sandbox.settled()

    assert contract.actual == "exited"
    assert contract.port is None
