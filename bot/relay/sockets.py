"""WebSockets: the handshake is checked and passed on, then bytes go both ways as they are.

Taking every frame apart in Python and making it anew costs two thirds of the throughput
(reference relay-performance, finding 3), so after the handshake each end's bytes are written to
the other end at once. Subprotocols, compression, pings and close codes are thereby the notebook's
and the browser's own business. What passes is looked at: frame headers, to know when a person did
something, and messages of kernels, to know what a cell puts out (`ears.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
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
from bot.ports.machines import Carries
from bot.relay import asking, headers
from bot.relay.ears import Ear
from bot.relay.frames import CLOSED, DataFrames, Flooded
from bot.relay.http import Proxy
from bot.relay.kept import Kept
from bot.relay.pseudonyms import name_visitor
from bot.services.outputs import Outputs
from bot.services.routes import Route, Traffic

log = logging.getLogger(__name__)

LONG_S = 0.01
"""Processor time for what one read brought, after which a connection rests for as long: who sends
what is dear to read, as messages of no length, has half of the loop at most."""

Listener = Callable[[bytes], None]
Joined = Callable[[RentalId, str, str], None]
"""Told of a rental, a kernel and the session that connects to it here."""
Gate = Callable[[bytes], int]
"""Says how many of the bytes may pass; with less than all of them, the connection is over."""


class Sockets:
    """Passes WebSockets on. Those to kernels are listened to, and kept while a cell runs on."""

    def __init__(
        self,
        *,
        proxy: Proxy,
        kept: Kept,
        traffic: Traffic,
        clock: Clock,
        outputs: Outputs | None = None,
        joined: Joined | None = None,
    ) -> None:
        self._joined = joined
        self._proxy = proxy
        self._traffic = traffic
        self._clock = clock
        self._kept = kept
        self._outputs = outputs

    async def pass_on(
        self, request: web.BaseRequest, rental_id: RentalId, route: Route
    ) -> web.StreamResponse:
        """Pass a handshake on and, if it is accepted, the bytes until either end is done.

        Raises Unreachable while nothing was answered yet.
        """
        sent = headers.up_websocket(request.headers, token=route.token)
        name_visitor(request, sent)
        kernel_id = asking.kernel_of(request.path)
        session_id = request.query.get("session_id", "")
        left: Ear | None = None  # who has listened in this session's place until now
        if kernel_id is not None:
            # What is compressed cannot be listened to; Jupyter itself does not compress either.
            sent.popall("Sec-WebSocket-Extensions", None)
            await self._kept.first(rental_id, kernel_id, session_id)
            left = self._kept.drop(rental_id, kernel_id, session_id)
            if self._joined is not None:
                self._joined(rental_id, kernel_id, session_id)
        ear: Ear | None = None
        upstream: aiohttp.ClientResponse | None = None
        try:
            upstream = await self._proxy.open(
                request, rental_id, route, sent, carries=Carries.SOCKETS
            )
            if upstream.status != HTTPStatus.SWITCHING_PROTOCOLS:
                return await self._proxy.stream(request, rental_id, route, upstream)
            response = web.StreamResponse(
                status=upstream.status, headers=headers.down_websocket(upstream.headers)
            )
            response.force_close()
            rising, falling = self._counting(rental_id), self._counting(rental_id)
            gate: Gate = len
            if kernel_id is not None:
                ear = self._ear(rental_id, kernel_id, session_id)
                gate, falling = ear.up, _both(falling, ear.down)
            elif asking.is_input_socket(request.path):
                rising = _both(rising, self._typing(rental_id))
            splice = Splice(request, upstream, (rising, falling), gate)
            await response.prepare(request)
            await splice.run()
            return response
        finally:
            if ear is not None:
                ear.leave()
            listener = ear or left
            kept = (
                listener is not None
                and kernel_id is not None
                and listener.waiting
                and self._kept.keep(rental_id, kernel_id, upstream if ear else None, listener)
            )
            if upstream is not None and not kept:
                upstream.close()

    def _counting(self, rental_id: RentalId) -> Listener:
        def count(data: bytes) -> None:
            self._traffic.carry(rental_id, len(data))

        return count

    def _typing(self, rental_id: RentalId) -> Listener:
        """Any data to a terminal is a person's."""
        frames = DataFrames()

        def listen(data: bytes) -> None:
            if frames.feed(data):
                self._traffic.human(rental_id, self._clock.now())

        return listen

    def _ear(self, rental_id: RentalId, kernel_id: str, session_id: str) -> Ear:
        outputs = self._outputs
        return Ear(
            talk=outputs.talk(rental_id, kernel_id, session_id) if outputs is not None else None,
            human=lambda: self._traffic.human(rental_id, self._clock.now()),
            clock=self._clock,
        )


def _both(first: Listener, second: Listener) -> Listener:
    def listen(data: bytes) -> None:
        first(data)
        second(data)

    return listen


class Splice:
    """Two connections after a WebSocket handshake, joined."""

    def __init__(
        self,
        request: web.BaseRequest,
        upstream: aiohttp.ClientResponse,
        listeners: tuple[Listener, Listener],
        gate: Gate = len,
    ) -> None:
        connection = upstream.connection
        below, above = request.protocol, connection.protocol if connection else None
        if above is None or above.transport is None:
            raise Unreachable("the notebook accepted a WebSocket and hung up")
        if below.transport is None:
            raise ConnectionResetError("the browser is gone")
        self._below, self._above = below, above
        self._over = asyncio.Event()
        self._rising = Hose(below.transport, above, listeners[0], self._over, gate)
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
    Nor is it for a while when reading it took long.
    """

    def __init__(
        self,
        source: asyncio.Transport,
        sink: BaseProtocol,
        listen: Listener,
        over: asyncio.Event,
        gate: Gate = len,
    ) -> None:
        self._gate = gate
        self._source = source
        self._sink = sink
        self._listen = listen
        self._over = over
        self._full = asyncio.Event()
        self._rest_s = 0.0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp with what arrived; says that it is not the end and nothing is left."""
        transport = self._sink.transport
        if transport is None or transport.is_closing():
            self._over.set()
            return False, b""
        began = time.thread_time()
        try:
            self._pass(data, transport)
        except Flooded:
            log.warning("ended a WebSocket that is flooded with pings")
            self._source.pause_reading()
            self._over.set()
            return False, b""
        took = time.thread_time() - began
        if took > LONG_S:
            self._rest_s = took
        if self._rest_s or self._sink.writing_paused:
            self._source.pause_reading()
            self._full.set()
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp when the near end is gone."""
        self._over.set()

    def _pass(self, data: bytes, transport: asyncio.Transport) -> None:
        pass_on = self._gate(data)
        if pass_on < len(data):
            data = data[:pass_on]
            self._source.write(CLOSED)
            self._over.set()
        transport.write(data)
        self._listen(data)

    async def relieve(self) -> None:
        """Read on whenever a full sink has drained, or the near end has rested."""
        writer = StreamWriter(self._sink, asyncio.get_running_loop())
        with contextlib.suppress(ConnectionError):  # the sink is gone; its own hose says so
            while True:
                await self._full.wait()
                self._full.clear()
                if self._rest_s:
                    rest_s, self._rest_s = self._rest_s, 0.0
                    await asyncio.sleep(rest_s)
                await writer.drain()
                self._source.resume_reading()
