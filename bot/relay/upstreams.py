"""The ways to notebooks: local sockets, and the connections that are kept to each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from bot.domain.rentals import RentalId
from bot.ports.machines import Carries, Lanes
from bot.relay import asking
from bot.relay.connectors import NotebookConnector
from bot.relay.direct import CONNECT_S, IDLE_S, MAX_FIELD, MAX_LINE, Direct
from bot.services.routes import Route


@dataclass(frozen=True, slots=True)
class Way:
    """One local socket: its client for what has a body or is a WebSocket, and the short way."""

    session: aiohttp.ClientSession
    direct: Direct


class Upstreams:
    """A rental's ways: its route's, which always holds, and the lanes that are open at the time.

    They are renewed when its route changes.
    """

    def __init__(self, *, lanes: Lanes | None = None) -> None:
        self._lanes = lanes
        self._ways: dict[RentalId, tuple[Route, dict[str, Way]]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def lane(self, rental_id: RentalId, carries: Carries) -> str | None:
        """The socket of a faster way than the route's, if there is one now."""
        return self._lanes.lane(rental_id, carries) if self._lanes is not None else None

    def session(
        self, rental_id: RentalId, route: Route, lane: str | None = None
    ) -> aiohttp.ClientSession:
        return self._way(rental_id, route, lane).session

    def direct(self, rental_id: RentalId, route: Route, lane: str | None = None) -> Direct:
        return self._way(rental_id, route, lane).direct

    def drop(self, rental_id: RentalId) -> None:
        """Close a rental's connections; answers in progress are ended by `Exchanges`."""
        held = self._ways.pop(rental_id, None)
        for way in held[1].values() if held is not None else ():
            way.direct.close()
            task = asyncio.get_running_loop().create_task(way.session.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        for rental_id in list(self._ways):
            self.drop(rental_id)
        await asyncio.gather(*self._closing)

    def _way(self, rental_id: RentalId, route: Route, lane: str | None) -> Way:
        held = self._ways.get(rental_id)
        if held is None or (held[0] is not route and held[0] != route):
            self.drop(rental_id)
            held = self._ways[rental_id] = (route, {})
        path = lane or route.socket_path
        if path not in held[1]:
            held[1][path] = Way(_session(path), Direct(path))
        return held[1][path]


def _session(socket_path: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=NotebookConnector(socket_path, limit=0, keepalive_timeout=IDLE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        middlewares=(_once,),
        max_line_size=MAX_LINE,
        max_field_size=MAX_FIELD,
    )


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send what changes something once only: aiohttp repeats PUT and DELETE by itself."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent, and aiohttp leaves it at that
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method in asking.SAFE:
            raise
        raise aiohttp.ClientConnectionError(str(error)) from error
