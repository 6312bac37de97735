"""What the relay and the rest of the house tell each other, in memory.

Where they are processes of their own, rows carry the same between them (`far_routes.py`,
`far_traffic.py`).

`Routes` is the book of ready notebooks: the reconciler's steps write it, the relay reads it.
`Traffic` is the other direction: the relay writes when a person last did something and how much
was carried, the idle watch reads it. Neither outlives the process: after a start the first pass
fills the routes again, and no human sign is known until there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.archives import Progress
from bot.domain.rentals import RentalId

Watcher = Callable[[RentalId], None]


@dataclass(frozen=True, slots=True)
class Route:
    """The way to one notebook: a local Unix socket, and the token Jupyter asks for."""

    socket_path: str
    token: str = field(repr=False)
    target: str = ""  # where it listens on its machine: a Unix socket's path, or a port


class Routes:
    """The notebooks that can be reached now."""

    def __init__(self) -> None:
        self._routes: dict[RentalId, Route] = {}
        self._watchers: list[Watcher] = []

    def get(self, rental_id: RentalId) -> Route | None:
        return self._routes.get(rental_id)

    async def find(self, rental_id: RentalId) -> Route | None:
        """The same for somebody who wants to enter now: where ways are made when they are wanted,
        it is waited for."""
        return self.get(rental_id)

    def items(self) -> list[tuple[RentalId, Route]]:
        return list(self._routes.items())

    def set(self, rental_id: RentalId, route: Route) -> None:
        """Note where a notebook is; the same route again changes nothing."""
        before = self._routes.get(rental_id)
        self._routes[rental_id] = route
        if before is not None and before != route:
            self._tell(rental_id)

    def drop(self, rental_id: RentalId) -> None:
        """Forget a notebook; one that is not there is no error."""
        if self._routes.pop(rental_id, None) is not None:
            self._tell(rental_id)

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` whenever a route that was given out holds no longer."""
        self._watchers.append(watcher)

    def _tell(self, rental_id: RentalId) -> None:
        for watcher in self._watchers:
            watcher(rental_id)


class Traffic:
    """When a person last did something in a notebook, and how many bytes went through.

    A person is a message to a kernel that a key or a button caused (which, says relay/kernels.py),
    data to a terminal, or a request that changes contents, kernels, sessions or terminals; an
    untouched tab sends none of these (reference idle-and-archive, 1.3).
    """

    def __init__(self) -> None:
        self._human: dict[RentalId, datetime] = {}
        self._bytes: dict[RentalId, int] = {}
        self._total = 0

    def human(self, rental_id: RentalId, now: datetime) -> None:
        self._human[rental_id] = now

    def last_human(self, rental_id: RentalId) -> datetime | None:
        """None when nobody did anything since this process started."""
        return self._human.get(rental_id)

    @property
    def total(self) -> int:
        """Bytes between people and all notebooks since this process started; only ever more."""
        return self._total

    def carry(self, rental_id: RentalId, size: int) -> None:
        self._total += size
        self._add(rental_id, size)

    def _add(self, rental_id: RentalId, size: int) -> None:
        self._bytes[rental_id] = self._bytes.get(rental_id, 0) + size

    def teller(self, rental_id: RentalId) -> Callable[[Progress], None]:
        """Counts what an archive of ours carries, so that it is not taken for work over there."""
        before = 0

        def tell(progress: Progress) -> None:
            nonlocal before
            self._add(rental_id, max(progress.done - before, 0))
            before = progress.done

        return tell

    def signs(self) -> dict[RentalId, tuple[datetime | None, int]]:
        """Of every notebook: when a person last did something, and the bytes carried."""
        known = self._human.keys() | self._bytes.keys()
        return {one: (self._human.get(one), self._bytes.get(one, 0)) for one in known}

    def learn(self, rental_id: RentalId, human_at: datetime | None, size: int) -> None:
        """Another process carried so much more, and somebody did something there then."""
        before = self._human.get(rental_id)
        if human_at is not None and (before is None or human_at > before):
            self._human[rental_id] = human_at
        if size:
            self.carry(rental_id, size)

    def carried(self, rental_id: RentalId) -> int:
        """Bytes of bodies and WebSocket frames, both ways, since this process started."""
        return self._bytes.get(rental_id, 0)

    def forget(self, rental_id: RentalId) -> None:
        self._human.pop(rental_id, None)
        self._bytes.pop(rental_id, None)
