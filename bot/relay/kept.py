"""Connections to kernels whose browser is gone while a cell of theirs runs on.

Jupyter would hold what the kernel says in its own memory for the same session, without bounds, and
throw it away when another one connects (jupyter_server, `kernelmanager.get_buffer`). So we stay in
the browser's place: read on, answer pings, and let go when the run is over, when the session comes
back, or when the kernel is gone. A connection that breaks is made again under the same session, and
Jupyter then repeats what was said meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
from aiohttp.streams import EMPTY_PAYLOAD

from bot.domain.rentals import RentalId
from bot.relay.ears import Ear
from bot.relay.frames import PING, pong
from bot.relay.http import Upstreams
from bot.services.routes import Route, Routes

log = logging.getLogger(__name__)

AT_MOST = 64
"""Connections kept at once; one more ends the oldest."""

REJOIN_S = 5.0
_HANDSHAKE_S = 60.0  # a kernel that computes makes Jupyter wait before it answers

Key = tuple[RentalId, str, str]


class Kept:
    """The connections that are kept, each until it ends."""

    def __init__(self, *, upstreams: Upstreams, routes: Routes) -> None:
        self._upstreams = upstreams
        self._routes = routes
        self._lines: dict[Key, _Line] = {}
        self._broken: dict[Key, Ear] = {}

    def keep(
        self, rental_id: RentalId, kernel_id: str, upstream: aiohttp.ClientResponse, ear: Ear
    ) -> bool:
        """Go on listening; False where the connection is gone already."""
        connection = upstream.connection
        protocol = connection.protocol if connection is not None else None
        if protocol is None or protocol.transport is None or protocol.transport.is_closing():
            return False
        key = (rental_id, kernel_id, ear.session_id)
        self.drop(*key)
        while len(self._lines) >= AT_MOST:
            self.drop(*next(iter(self._lines)))
        line = self._lines[key] = _Line(self, key, upstream, ear)
        ear.stay(True)
        protocol.set_parser(line, EMPTY_PAYLOAD)
        log.info("kept a kernel's connection: a cell runs on without a tab")
        return True

    def drop(self, rental_id: RentalId, kernel_id: str, session_id: str) -> None:
        """Let go of a connection; one that is not kept is no error."""
        self._broken.pop((rental_id, kernel_id, session_id), None)
        line = self._lines.pop((rental_id, kernel_id, session_id), None)
        if line is not None:
            line.ear.stay(False)
            line.upstream.close()

    def has(self, key: Key, line: _Line) -> bool:
        return self._lines.get(key) is line

    def broke(self, key: Key, ear: Ear) -> None:
        """A connection ended from the other side; whatever still runs is to be heard again."""
        self.drop(*key)
        if ear.waiting:
            while len(self._broken) >= AT_MOST:
                del self._broken[next(iter(self._broken))]
            self._broken[key] = ear

    async def run(self) -> None:
        """Make broken connections anew, for ever."""
        while True:
            await asyncio.sleep(REJOIN_S)
            await self.rejoin()

    async def rejoin(self) -> None:
        """Try once, each that has a way to its notebook."""
        for key, ear in list(self._broken.items()):
            route = self._routes.get(key[0])
            if not ear.waiting:
                self._broken.pop(key, None)
            elif route is not None:
                await self._rejoin(key, ear, route)

    async def _rejoin(self, key: Key, ear: Ear, route: Route) -> None:
        rental_id, kernel_id, _ = key
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                upstream = await self._upstreams.session(rental_id, route).get(
                    f"http://notebook/api/kernels/{quote(kernel_id, safe='')}/channels",
                    params={"session_id": ear.session_id},
                    headers=_handshake(route),
                    allow_redirects=False,
                )
        except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
            log.info("a kernel could not be joined again yet: %s", type(error).__name__)
            return
        if self._broken.pop(key, None) is None:  # the session has come back meanwhile
            upstream.close()
        elif upstream.status == HTTPStatus.SWITCHING_PROTOCOLS:
            ear.anew()
            if not self.keep(rental_id, kernel_id, upstream, ear):
                upstream.close()
                self._broken[key] = ear
        else:
            upstream.close()
            if upstream.status == HTTPStatus.NOT_FOUND:
                ear.over()
            else:
                self._broken[key] = ear

    def close(self) -> None:
        for key in list(self._lines):
            self.drop(*key)


class _Line:
    """Stands where aiohttp puts its frame parser, as `sockets.Hose` does."""

    def __init__(self, kept: Kept, key: Key, upstream: aiohttp.ClientResponse, ear: Ear) -> None:
        self._kept = kept
        self._key = key
        self.upstream = upstream
        self.ear = ear

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp with what arrived."""
        for message in self.ear.hear(data):
            if message.opcode == PING:
                self._write(pong(message.body))
            else:
                self._kept.broke(self._key, self.ear)
        if not self.ear.waiting:
            self._kept.drop(*self._key)
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp when the notebook is gone, or the way to it."""
        if self._kept.has(self._key, self):
            self._kept.broke(self._key, self.ear)

    def _write(self, data: bytes) -> None:
        connection = self.upstream.connection
        if connection is not None and connection.transport is not None:
            connection.transport.write(data)


def _handshake(route: Route) -> dict[str, str]:
    return {
        "Authorization": f"token {route.token}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Protocol": "v1.kernel.websocket.jupyter.org",
    }
