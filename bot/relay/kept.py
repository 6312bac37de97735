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
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
from aiohttp.streams import EMPTY_PAYLOAD

from bot.domain.rentals import RentalId
from bot.relay.ears import Ear
from bot.relay.frames import GOODBYE, PING, Flooded, pong
from bot.relay.upstreams import Upstreams
from bot.services.routes import Route, Routes
from bot.tasks import rest

log = logging.getLogger(__name__)

AT_MOST = 64
"""Connections kept at once; one more ends the oldest."""

TAB_S = 150.0
"""How long a tab tries to connect again at least: JupyterLab doubles its pauses, seven times."""

REJOIN_S = 5.0
FIRST_S = 5.0
GOODBYE_S = 1.0
_HANDSHAKE_S = 60.0  # a kernel that computes makes Jupyter wait before it answers

Key = tuple[RentalId, str, str]


class Kept:
    """The connections that are kept, each until it ends."""

    def __init__(self, *, upstreams: Upstreams, routes: Routes) -> None:
        self._upstreams = upstreams
        self._routes = routes
        self._lines: dict[Key, _Line] = {}
        self._broken: dict[Key, _Broken] = {}
        self._joining: dict[Key, asyncio.Lock] = {}

    def keep(
        self, rental_id: RentalId, kernel_id: str, upstream: aiohttp.ClientResponse | None, ear: Ear
    ) -> bool:
        """Go on listening; False where there is no connection, or it is gone already.

        The tab may be there then and come back by itself; only when it does not, we do.
        """
        connection = upstream.connection if upstream is not None else None
        protocol = connection.protocol if connection is not None else None
        transport = protocol.transport if protocol is not None else None
        key = (rental_id, kernel_id, ear.session_id)
        if upstream is None or protocol is None or transport is None or transport.is_closing():
            self._lose(key, ear, after_s=TAB_S)
            return False
        self.drop(*key)
        while len(self._lines) >= AT_MOST:
            self.drop(*next(iter(self._lines)))
        line = self._lines[key] = _Line(self, key, upstream, ear)
        ear.stay(True)
        transport.resume_reading()  # a browser that stopped reading has held it back
        protocol.set_parser(line, EMPTY_PAYLOAD)
        log.info("kept a kernel's connection: a cell runs on without a tab")
        return True

    def drop(self, rental_id: RentalId, kernel_id: str, session_id: str) -> Ear | None:
        """Let go of a connection, and return who listened; one that is not kept is no error."""
        broken = self._broken.pop((rental_id, kernel_id, session_id), None)
        line = self._lines.pop((rental_id, kernel_id, session_id), None)
        if line is None:
            return broken.ear if broken is not None else None
        line.ear.stay(False)
        line.upstream.close()
        return line.ear

    def has(self, key: Key, line: _Line) -> bool:
        return self._lines.get(key) is line

    def broke(self, key: Key, ear: Ear) -> None:
        """A connection ended from the other side; whatever still runs is to be heard again."""
        self.drop(*key)
        if ear.waiting:
            self._lose(key, ear)

    def resume(self, key: Key, ear: Ear, *, after_s: float = 0.0) -> None:
        """Take up, after so long, what was kept before this process began."""
        after = asyncio.get_running_loop().time() + after_s
        self._broken[key] = _Broken(ear, after)

    def _lose(self, key: Key, ear: Ear, *, after_s: float = 0.0) -> None:
        while len(self._broken) >= AT_MOST:
            del self._broken[next(iter(self._broken))]
        self.resume(key, ear, after_s=after_s)

    async def first(self, rental_id: RentalId, kernel_id: str, session_id: str) -> None:
        """Before another session connects, join those that Jupyter holds something for.

        It would throw that away. Takes a few seconds at most.
        """
        keys = [key for key in self._broken if key[:2] == (rental_id, kernel_id)]
        route = self._routes.get(rental_id)
        if route is None or any(key[2] == session_id for key in keys):
            return
        try:
            async with asyncio.timeout(FIRST_S):
                for key in keys:
                    await self._rejoin(key, route)
        except TimeoutError:
            log.info("a kernel could not be joined before a browser came")

    async def run(self) -> None:
        """Make broken connections anew, for ever."""
        while True:
            await rest(REJOIN_S)
            await self.rejoin()

    async def rejoin(self) -> None:
        """Try once, each that has a way to its notebook; one machine that hangs delays no other."""
        kernels: dict[tuple[RentalId, str], list[Key]] = {}
        for key in self._broken:
            kernels.setdefault(key[:2], []).append(key)
        await asyncio.gather(*(self._in_turn(keys) for keys in kernels.values()))

    async def _in_turn(self, keys: list[Key]) -> None:
        """Those of one kernel, in their order.

        What Jupyter holds is the session's whose turn it was; another that came before would make
        it throw that away.
        """
        now = asyncio.get_running_loop().time()
        for key in keys:
            broken, route = self._broken.get(key), self._routes.get(key[0])
            if broken is not None and not broken.ear.waiting:
                self._broken.pop(key, None)
            elif broken is not None and route is not None and now >= broken.after:
                await self._rejoin(key, route)
            if key in self._broken:
                return

    async def _rejoin(self, key: Key, route: Route) -> None:
        async with self._joining.setdefault(key, asyncio.Lock()):
            broken = self._broken.get(key)
            if broken is not None:
                await self._join(key, broken, route)
        if key not in self._broken:
            self._joining.pop(key, None)

    async def _join(self, key: Key, broken: _Broken, route: Route) -> None:
        rental_id, kernel_id, _ = key
        ear = broken.ear
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
        if key not in self._broken:  # the session has come back meanwhile
            upstream.close()
        elif upstream.status == HTTPStatus.SWITCHING_PROTOCOLS:
            del self._broken[key]
            binary = bool(upstream.headers.get("Sec-WebSocket-Protocol"))
            asked = ear.anew(binary=binary)
            if self.keep(rental_id, kernel_id, upstream, ear):
                line = self._lines.get(key)
                if line is not None:  # what came with the answer may have told of the end
                    line.write(asked)
            else:
                upstream.close()
                self._broken[key] = broken
        else:
            upstream.close()  # it keeps its turn
            if upstream.status == HTTPStatus.NOT_FOUND:
                del self._broken[key]
                ear.over()

    async def aclose(self) -> None:
        """Let go of all, so that nothing is lost on the way; done within a second or so.

        Jupyter answers a goodbye when it has said everything, and holds for the session what comes
        then. It holds for the last of a kernel's sessions only: that is the one whose run goes on.
        """
        kernels: dict[tuple[RentalId, str], list[_Line]] = {}
        for key, line in self._lines.items():
            kernels.setdefault(key[:2], []).append(line)
        try:
            async with asyncio.timeout(GOODBYE_S):
                await asyncio.gather(*(_goodbye(lines) for lines in kernels.values()))
        except TimeoutError:
            log.info("a kernel's connection was cut without an answer to the goodbye")
        for key in list(self._lines):
            self.drop(*key)


