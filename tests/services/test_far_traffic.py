"""What relays carried, as the worker knows it: a person's last act, and bytes, counted once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.adapters.jupyter.documents import JupyterDocuments
from bot.domain.rentals import RentalId
from bot.ports.books import Store
from bot.ports.recordings import Recording
from bot.services.calls import Calls
from bot.services.far_outputs import LEFT, FarOutputs, answer_flush
from bot.services.far_traffic import BYTES_EVERY, TrafficHearer, TrafficTeller
from bot.services.onlooker import Onlooker
from bot.services.outputs import Outputs
from bot.services.roll import RELAY, THERE, WORKER, Roll
from bot.services.routes import Routes, Traffic
from bot.tasks import Tasks
from tests.builders import NOW, SetClock, begun
from tests.e2e.programs import until
from tests.services.wires import Wires


@dataclass
class Relay:
    """One relay, as far as it tells."""

    traffic: Traffic
    outputs: Outputs
    teller: TrafficTeller
    roll: Roll


def a_relay(store: Store, clock: SetClock, name: str) -> Relay:
    traffic, outputs = Traffic(), Outputs(documents=JupyterDocuments(), routes=Routes())
    return Relay(
        traffic,
        outputs,
        TrafficTeller(traffic=traffic, outputs=outputs, store=store, process_id=name),
        Roll(store=store, clock=clock, process_id=name, role=RELAY),
    )


@pytest.fixture
def roll(store: Store, clock: SetClock) -> Roll:
    return Roll(store=store, clock=clock, process_id="worker-1", role=WORKER)


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    made = Tasks()
    yield made
    await made.aclose()


async def test_the_last_act_of_a_person_is_known_whichever_relay_carried_it(
    store: Store, clock: SetClock, roll: Roll
) -> None:
    """The newest of all counts, and the bytes of all together."""
    rental = await begun(store)
    book = Traffic()
    hearer = TrafficHearer(traffic=book, store=store, roll=roll)
    await hearer.hear()
    one, two = a_relay(store, clock, "relay-1"), a_relay(store, clock, "relay-2")
    one.traffic.human(rental.id, NOW + timedelta(minutes=2))
    one.traffic.carry(rental.id, 100)
    two.traffic.human(rental.id, NOW)
    two.traffic.carry(rental.id, 10)

    await one.teller.tell()
    await two.teller.tell()
    await hearer.hear()
    await hearer.hear()

    assert book.last_human(rental.id) == NOW + timedelta(minutes=2)
    assert book.carried(rental.id) == 110


async def test_what_was_carried_before_a_worker_began_is_no_news(
    store: Store, clock: SetClock, roll: Roll
) -> None:
    """Taken off what the machine itself counted, it would hide a download."""
    rental = await begun(store)
    relay = a_relay(store, clock, "relay-1")
    relay.traffic.human(rental.id, NOW)
    relay.traffic.carry(rental.id, 5_000_000)
    await relay.teller.tell()
    book = Traffic()
    hearer = TrafficHearer(traffic=book, store=store, roll=roll)

    await hearer.hear()
    assert book.carried(rental.id) == 0
    assert book.last_human(rental.id) == NOW

    relay.traffic.carry(rental.id, 7)
    for _ in range(BYTES_EVERY):
        await relay.teller.tell()
    await hearer.hear()
    assert book.carried(rental.id) == 7


async def test_a_kernel_that_a_relay_keeps_is_nobodys_tab_while_it_is_there(
    store: Store, clock: SetClock, roll: Roll
) -> None:
    """A dead relay keeps nothing: what it told of that does not count any more."""
    rental = await begun(store)
    relay = a_relay(store, clock, "relay-1")
    talk = relay.outputs.talk(rental.id, "k1", "s1")
    talk.kept = True
    relay.traffic.carry(rental.id, 1)
    hearer = TrafficHearer(traffic=Traffic(), store=store, roll=roll)
    await relay.roll.sign()
    await relay.teller.tell()

    await hearer.hear()
    assert hearer.kept(rental.id, "k1") == 1
    assert hearer.kept(rental.id, "k2") == 0

    clock.turn(THERE + timedelta(seconds=1))
    await hearer.hear()
    assert hearer.kept(rental.id, "k1") == 0


@dataclass
class Asked:
    """A worker's side of outputs, and a relay's answers."""

    far: FarOutputs
    relay: Relay
    flushed: list[RentalId]


@pytest.fixture
async def asked(store: Store, clock: SetClock, roll: Roll, tasks: Tasks) -> Asked:
    wires, flushed = Wires(), []
    relay = a_relay(store, clock, "relay-1")

    async def flush(rental_id: RentalId) -> str:
        flushed.append(rental_id)
        return "Output of x could not be written." if rental_id == "lost" else ""

    async def nothing() -> None:
        return None

    relay.outputs.flush = flush  # type: ignore[method-assign]
    answer_flush(Calls(wires=wires, tasks=tasks), relay.outputs, nothing)
    hearer = TrafficHearer(traffic=Traffic(), store=store, roll=roll)
    calls = Calls(wires=wires, tasks=tasks)
    return Asked(FarOutputs(calls=calls, roll=roll, hearer=hearer, store=store), relay, flushed)


async def test_before_an_archive_the_relays_write_what_they_keep(asked: Asked) -> None:
    """And say in words what they could not."""
    await asked.relay.roll.sign()

    assert await asked.far.flush(RentalId("r1")) == ""
    assert await asked.far.flush(RentalId("lost")) == "Output of x could not be written."
    assert asked.flushed == ["r1", "lost"]


async def test_what_a_dead_relay_kept_is_said_not_to_be_in_the_archive(
    asked: Asked, store: Store
) -> None:
    """Nobody can write it before another relay has taken it over."""
    rental = await begun(store)
    recording = Recording(key="a" * 64, rental_id=rental.id, number=1, state="{}")
    await store.keep_recordings([recording], keeper="relay-0")

    assert await asked.far.flush(rental.id) == LEFT
    await asked.relay.roll.sign()
    assert await asked.far.flush(rental.id) == LEFT


async def test_a_relay_that_does_not_answer_is_not_taken_to_keep_nothing(
    asked: Asked, store: Store, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on the roll, so it may be there: unknown is not empty."""
    monkeypatch.setattr("bot.services.far_outputs.WITHIN_S", 0.05)
    await asked.relay.roll.sign()
    await a_relay(store, clock, "relay-2").roll.sign()

    assert await asked.far.flush(RentalId("r1")) == LEFT


async def test_what_goes_round_between_processes_has_a_pulse(
    store: Store, clock: SetClock, roll: Roll, tasks: Tasks
) -> None:
    """A loop whose pauses are not seen looks like one that is stuck."""
    relay = a_relay(store, clock, "relay-1")

    async def observe() -> None:
        return None

    account: Any = SimpleNamespace(observe=observe, seen=lambda: None)
    onlooker = Onlooker(credit=account, account=account, clock=clock, every=timedelta(seconds=60))
    tasks.forever("roll", roll.run)
    tasks.forever("told", relay.teller.run)
    tasks.forever("heard", TrafficHearer(traffic=Traffic(), store=store, roll=roll).run)
    tasks.forever("account", onlooker.run)

    def went_round() -> set[str]:
        return {name for name, beat in tasks.beats().items() if beat.passes}

    loops = {"roll", "told", "heard", "account"}
    await until(lambda: went_round() == loops, 20, "a pass of each")
