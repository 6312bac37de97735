"""The book of routes between processes: the worker writes rows, each relay makes its own way.

A relay reads all rows at its start, after every hint and every few seconds, connects to each
machine with the pinned host key, and has the same routes as the worker soon after.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from bot.domain.rentals import Rental, RentalId, State
from bot.errors import BotError, Store
from bot.log import bound
from bot.ports.machines import NotebookAt, Tunnels
from bot.ports.processes import Way, Ways, Wires
from bot.ports.recordings import Seal
from bot.services.outputs import Outputs
from bot.services.routes import Route, Routes
from bot.tasks import Tasks, Wake

log = logging.getLogger(__name__)

WORD = "routes"
EVERY_S = 5.0
SEEK_S = 5.0
"""How long a request waits for a way that is being made."""
SOUGHT_S = 0.5
PATIENCE_S = 4.0
_LONGEST_S = 30.0


class ToldRoutes(Routes):
    """A book whose changes are to be told to relays; `changed` is set with each."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = Wake()
        self.dropped: set[RentalId] = set()

    def set(self, rental_id: RentalId, route: Route) -> None:
        super().set(rental_id, route)
        self.dropped.discard(rental_id)
        self.changed.set()

    def drop(self, rental_id: RentalId) -> None:
        super().drop(rental_id)
        # Also one that is not in the book: a worker before this one may have told it.
        self.dropped.add(rental_id)
        self.changed.set()


class SoughtRoutes(Routes):
    """A relay's book: a way that is not in it is sought when somebody wants to enter."""

    def __init__(self) -> None:
        super().__init__()
        self.seek: Callable[[RentalId], Awaitable[None]] | None = None

    async def find(self, rental_id: RentalId) -> Route | None:
        if self.get(rental_id) is None and self.seek is not None:
            await self.seek(rental_id)
        return self.get(rental_id)