async def _goodbye(lines: list[_Line]) -> None:
    for line in sorted(lines, key=lambda line: line.ear.turn, reverse=True):
        await line.goodbye()


@dataclass(frozen=True, slots=True)
class _Broken:
    ear: Ear
    after: float = 0.0  # of the loop's time: it is not joined before


class _Line:
    """Stands where aiohttp puts its frame parser, as `sockets.Hose` does."""

    def __init__(self, kept: Kept, key: Key, upstream: aiohttp.ClientResponse, ear: Ear) -> None:
        self._kept = kept
        self._key = key
        self.upstream = upstream
        self.ear = ear
        self._left: asyncio.Event | None = None

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp with what arrived."""
        try:
            heard = self.ear.hear(data)
        except Flooded:
            log.warning("let go of a kernel's connection that is flooded with pings")
            self._over()
            return False, b""
        for message in heard:
            if message.opcode == PING:
                self.write(pong(bytes(message.body)))
            elif self._left is not None:
                self._left.set()
            else:
                self._kept.broke(self._key, self.ear)
        if not self.ear.waiting:
            self._over()
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp when the notebook is gone, or the way to it."""
        if self._left is not None:
            self._left.set()
        elif self._kept.has(self._key, self):
            self._kept.broke(self._key, self.ear)

    async def goodbye(self) -> None:
        """End in order: return when all that was said before has been heard."""
        self._left = asyncio.Event()
        self.write(GOODBYE)
        await self._left.wait()

    def _over(self) -> None:
        if self._left is not None:
            self._left.set()
        if self._kept.has(self._key, self):
            self._kept.drop(*self._key)

    def write(self, data: bytes) -> None:
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
