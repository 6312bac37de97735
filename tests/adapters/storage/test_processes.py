"""The roll, the house's keys, the ways and what was carried: on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.rentals import Address, Reason, Rental, RentalId, State
from bot.ports.books import Store
from bot.ports.processes import Carriage, Process, Way
from bot.ports.recordings import Recording
from tests.builders import NOW, SetClock, begun

RELAY = Process(id="relay-1", role="relay", address="10.0.0.1:8642", seen_at=NOW)
MINUTE = timedelta(minutes=1)


async def ready(store: Store) -> Rental:
    """One that people may enter."""
    rental = await begun(store)
    return await store.apply(
        replace(
            rental,
            state=State.READY,
            ready_at=NOW,
            host_key="ssh-ed25519 AAAA",
            addresses=(Address("5.6.7.8", 22),),
        ),
        event="ready",
    )


async def test_who_signed_lately_is_there(store: Store) -> None:
    """Each once, with what it said last; who has not signed since then is not there."""
    await store.process_seen(RELAY)
    moved = replace(RELAY, address="10.0.0.2:8642", seen_at=NOW + MINUTE)
    await store.process_seen(moved)
    await store.process_seen(replace(RELAY, id="worker-1", role="worker"))

    assert await store.processes(since=NOW + MINUTE) == [moved]
    assert len(await store.processes(since=NOW)) == 2


async def test_who_ended_in_order_is_not_there_and_what_it_carried_still_is(store: Store) -> None:
    """The last thing a person did may not have been heard yet."""
    rental = await begun(store)
    carried = Carriage(process_id=RELAY.id, rental_id=rental.id, human_at=NOW, bytes=7)
    await store.process_seen(RELAY)
    await store.carry([carried])

    await store.process_gone(RELAY.id)

    assert [one.role for one in await store.processes(since=NOW)] == ["gone"]
    assert await store.carried() == [carried]
    assert await store.forget_processes(NOW + MINUTE) == 1
    assert await store.carried() == []


async def test_the_first_key_of_a_name_stays(store: Store) -> None:
    """Of two processes that make one at once, both end with the same."""
    assert await store.house_key("ssh") is None

    assert await store.keep_house_key("ssh", "first") == "first"
    assert await store.keep_house_key("ssh", "second") == "first"
    assert await store.house_key("ssh") == "first"


async def test_a_way_comes_with_the_machine_it_leads_to(store: Store) -> None:
    """Its address and pinned key are read with it; told anew, the newest holds."""
    rental = await ready(store)
    await store.keep_way(rental.id, target="/run/old.sock", token="old")
    await store.keep_way(rental.id, target="8888", token="sealed")

    assert await store.ways() == [
        Way(
            rental_id=rental.id,
            target="8888",
            token="sealed",
            addresses=(Address("5.6.7.8", 22),),
            host_key="ssh-ed25519 AAAA",
        )
    ]

    await store.drop_way(rental.id)
    await store.drop_way(RentalId("unknown"))

    assert await store.ways() == []


async def test_no_way_leads_to_a_machine_that_nobody_may_enter(store: Store) -> None:
    """Whatever a worker that was killed has left: an end, and a move's last copy, close it."""
    rental = await ready(store)
    await store.keep_way(rental.id, target="8888", token="sealed")
    saved = await store.apply(replace(rental, state=State.ARCHIVING), event="archive")
    assert len(await store.ways()) == 1

    moved = await store.apply(replace(saved, reason=Reason.MOVED), event="freeze")
    assert await store.ways() == []

    await store.apply(
        replace(moved, state=State.DESTROYING, waived_by=1, released_at=NOW), event="release"
    )
    assert await store.ways() == []


async def test_what_is_carried_is_written_over(store: Store, clock: SetClock) -> None:
    """One row for each relay and notebook; which kernels are kept goes with it."""
    rental = await begun(store)
    first = Carriage(process_id="a", rental_id=rental.id, human_at=None, bytes=1)
    other = replace(first, process_id="b", human_at=NOW)
    later = replace(first, human_at=NOW, bytes=5, kept={"k1": 2})

    await store.carry([first, other])
    await store.carry([later])
    await store.carry([])

    found = sorted(await store.carried(), key=lambda one: one.process_id)
    assert found == [later, other]


async def test_a_recording_is_taken_over_once_and_then_its_old_keeper_writes_nothing(
    store: Store,
) -> None:
    """A relay that was only thought dead must not write over what its successor has."""
    rental = await begun(store)
    one = Recording(key="a" * 64, rental_id=rental.id, number=1, state="{}")
    await store.keep_recordings([one], keeper="relay-1")

    assert await store.adopt_recordings("relay-2", ["relay-1"]) == []
    taken = await store.adopt_recordings("relay-2", ["relay-3"])
    assert taken == [replace(one, keeper="relay-2")]
    assert await store.adopt_recordings("relay-3", ["relay-2"]) == []

    await store.keep_recordings([replace(one, state='{"old": 1}')], keeper="relay-1")
    await store.keep_recordings([], gone=[one.key], keeper="relay-1")
    assert await store.recordings() == taken

    await store.keep_recordings([], gone=[one.key], keeper="relay-2")
    assert await store.recordings() == []
