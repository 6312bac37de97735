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
        self._whose: dict[int, int] = {}

    @contextlib.contextmanager
    def note(
        self, rental_id: RentalId, request: web.BaseRequest, member_id: int | None = None
    ) -> Iterator[None]:
        """Count a request as going on, and as that member's."""
        if member_id is not None:
            self._whose[id(request)] = member_id
        requests = self._open.setdefault(rental_id, {})
        requests[id(request)] = request
        try:
            yield
        finally:
            del requests[id(request)]
            self._whose.pop(id(request), None)
            if not requests and self._open.get(rental_id) is requests:
                del self._open[rental_id]

    def count(self, rental_id: RentalId) -> int:
        return len(self._open.get(rental_id, ()))

    def end(self, rental_id: RentalId) -> None:
        """Cut everything of a rental."""
        for request in tuple(self._open.get(rental_id, {}).values()):
            _cut(request)

    def end_member(self, rental_id: RentalId, member_id: int) -> None:
        """Cut everything of one member there; what others do goes on."""
        for number, request in tuple(self._open.get(rental_id, {}).items()):
            if self._whose.get(number) == member_id:
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
