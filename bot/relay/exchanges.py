"""What is going on between browsers and notebooks right now, so that it can be ended.

A download or a WebSocket may last for hours; when a session is revoked or a machine goes away it
must not go on. Cutting the browser's connection ends the rest: aiohttp then cancels the handler,
whose clean-up closes the notebook's side.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from aiohttp import web

from bot.domain.rentals import RentalId
from bot.relay import headers


class Exchanges:
    """The requests being answered, by rental."""

    def __init__(self) -> None:
        # By identity: requests are mappings and cannot be members of a set.
        self._open: dict[RentalId, dict[int, web.BaseRequest]] = {}

    @contextlib.contextmanager
    def note(self, rental_id: RentalId, request: web.BaseRequest) -> Iterator[None]:
        """Count a request as going on."""
        requests = self._open.setdefault(rental_id, {})
        requests[id(request)] = request
        try:
            yield
        finally:
            del requests[id(request)]
            if not requests and self._open.get(rental_id) is requests:
                del self._open[rental_id]

    def count(self, rental_id: RentalId) -> int:
        return len(self._open.get(rental_id, ()))

    def kinds(self) -> tuple[int, int]:
        """How many requests and how many WebSockets are going on, of all rentals."""
        every = [one for requests in self._open.values() for one in requests.values()]
        sockets = sum(headers.wants_websocket(one.method, one.headers) for one in every)
        return len(every) - sockets, sockets

    def end(self, rental_id: RentalId) -> None:
        """Cut everything of a rental."""
        for request in tuple(self._open.get(rental_id, {}).values()):
            _cut(request)

    def end_sockets(self) -> None:
        """Cut every WebSocket: unlike a request, it does not end by itself."""
        for requests in tuple(self._open.values()):
            for request in tuple(requests.values()):
                if headers.wants_websocket(request.method, request.headers):
                    _cut(request)


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