class RouteTeller:
    """The worker's side. What an earlier worker told stays until it is told otherwise."""

    def __init__(self, *, routes: ToldRoutes, store: Ways, seal: Seal, wires: Wires) -> None:
        self._routes = routes
        self._store = store
        self._seal = seal
        self._wires = wires
        self._told: dict[RentalId, Route] = {}
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Tell what has changed, for ever."""
        while True:
            try:
                await self.tell()
            except Store as error:
                log.warning("routes were not told to the relays: %s", error)
            await self._routes.changed.wait(EVERY_S)

    async def tell(self) -> None:
        """Bring the rows up to date. Raises Store; what was not written then is the next time."""
        async with self._turn:
            changed = False
            for rental_id in list(self._routes.dropped):
                await self._store.drop_way(rental_id)
                self._told.pop(rental_id, None)
                self._routes.dropped.discard(rental_id)
                changed = True
            for rental_id, route in self._routes.items():
                if self._told.get(rental_id) == route or not route.target:
                    continue
                token = self._seal.close(route.token, about=rental_id)
                await self._store.keep_way(rental_id, target=route.target, token=token)
                self._told[rental_id] = route
                changed = True
            if changed:
                self._wires.tell(WORD)


class Books(Ways, Protocol):
    """What a relay needs of the database."""

    async def rental(self, rental_id: RentalId) -> Rental | None: ...


class RouteFinder:
    """A relay's side: the ways that the rows tell of, made and kept."""

    def __init__(
        self,
        *,
        routes: Routes,
        tunnels: Tunnels,
        store: Books,
        seal: Seal,
        wires: Wires,
        tasks: Tasks,
        outputs: Outputs | None = None,
    ) -> None:
        self._routes = routes
        self._tunnels = tunnels
        self._store = store
        self._seal = seal
        self._tasks = tasks
        self._outputs = outputs
        self._wake = Wake()
        self._looked_at = 0.0
        self._ways: dict[RentalId, Way] = {}
        self._made: dict[RentalId, Way] = {}
        self._busy: set[RentalId] = set()
        self._fails: dict[RentalId, tuple[int, float]] = {}
        self._waiting: dict[RentalId, asyncio.Event] = {}
        wires.hear(WORD, lambda _: self._wake.set())

    async def run(self) -> None:
        """Look at the rows, for ever; while they cannot be read, the ways there are stay."""
        while True:
            try:
                await self.look()
            except Store as error:
                log.warning("the ways to notebooks could not be read: %s", error)
            await self._wake.wait(EVERY_S)

    async def look(self) -> None:
        """Once: begin to make what is missing, end what is not told any more. Raises Store."""
        self._looked_at = asyncio.get_running_loop().time()
        self._ways = {one.rental_id: one for one in await self._store.ways()}
        for gone in (self._made.keys() | self._fails.keys()) - self._ways.keys():
            await self._lose(gone)
        now = asyncio.get_running_loop().time()
        for rental_id, way in self._ways.items():
            _, not_before = self._fails.get(rental_id, (0, 0.0))
            if rental_id not in self._busy and not self._stands(way) and now >= not_before:
                self._busy.add(rental_id)
                self._tasks.once(f"way {rental_id}", self._make(way))

    async def seek(self, rental_id: RentalId) -> None:
        """Look for one way that is wanted now, and wait for it a little. Never raises."""
        with contextlib.suppress(Store, TimeoutError):
            async with asyncio.timeout(SEEK_S):
                # A page that is open asks again and again.
                if asyncio.get_running_loop().time() - self._looked_at >= SOUGHT_S:
                    self._fails.pop(rental_id, None)
                    await self.look()
                if rental_id in self._ways and self._routes.get(rental_id) is None:
                    await self._waiting.setdefault(rental_id, asyncio.Event()).wait()

    def _stands(self, way: Way) -> bool:
        """Whether it was made as it is told, and holds."""
        made = self._made.get(way.rental_id)
        return (
            made is not None
            and self._tunnels.connected(way.rental_id)
            and replace(made, addresses=way.addresses) == way
        )

    async def _make(self, way: Way) -> None:
        with bound(rental=way.rental_id):
            try:
                await self._connect(way)
                self._fails.pop(way.rental_id, None)
            except BotError as error:
                fails = self._fails.get(way.rental_id, (0, 0.0))[0] + 1
                pause = min(2.0**fails / 2, _LONGEST_S)
                now = asyncio.get_running_loop().time()
                self._fails[way.rental_id] = fails, now + pause
                log.warning("no way to the notebook, tried again in %.0f s: %s", pause, error)
            finally:
                self._busy.discard(way.rental_id)

    async def _connect(self, way: Way) -> None:
        """Raises Unreachable, HostKeyChanged, Unreadable."""
        rental_id = way.rental_id
        token = self._seal.open(way.token, about=rental_id)
        made = self._made.get(rental_id)
        if made is not None and made.host_key != way.host_key:
            self._routes.drop(rental_id)  # it is on another machine now
            await self._tunnels.close(rental_id)
        await self._tunnels.connect(
            rental_id, way.addresses, host_key=way.host_key, patience_s=PATIENCE_S
        )
        port = int(way.target) if way.target.isdecimal() else None
        socket = way.target if port is None else None
        notebook = NotebookAt(socket=socket, port=port, token=token, root="")
        path = await self._tunnels.forward(rental_id, notebook)
        if rental_id not in self._ways:
            await self._tunnels.close(rental_id)  # it was taken back meanwhile
            return
        self._made[rental_id] = way
        self._routes.set(rental_id, Route(socket_path=path, token=token, target=way.target))
        if (waiting := self._waiting.pop(rental_id, None)) is not None:
            waiting.set()
        log.info("there is a way to the notebook")

    async def _lose(self, rental_id: RentalId) -> None:
        self._made.pop(rental_id, None)
        self._fails.pop(rental_id, None)
        self._routes.drop(rental_id)
        await self._tunnels.close(rental_id)
        if self._outputs is not None:
            rental = await self._store.rental(rental_id)
            if rental is None or rental.state in (State.DESTROYING, State.CLOSED):
                self._outputs.forget(rental_id)
