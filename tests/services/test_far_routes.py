"""Routes between processes: what the worker has in its book, a relay has soon after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from bot.adapters.sealing.texts import TextSeal
from bot.domain.rentals import Address, Rental, RentalId, State
from bot.errors import HostKeyChanged, Unreachable
from bot.ports.books import Store
from bot.ports.machines import NotebookAt
from bot.services.far_routes import RouteFinder, RouteTeller, ToldRoutes
from bot.services.routes import Route, Routes
from bot.tasks import Tasks
from tests.builders import NOW, begun
from tests.relay.conftest import until
from tests.services.wires import Wires

WITHIN_S = 20.0
HOST_KEY = "ssh-ed25519 AAAA"


@dataclass
class Tunnels:
    """Connections of one relay. `fault` is raised by the next attempts."""

    fault: Exception | None = None
    open: set[RentalId] = field(default_factory=set)
    targets: list[str | int | None] = field(default_factory=list)
    closed: list[RentalId] = field(default_factory=list)

    async def connect(
        self,
        rental_id: RentalId,
        addresses: Sequence[Address],
        *,
        host_key: str | None,
        patience_s: float,
    ) -> str:
        if self.fault is not None:
            raise self.fault
        assert host_key == HOST_KEY
        assert addresses
        self.open.add(rental_id)
        return host_key

    def connected(self, rental_id: RentalId) -> bool:
        return rental_id in self.open

    async def forward(self, rental_id: RentalId, notebook: NotebookAt) -> str:
        self.targets.append(notebook.socket or notebook.port)
        return f"/relay/{rental_id}.sock"

    async def close(self, rental_id: RentalId) -> None:
        self.open.discard(rental_id)
        self.closed.append(rental_id)


@dataclass
class Two:
    """A worker's book, and a relay that follows it."""

    book: ToldRoutes
    teller: RouteTeller
    relay: Routes
    finder: RouteFinder
    tunnels: Tunnels
    store: Store
    wires: Wires


@pytest.fixture
async def two(store: Store) -> AsyncIterator[Two]:
    wires, tasks, tunnels = Wires(), Tasks(), Tunnels()
    seal = TextSeal("the installation's", "routes")
    book, relay = ToldRoutes(), Routes()
    teller = RouteTeller(routes=book, store=store, seal=seal, wires=wires)
    finder = RouteFinder(
        routes=relay,
        tunnels=tunnels,  # type: ignore[arg-type]
        store=store,
        seal=seal,
        wires=wires,
        tasks=tasks,
    )
    yield Two(book, teller, relay, finder, tunnels, store, wires)
    await tasks.aclose()


async def ready(store: Store) -> Rental:
    rental = await begun(store)
    return await store.apply(
        replace(
            rental,
            state=State.READY,
            ready_at=NOW,
            host_key=HOST_KEY,
            addresses=(Address("5.6.7.8", 22),),
        ),
        event="ready",
    )


async def test_a_relay_makes_its_own_way_to_a_notebook(two: Two) -> None:
    """With the token that only the seal shows, and a socket of its own."""
    rental = await ready(two.store)
    two.book.set(rental.id, Route("/worker/x.sock", "s3cret", target="/run/jupyter.sock"))
    await two.teller.tell()
    (way,) = await two.store.ways()
    assert "s3cret" not in way.token

    await two.finder.look()

    await until(lambda: two.relay.get(rental.id) is not None, within_s=WITHIN_S)
    expected = Route(f"/relay/{rental.id}.sock", "s3cret", target="/run/jupyter.sock")
    assert two.relay.get(rental.id) == expected
    assert two.tunnels.targets == ["/run/jupyter.sock"]
    assert two.wires.told == [("routes", "")]


async def test_what_is_dropped_there_is_dropped_here(two: Two) -> None:
    """Also where it was an earlier worker that had told it."""
    rental = await ready(two.store)
    await two.store.keep_way(rental.id, target="8888", token="of an earlier worker")
    two.book.drop(rental.id)

    await two.teller.tell()

    assert await two.store.ways() == []


async def test_a_relay_lets_go_of_what_is_taken_back(two: Two) -> None:
    """Its route and its connection; whoever is in is told by the book."""
    rental = await ready(two.store)
    two.book.set(rental.id, Route("/w", "t", target="8888"))
    await two.teller.tell()
    await two.finder.seek(rental.id)
    assert two.tunnels.targets == [8888]
    ended: list[RentalId] = []
    two.relay.watch(ended.append)

    two.book.drop(rental.id)
    await two.teller.tell()
    await two.finder.look()

    assert two.relay.get(rental.id) is None
    assert ended == [rental.id]
    assert two.tunnels.closed == [rental.id]


async def test_a_notebook_that_was_started_anew_is_led_to_anew(two: Two) -> None:
    """Another token and place: the old way is no good, whatever goes through it."""
    rental = await ready(two.store)
    two.book.set(rental.id, Route("/w", "old", target="8888"))
    await two.teller.tell()
    await two.finder.seek(rental.id)

    two.book.set(rental.id, Route("/w", "new", target="8889"))
    await two.teller.tell()
    await two.finder.look()

    await until(lambda: two.tunnels.targets == [8888, 8889], within_s=WITHIN_S)
    route = two.relay.get(rental.id)
    assert route is not None
    assert route.token == "new"


async def test_a_connection_that_was_lost_is_made_again(two: Two) -> None:
    """The route stays meanwhile: a request that comes is answered as for a silent notebook."""
    rental = await ready(two.store)
    two.book.set(rental.id, Route("/w", "t", target="8888"))
    await two.teller.tell()
    await two.finder.seek(rental.id)

    two.tunnels.open.clear()
    await two.finder.look()

    await until(lambda: rental.id in two.tunnels.open, within_s=WITHIN_S)


@pytest.mark.parametrize("fault", [Unreachable("refused"), HostKeyChanged("another")])
async def test_a_machine_that_is_not_reached_is_tried_again_later(
    two: Two, fault: Exception
) -> None:
    """And at once where somebody asks for it."""
    rental = await ready(two.store)
    two.book.set(rental.id, Route("/w", "t", target="8888"))
    await two.teller.tell()
    two.tunnels.fault = fault
    await two.finder.look()
    await until(lambda: not two.finder._busy, within_s=WITHIN_S)
    assert two.relay.get(rental.id) is None

    two.tunnels.fault = None
    await two.finder.look()
    assert two.relay.get(rental.id) is None  # it is not its time yet
    two.finder._looked_at = -1000.0
    await two.finder.seek(rental.id)

    assert two.relay.get(rental.id) is not None


async def test_nobody_waits_for_a_way_that_there_is_not(two: Two) -> None:
    """A machine that is still starting: the page says so at once."""
    rental = await begun(two.store)

    await two.finder.seek(rental.id)

    assert two.relay.get(rental.id) is None
