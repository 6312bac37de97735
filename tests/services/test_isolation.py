"""One bad rental, one slow host, one hanging connection: the others are as if it were not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from bot.adapters.storage.engine import parsed, writing_engine
from bot.domain import lifecycle
from bot.domain.idle_policy import Policy
from bot.domain.ledger import Kind as Money
from bot.domain.letters import Kind, Letter, Place, Writing
from bot.domain.rentals import Address, ContractId, Instance, Rental, RentalId, State, Status
from bot.domain.samples import Sample
from bot.domain.standing import Standing
from bot.errors import Away, Down
from bot.errors import Store as StoreError
from bot.ports.books import Notice, Store
from bot.services import reconciler
from bot.services.idle import IdleWatch
from bot.services.letters import Letters
from bot.services.notices import Notices
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.tasks import Wake
from tests.builders import CHANNEL, GUILD, NOW, SetClock, an_offer, begun
from tests.services.worlds import DictMarket, House, Wires


@dataclass
class Knot(Wires):
    """Tunnels in which one rental's connection hangs for ever."""

    hanging: RentalId | None = None

    async def connect(
        self,
        rental_id: RentalId,
        addresses: Sequence[Address],
        *,
        host_key: str | None,
        patience_s: float,
    ) -> str:
        if rental_id == self.hanging:
            await asyncio.Event().wait()
        return await super().connect(rental_id, addresses, host_key=host_key, patience_s=patience_s)


@dataclass
class Mute(DictMarket):
    """A market that never answers a question about one machine."""

    mute: ContractId | None = None

    async def machine(self, contract: ContractId) -> Instance | None:
        if contract == self.mute:
            await asyncio.Event().wait()
        return await super().machine(contract)


@pytest.fixture
def wires() -> Knot:
    return Knot()


@pytest.fixture
async def house(store: Store, clock: SetClock, wires: Knot) -> Any:
    market = Mute(offers=[an_offer(id=number) for number in range(1, 5)])
    house = House(store=store, market=market, clock=clock, wires=wires)
    yield house
    await house.tasks.aclose()


async def test_a_hanging_ssh_server_delays_nobody_else(house: House, wires: Knot) -> None:
    """The other one gets ready while the first one's connection still hangs."""
    stuck, other = await _wanted(house), await _wanted(house)
    wires.hanging = stuck.id

    await _passes_until(house, lambda row: row.state is State.READY, other.id)

    assert (await _row(house, stuck.id)).state is State.BOOTING


async def test_a_hanging_read_of_one_machine_delays_nobody_else(house: House) -> None:
    """One is being looked for by its number, without an answer; another one ends meanwhile."""
    stuck, other = await _wanted(house), await _wanted(house)
    for rental in (stuck, other):
        await _passes_until(house, lambda row: row.state is State.READY, rental.id)
    assert isinstance(house.market, Mute)
    house.market.mute = (await _row(house, stuck.id)).contract
    for rental in (stuck, other):
        row = await _row(house, rental.id)
        await house.store.apply(
            replace(row, released_at=NOW, ended_by=1, waived_by=1), event="discarded"
        )

    await _passes_until(house, lambda row: row.state is State.CLOSED, other.id)

    assert (await _row(house, stuck.id)).state is State.DESTROYING


async def test_a_row_that_cannot_be_read_delays_nobody_else(
    house: House, database_url: str
) -> None:
    """It is left alone and logged; whoever needs all rows gets an error rather than a part."""
    broken, other = await _wanted(house), await _wanted(house)
    await _spoil(database_url, broken.id)

    await _passes_until(house, lambda row: row.state is State.READY, other.id)

    with pytest.raises(StoreError, match=broken.id):
        await house.store.open_rentals()


async def test_books_that_cannot_be_read_stop_nobody_elses(house: House, database_url: str) -> None:
    """One rental's row, whose machine is gone, and another one's tab: the third is booked."""
    unread, torn, other = [await _wanted(house) for _ in range(3)]
    for rental in (unread, torn, other):
        await _passes_until(house, lambda row: row.state is State.READY, rental.id)
    gone = (await _row(house, unread.id)).contract
    assert gone is not None
    assert isinstance(house.market, Mute)
    house.market.alive.pop(gone)
    await _spoil(database_url, unread.id)
    await _spoil(database_url, torn.id, "UPDATE tabs SET tab = '{}' WHERE rental_id = :id")
    house.start()

    await house.passes(3, apart=timedelta(hours=1))

    booked = await house.store.totals([other.id])
    assert booked[other.id][Money.GPU].micros > 0
    assert not (await house.store.totals([unread.id]))[unread.id]


