"""WebSockets of those who may only look: by message, as what is refused is answered here.

Both ends are asked for Jupyter's older form, in which a message is one piece of JSON: browsers and
Jupyter take it where nothing newer was agreed on. It is slower, and nobody types through it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging

import aiohttp
from aiohttp import WSMsgType, web

from bot.domain.rentals import RentalId
from bot.errors import Unreachable
from bot.ports.books import Pass
from bot.relay import asking, pages, viewing
from bot.relay.frames import Controls, Flooded
from bot.relay.kept import Kept
from bot.relay.sheets import Page
from bot.relay.upstreams import Upstreams
from bot.services.routes import Route, Traffic

HANDSHAKE_S = 60.0
ANSWER_S = 10.0
GOODBYE_S = 2.0
"""How long a notebook may take to answer our goodbye."""
UP_BYTES = 1024 * 1024
DOWN_BYTES = 256 * 1024 * 1024
_PASSED = ("User-Agent", "Accept-Language", "Host", "Origin")

log = logging.getLogger(__name__)


class Watching:
    """Passes on what a kernel says, and of what is said to it only questions about itself."""

    def __init__(self, *, upstreams: Upstreams, kept: Kept, traffic: Traffic) -> None:
        self._upstreams = upstreams
        self._kept = kept
        self._traffic = traffic

    async def pass_on(
        self, request: web.BaseRequest, rental_id: RentalId, route: Route, visitor: Pass
    ) -> web.StreamResponse | Page:
        """Raises Unreachable while nothing was answered yet."""
        if not viewing.may_connect(request.path):
            return pages.view_only()
        kernel_id = asking.kernel_of(request.path) or ""
        session_id = viewing.own_session(request.query.get("session_id", ""), visitor.digest)
        await self._kept.first(rental_id, kernel_id, session_id)
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                upstream = await self._upstreams.session(rental_id, route).ws_connect(
                    f"http://notebook{request.path}",
                    params={"session_id": session_id},
                    headers=_handshake(request, route),
                    max_msg_size=DOWN_BYTES,
                    autoping=False,
                )
        except aiohttp.WSServerHandshakeError as error:
            return pages.no_kernel() if error.status == 404 else pages.view_only()
        except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
            raise Unreachable(f"{rental_id}: {type(error).__name__}") from error
        try:
            socket = web.WebSocketResponse(
                max_msg_size=UP_BYTES, compress=False, heartbeat=30, autoping=False
            )
            await socket.prepare(request)
            await self._both(rental_id, socket, upstream)
            return socket
        finally:
            # In all: aiohttp gives each message that still comes as long again.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await upstream.close()

    async def _both(
        self,
        rental_id: RentalId,
        socket: web.WebSocketResponse,
        upstream: aiohttp.ClientWebSocketResponse,
    ) -> None:
        """Until either end is done."""
        ways = [
            asyncio.ensure_future(self._up(rental_id, socket, upstream)),
            asyncio.ensure_future(self._down(rental_id, socket, upstream)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            ended = await asyncio.gather(*ways, return_exceptions=True)
            if any(isinstance(error, Flooded) for error in ended):
                log.warning("ended a WebSocket that is flooded with pings")
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    await socket.close()

    async def _up(
        self,
        rental_id: RentalId,
        socket: web.WebSocketResponse,
        upstream: aiohttp.ClientWebSocketResponse,
    ) -> None:
        controls = Controls()
        async for message in socket:
            if await _control(message, socket, controls):
                continue
            if message.type is not WSMsgType.TEXT:
                continue  # only what carries data of widgets is binary, and that changes something
            said = viewing.read(message.data)
            if said is None:
                continue
            answers = viewing.answer(said)
            if answers is None:
                self._traffic.carry(rental_id, len(message.data))
                await upstream.send_str(message.data)
            for one in answers or ():
                await socket.send_str(json.dumps(one))

    async def _down(
        self,
        rental_id: RentalId,
        socket: web.WebSocketResponse,
        upstream: aiohttp.ClientWebSocketResponse,
    ) -> None:
        controls = Controls()
        async for message in upstream:
            if await _control(message, upstream, controls):
                continue
            self._traffic.carry(rental_id, len(message.data or ""))
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)


async def _control(
    message: aiohttp.WSMessage,
    end: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    controls: Controls,
) -> bool:
    """Whether it was a ping or a pong; a ping is answered. Raises Flooded."""
    if message.type not in (WSMsgType.PING, WSMsgType.PONG):
        return False
    controls.count()
    if message.type is WSMsgType.PING:
        await end.pong(message.data)
    return True


def _handshake(request: web.BaseRequest, route: Route) -> dict[str, str]:
    passed = {name: request.headers[name] for name in _PASSED if name in request.headers}
    return {**passed, "Authorization": f"token {route.token}"}
