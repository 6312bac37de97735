"""WebSockets: the handshake is checked and passed on, then bytes go both ways as they are.

Taking every frame apart in Python and making it anew costs two thirds of the throughput
(reference relay-performance, finding 3), so after the handshake each end's bytes are written to
the other end at once. Subprotocols, compression, pings and close codes are thereby the notebook's
and the browser's own business. Only frame headers are looked at, to know when a person did
something.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus

import aiohttp
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD

from bot.domain.rentals import RentalId
from bot.errors import Unreachable
from bot.ports.clock import Clock
from bot.relay import headers
from bot.relay.frames import DataFrames
from bot.relay.http import Proxy
from bot.services.routes import Route, Traffic


class Sockets:
    """Passes WebSockets on."""

    def __init__(self, *, proxy: Proxy, traffic: Traffic, clock: Clock) -> None:
        self._proxy = proxy
        self._traffic = traffic
        self._clock = clock

    async def pass_on(
        self, request: web.BaseRequest, rental_id: RentalId, route: Route
    ) -> web.StreamResponse:
        """Pass a handshake on and, if it is accepted, the bytes until either end is done.

        Raises Unreachable while nothing was answered yet.
        """
        sent = headers.up_websocket(request.headers, token=route.token)
        async with self._proxy.ask(request, rental_id, route, sent) as upstream:
            if upstream.status != HTTPStatus.SWITCHING_PROTOCOLS:
                return await self._proxy.stream(request, rental_id, route, upstream)
            response = web.StreamResponse(
                status=upstream.status, headers=headers.down_websocket(upstream.headers)
            )
            response.force_close()
            splice = Splice(request, upstream, self._listener(request, rental_id))
            await response.prepare(request)
            await splice.run()
            return response

    def _listener(
        self, request: web.BaseRequest, rental_id: RentalId
    ) -> tuple[Callable[[bytes], None], Callable[[bytes], None]]:
        """What to do with bytes going up, and with bytes coming down."""
        frames = DataFrames()
        is_input = headers.is_input_socket(request.path)

        def count(data: bytes) -> None:
            self._traffic.carry(rental_id, len(data))

        def listen(data: bytes) -> None:
            count(data)
            if frames.feed(data):
                self._traffic.human(rental_id, self._clock.now())

        return (listen if is_input else count), count


class Splice:
    """Two connections after a WebSocket handshake, joined."""

    def __init__(
        self,
        request: web.BaseRequest,
        upstream: aiohttp.ClientResponse,
        listeners: tuple[Callable[[bytes], None], Callable[[bytes], None]],
    ) -> None:
        connection = upstream.connection
        below, above = request.protocol, connection.protocol if connection else None
        if above is None or above.transport is None:
            raise Unreachable("the notebook accepted a WebSocket and hung up")
        if below.transport is None:
            raise ConnectionResetError("the browser is gone")
        self._below, self._above = below, above
        self._over = asyncio.Event()
        self._rising = Hose(below.transport, above, listeners[0], self._over)
        self._falling = Hose(above.transport, below, listeners[1], self._over)

    async def run(self) -> None:
        """Pass bytes until one end is done; what is written by then is still delivered."""
        self._below.set_parser(self._rising)  # type: ignore[arg-type]
        self._above.set_parser(self._falling, EMPTY_PAYLOAD)
        if self._above.transport is None:
            self._over.set()  # it hung up before anybody listened
        relieving = [
            asyncio.ensure_future(hose.relieve()) for hose in (self._rising, self._falling)
        ]
        try:
            await self._over.wait()
        finally:
            for task in relieving:
                task.cancel()
            await asyncio.gather(*relieving, return_exceptions=True)


class Hose:
    """One direction: what arrives at one end is written to the other.

    It stands where aiohttp puts its own frame parser (`set_parser`), so aiohttp goes on owning
    both connections. When the far end is slow, the near end is not read until it has caught up.
    """

    def __init__(
        self,
        source: asyncio.Transport,
        sink: BaseProtocol,
        listen: Callable[[bytes], None],
        over: asyncio.Event,
    ) -> None:
        self._source = source
        self._sink = sink
        self._listen = listen
        self._over = over
        self._full = asyncio.Event()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp with what arrived; says that it is not the end and nothing is left."""
        transport = self._sink.transport
        if transport is None or transport.is_closing():
            self._over.set()
            return False, b""
        transport.write(data)
        self._listen(data)
        if self._sink.writing_paused:
            self._source.pause_reading()
            self._full.set()
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp when the near end is gone."""
        self._over.set()

    async def relieve(self) -> None:
        """Read on whenever a full sink has drained."""
        writer = StreamWriter(self._sink, asyncio.get_running_loop())
        with contextlib.suppress(ConnectionError):  # the sink is gone; its own hose says so
            while True:
                await self._full.wait()
                self._full.clear()
                await writer.drain()
                self._source.resume_reading()