async def test_a_step_that_raises_is_left_alone_for_a_while_and_delays_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What breaks in our own code breaks for one rental, and is not tried at every pass."""
    broken, other = await _wanted(house), await _wanted(house)
    tries = []

    def step(rental: Rental, *rest: Any) -> object:
        if rental.id == broken.id:
            tries.append(rental.id)
            raise ZeroDivisionError
        return lifecycle.next_step(rental, *rest)

    monkeypatch.setattr(reconciler, "next_step", step)

    await house.passes(12, apart=timedelta(seconds=3))
    monkeypatch.undo()
    then = await _row(house, other.id)
    house.clock.turn(timedelta(minutes=5))
    await _passes_until(house, lambda row: row.state is State.READY, broken.id)

    assert then.state is State.READY
    assert len(tries) == 4  # at 0, 3, 9 and 21 s


async def test_the_account_is_asked_for_its_keys_once_for_many_machines(house: House) -> None:
    """Fifty that come up after a start do not queue for one paced question each."""
    assert isinstance(house.market, Mute)
    for _ in range(4):
        await _wanted(house)

    await house.passes(3)

    assert len(house.market.keys) == 1


async def test_a_machine_that_was_ready_is_reached_while_vast_is_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is on it: after a restart nothing has to be asked of the account."""
    rental = await _wanted(house)
    await _passes_until(house, lambda row: row.state is State.READY, rental.id)

    async def down(*_: object) -> bool:
        raise Down("no answer")

    monkeypatch.setattr(house.market, "register_key", down)
    monkeypatch.setattr(house.market, "machines", down)
    house.start()
    await house.passes(1)

    assert house.routes.get(rental.id) is not None


async def test_after_a_start_a_machine_is_reached_before_the_account_is_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list takes seconds, or for ever where Vast hangs; then it is looked at like any other."""
    rental = await _wanted(house)
    await _passes_until(house, lambda row: row.state is State.READY, rental.id)
    there = house.market.machines
    asked = asyncio.Event()

    async def slow() -> Sequence[Instance]:
        await asked.wait()
        return await there()

    monkeypatch.setattr(house.market, "machines", slow)
    house.start()
    first = asyncio.ensure_future(house.reconciler.pass_once())
    await _soon(lambda: house.routes.get(rental.id) is not None)
    row = await _row(house, rental.id)
    house.market.alive.clear()
    asked.set()
    await first
    await _passes_until(house, lambda row: row.missing_since is not None, rental.id)

    assert row.state is State.READY


async def test_what_is_not_there_any_more_is_gone_to_only_once(
    house: House, wires: Knot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the second pass on what Vast says comes first: nobody waits at a closed door."""
    rental = await _wanted(house)
    await _passes_until(house, lambda row: row.state is State.READY, rental.id)
    house.start()
    wires.refused = True
    assert isinstance(house.market, Mute)
    house.market.turn(Status.STOPPED)
    tries = []
    connect = wires.connect

    async def counted(*given: Any, **named: Any) -> str:
        tries.append(given)
        return await connect(*given, **named)

    monkeypatch.setattr(wires, "connect", counted)
    await house.passes(6, apart=timedelta(seconds=30))

    assert len(tries) == 1
    assert (await _row(house, rental.id)).omens


@dataclass
class Slot:
    """A Discord in which one rental's messages fail in a way of our own, or hang."""

    broken: RentalId | None = None
    hanging: RentalId | None = None
    sent: list[RentalId] = field(default_factory=list)
    away: bool = False

    def ready(self) -> bool:
        return not self.away

    async def card(self, rental: Rental, notice: Notice, *_: object) -> int:
        await self._take(rental)
        return 5000 + len(self.sent)

    async def deliver(
        self, letter: Letter, how: object, rental: Rental, standing: Standing | None, **_: object
    ) -> Place:
        await self._take(rental)
        return Place(CHANNEL, 5000 + len(self.sent))

    async def _take(self, rental: Rental) -> None:
        if rental.id == self.broken:
            raise ZeroDivisionError
        if rental.id == self.hanging:
            await asyncio.Event().wait()
        self.sent.append(rental.id)


async def test_a_card_that_cannot_be_made_stops_no_other(store: Store, clock: SetClock) -> None:
    """It waits for another try; the others are delivered in the same round."""
    rentals = [await begun(store) for _ in range(3)]
    slot = Slot(broken=rentals[0].id)
    notices = Notices(store=store, post=slot, news=Wake(), clock=clock)

    first = await notices.deliver()
    slot.broken = None
    at_once = await notices.deliver()
    clock.turn(timedelta(minutes=1))
    later = await notices.deliver()

    assert (first, at_once, later) == (2, 0, 1)


async def test_while_we_are_not_connected_nothing_counts_as_a_try(
    store: Store, clock: SetClock
) -> None:
    """After many starts, or an hour without Discord, the cards are right as soon as it is back."""
    rental = await begun(store)
    await store.apply(replace(rental, state=State.READY, ready_at=NOW), event="Serve")
    await store.write_letter(rental.id, Writing(kind=Kind.SAVE_FAILED, at=NOW, detail="why"))
    slot = Slot(away=True)
    notices = Notices(store=store, post=slot, news=Wake(), clock=clock)
    letters = Letters(
        store=store, mail=slot, news=Wake(), clock=clock, policies=Policies(store=store)
    )
    for _ in range(9):
        await notices.deliver()
        await letters.deliver()

    slot.away = False

    assert await notices.deliver() == 1
    assert await letters.deliver() == 1


