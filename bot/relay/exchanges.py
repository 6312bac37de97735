"""What is going on between browsers and notebooks right now, so that it can be ended.

A download or a WebSocket may last for hours; when a session is over or a machine goes away it
must not go on. Cutting the browser's connection ends the rest: aiohttp then cancels the handler,
whose clean-up closes the notebook's side.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager

from aiohttp import web

from bot.domain.rentals import RentalId
from bot.ports.books import Pass
from bot.relay import asking
from bot.relay.frames import Close

LINGER_S = 2.0
"""How long a WebSocket's end may take to be told to a browser that does not read."""


class _Exchange:
    """A request, which goes on while inside."""

    __slots__ = ("_all", "_rental_id", "request", "session")

    def __init__(
        self, every: Exchanges, rental_id: RentalId, request: web.BaseRequest, session: Pass | None
    ) -> None:
        self._all = every
        self._rental_id = rental_id
        self.request = request
        self.session = session  # None: the house's own look

    def __enter__(self) -> None:
        self._all.begin(self._rental_id, self)

    def __exit__(self, *_: object) -> None:
        self._all.over(self._rental_id, self)


class Exchanges:
    """The requests being answered, by rental and by whose they are."""

    def __init__(self) -> None:
        self._open: dict[RentalId, dict[_Exchange, None]] = {}
        self._none = asyncio.Event()
        self._none.set()

    def note(
        self, rental_id: RentalId, request: web.BaseRequest, session: Pass | None = None
    ) -> AbstractContextManager[None]:
        """Count a request as going on, while inside."""
        return _Exchange(self, rental_id, request, session)

    def begin(self, rental_id: RentalId, exchange: _Exchange) -> None:
        self._open.setdefault(rental_id, {})[exchange] = None
        self._none.clear()

    def over(self, rental_id: RentalId, exchange: _Exchange) -> None:
        exchanges = self._open[rental_id]
        del exchanges[exchange]
        if not exchanges:
            del self._open[rental_id]
        if not self._open:
            self._none.set()

    async def quiet(self) -> None:
        """Return when nothing goes on."""
        await self._none.wait()

    def count(self, rental_id: RentalId) -> int:
        return len(self._open.get(rental_id, ()))

    def kinds(self) -> tuple[int, int]:
        """How many requests and how many WebSockets are going on, of all rentals."""
        every = [one.request for one in self._all()]
        sockets = sum(asking.wants_websocket(one.method, one.headers) for one in every)
        return len(every) - sockets, sockets

    def sessions(self) -> list[Pass]:
        """Each under which something goes on."""
        found = {one.session.digest: one.session for one in self._all() if one.session is not None}
        return list(found.values())

    def end(self, rental_id: RentalId, close: Close) -> None:
        """Cut everything of a rental."""
        for one in tuple(self._open.get(rental_id, ())):
            _cut(one.request, close)

    def end_member(self, rental_id: RentalId, member_id: int, close: Close) -> None:
        """Cut everything of one member there; what others do goes on."""
        for one in tuple(self._open.get(rental_id, ())):
            if one.session is not None and one.session.member_id == member_id:
                _cut(one.request, close)

    def end_session(self, session: Pass, close: Close) -> None:
        """Cut what goes on under this session."""
        for one in self._all():
            if one.session is not None and one.session.digest == session.digest:
                _cut(one.request, close)

    def end_sockets(self) -> None:
        """Cut every WebSocket: unlike a request, it does not end by itself."""
        for one in self._all():
            if asking.wants_websocket(one.request.method, one.request.headers):
                _abort(one.request.transport)

    def _all(self) -> list[_Exchange]:
        return [one for exchanges in self._open.values() for one in exchanges]


def _cut(request: web.BaseRequest, close: Close) -> None:
    """A WebSocket is told why; half a body must break off, so that it is not taken for whole."""
    transport = request.transport
    if transport is None or not asking.wants_websocket(request.method, request.headers):
        _abort(transport)
        return
    transport.write(close.frame())
    transport.close()
    asyncio.get_running_loop().call_later(LINGER_S, _abort, transport)


def _abort(transport: asyncio.Transport | None) -> None:
    if transport is not None:
        transport.abort()