async def test_a_card_that_hangs_stops_no_other(store: Store, clock: SetClock) -> None:
    rentals = [await begun(store) for _ in range(3)]
    slot = Slot(hanging=rentals[0].id)
    round_ = asyncio.ensure_future(
        Notices(store=store, post=slot, news=Wake(), clock=clock).deliver()
    )

    await _soon(lambda: len(slot.sent) == 2)
    round_.cancel()

    assert set(slot.sent) == {rentals[1].id, rentals[2].id}


async def test_a_letter_that_cannot_be_made_stops_no_other(store: Store, clock: SetClock) -> None:
    """Nor do the other letters of the same rental wait for ever."""
    rentals = [await begun(store) for _ in range(3)]
    for rental in rentals:
        await store.apply(replace(rental, state=State.READY, ready_at=NOW), event="Serve")
        await store.write_letter(rental.id, Writing(kind=Kind.SAVE_FAILED, at=NOW, detail="why"))
    slot = Slot(broken=rentals[0].id)
    letters = Letters(
        store=store, mail=slot, news=Wake(), clock=clock, policies=Policies(store=store)
    )

    first = await letters.deliver()
    slot.broken = None
    clock.turn(timedelta(minutes=1))
    later = await letters.deliver()

    assert (first, later) == (2, 1)


@pytest.mark.parametrize("call", ["trying", "delivered", "letter_tried", "letter_shown"])
async def test_a_message_for_which_the_database_was_away_is_due_again(
    store: Store,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    """Before it is sent or after, for a card or a letter: a line in the log, no trace."""
    rental = await begun(store)
    await store.apply(replace(rental, state=State.READY, ready_at=NOW), event="Serve")
    await store.write_letter(rental.id, Writing(kind=Kind.SAVE_FAILED, at=NOW, detail="why"))
    slot = Slot()
    notices = Notices(store=store, post=slot, news=Wake(), clock=clock)
    letters = Letters(
        store=store, mail=slot, news=Wake(), clock=clock, policies=Policies(store=store)
    )

    async def cut(*_: object, **__: object) -> None:
        raise Away("connection was closed")

    with monkeypatch.context() as patch:
        patch.setattr(store, call, cut)
        first = await notices.deliver() + await letters.deliver()
    then = await notices.deliver() + await letters.deliver()

    assert (first, then) == (1, 1)
    assert "waits for the database: connection was closed" in caplog.text
    assert not any(one.exc_info for one in caplog.records)


async def test_a_look_that_breaks_judges_the_others_all_the_same(
    store: Store, clock: SetClock
) -> None:
    """A fault of ours while one machine is looked at: the round goes on, and is whole next time."""
    rentals = [await begun(store) for _ in range(3)]
    for rental in rentals:
        await store.apply(replace(rental, state=State.READY, ready_at=NOW), event="Serve")

    def policy(rental: Rental) -> Policy:
        if rental.id == rentals[0].id:
            raise ZeroDivisionError
        return Policy()

    class Blind:
        async def sample(self, rental: Rental, **_: object) -> Any:
            return Sample(at=clock.now())

    watch = IdleWatch(store=store, probe=Blind(), policy=policy, clock=clock)  # type: ignore[arg-type]

    judged = await watch.pass_once()

    assert {one.rental.id for one in judged} == {rentals[1].id, rentals[2].id}


async def test_things_of_one_subject_keep_their_order() -> None:
    """And what was done before a failure counts."""
    done: list[str] = []

    async def work(thing: str) -> str:
        await asyncio.sleep(0)
        if thing == "b2":
            raise ZeroDivisionError
        done.append(thing)
        return thing

    found = await each(
        ["a1", "b1", "a2", "b2", "a3", "b3"], work, of=lambda thing: thing[0], at_once=2
    )

    assert sorted(found) == ["a1", "a2", "a3", "b1"]
    assert [one for one in done if one[0] == "a"] == ["a1", "a2", "a3"]


async def _wanted(house: House) -> Rental:
    """A rental of the market's next offer."""
    taken = len(await house.store.rentals_of(GUILD, None))
    return await begun(house.store, offer=house.market.offers[taken])


async def _passes_until(
    house: House, reached: Callable[[Rental], bool], rental_id: RentalId
) -> None:
    """Passes of which nobody waits for the end."""
    for _ in range(80):
        await house.reconciler.pass_once()
        await asyncio.sleep(0.02)
        if reached(await _row(house, rental_id)):
            return
        house.clock.turn(timedelta(seconds=3))
    raise AssertionError(f"{rental_id} did not get there: {await _row(house, rental_id)}")


async def _row(house: House, rental_id: RentalId) -> Rental:
    row = await house.store.rental(rental_id)
    assert row is not None
    return row


async def _spoil(
    database_url: str,
    rental_id: str,
    change: str = "UPDATE rentals SET offer = '{}' WHERE id = :id",
) -> None:
    engine = writing_engine(parsed(database_url))
    async with engine.begin() as connection:
        await connection.execute(text(change), {"id": rental_id})
    await engine.dispose()


async def _soon(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")
