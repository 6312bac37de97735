"""HTTP to a notebook and back, streamed both ways.

One client session per rental, over the local Unix socket that leads to its machine. Bodies are
passed on as they come, compressed or not, never held whole: whichever side is slow slows the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from bot.domain.rentals import RentalId
from bot.errors import Unreachable
from bot.ports.clock import Clock
from bot.ports.machines import Carries, Lanes
from bot.relay import asking, headers
from bot.relay.connectors import NotebookConnector
from bot.relay.pseudonyms import name_visitor
from bot.relay.rewriting import replaced, shows_notebooks, with_script
from bot.services.routes import Route, Traffic

CONNECT_S = 5
ANSWER_S = 300
"""How long a notebook may think before its answer begins; an upload's time is not counted."""

STALL_S = 60.0
"""How long a browser may send nothing in the middle of an upload; it holds the notebook up."""

IDLE_S = 30  # an unused connection to the notebook is kept so long
MAX_LINE = MAX_FIELD = 32 * 1024
"""Jupyter's URLs and cookies outgrow aiohttp's 8 kB."""

WHOLE_BYTES = 64 * 1024
"""A body up to this length is answered with its head, if it is there already."""

# Two slashes are another host's name, once somebody redirects there.
_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")


class Upstreams:
    """The client sessions: one for each local socket of a rental, renewed when its route changes.

    A rental's sockets are its route's, which always holds, and the lanes that are open at the time.
    """

    def __init__(self, *, lanes: Lanes | None = None) -> None:
        self._lanes = lanes
        self._sessions: dict[RentalId, tuple[Route, dict[str, aiohttp.ClientSession]]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def lane(self, rental_id: RentalId, carries: Carries) -> str | None:
        """The socket of a faster way than the route's, if there is one now."""
        return self._lanes.lane(rental_id, carries) if self._lanes is not None else None

    def session(
        self, rental_id: RentalId, route: Route, lane: str | None = None
    ) -> aiohttp.ClientSession:
        held = self._sessions.get(rental_id)
        if held is None or held[0] != route:
            self.drop(rental_id)
            held = self._sessions[rental_id] = (route, {})
        path = lane or route.socket_path
        if path not in held[1]:
            held[1][path] = _session(path)
        return held[1][path]

    def drop(self, rental_id: RentalId) -> None:
        """Close a rental's connections; answers in progress are ended by `Exchanges`."""
        held = self._sessions.pop(rental_id, None)
        for session in held[1].values() if held is not None else ():
            task = asyncio.get_running_loop().create_task(session.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        for rental_id in list(self._sessions):
            self.drop(rental_id)
        await asyncio.gather(*self._closing)


class Proxy:
    """Passes one request on. Raises Unreachable while nothing was answered yet."""

    def __init__(self, *, upstreams: Upstreams, traffic: Traffic, clock: Clock) -> None:
        self._upstreams = upstreams
        self._traffic = traffic
        self._clock = clock

    async def pass_on(
        self, request: web.BaseRequest, rental_id: RentalId, route: Route
    ) -> web.StreamResponse:
        sent = headers.up(request.headers, token=route.token)
        name_visitor(request, sent)
        if asking.is_input(request.method, request.path):
            self._traffic.human(rental_id, self._clock.now())
        if "text/html" in request.headers.get("Accept", ""):
            sent["Accept-Encoding"] = "identity"  # pages are read on the way, see `rewriting`
        if request.headers.get("Expect", "").lower() == "100-continue":
            await say_continue(request)
        body = self.body(request, rental_id) if request.body_exists else None
        if body is None:
            # A length without a body would swallow the next request on that connection.
            sent.popall("Content-Length", None)
        async with self.ask(request, rental_id, route, sent, body) as upstream:
            return await self.stream(request, rental_id, route, upstream)

    @contextlib.asynccontextmanager
    async def ask(
        self,
        request: web.BaseRequest,
        rental_id: RentalId,
        route: Route,
        sent: CIMultiDict[str],
        body: AsyncIterator[bytes] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The notebook's answer, its own body not yet read. Raises Unreachable."""
        upstream = await self.open(request, rental_id, route, sent, body)
        async with upstream:
            yield upstream

    async def open(
        self,
        request: web.BaseRequest,
        rental_id: RentalId,
        route: Route,
        sent: CIMultiDict[str],
        body: AsyncIterator[bytes] | None = None,
        *,
        carries: Carries = Carries.REQUESTS,
    ) -> aiohttp.ClientResponse:
        """The same; whoever calls closes it. Raises Unreachable."""
        url = URL(f"http://notebook{request.raw_path}", encoded=True)
        lane = self._upstreams.lane(rental_id, carries)

        async def through(lane: str | None) -> aiohttp.ClientResponse:
            return await self._upstreams.session(rental_id, route, lane).request(
                request.method, url, headers=sent, data=body, allow_redirects=False
            )

        try:
            async with asyncio.timeout(None if body is not None else ANSWER_S):
                try:
                    return await through(lane)
                except aiohttp.ClientConnectorError:
                    if lane is None:
                        raise
                    return await through(None)  # the lane has just ended; nothing was sent
        except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
            # RuntimeError: the session was closed because the route changed this very moment.
            raise Unreachable(f"{rental_id}: {type(error).__name__}") from error

    async def stream(
        self,
        request: web.BaseRequest,
        rental_id: RentalId,
        route: Route,
        upstream: aiohttp.ClientResponse,
    ) -> web.StreamResponse:
        """Pass an answer down, piece by piece.

        An answer that breaks off breaks off for the browser too: its end is never made up.
        """
        if upstream.status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise Unreachable(f"{rental_id}: switched protocols unasked")
        response = web.StreamResponse(
            status=upstream.status,
            reason=upstream.reason,
            headers=headers.down(upstream.headers, host=request.headers["Host"], token=route.token),
        )
        pieces: AsyncIterator[bytes] = upstream.content.iter_any()
        if route.token and _is_page(upstream):
            pieces = replaced(pieces, route.token.encode(), b"")
            if shows_notebooks(request.path):
                pieces = with_script(pieces)
            response.headers.popall("Content-Length", None)
        elif _is_whole(request, upstream):
            # At once and without awaiting each step: a third of a small request's time.
            body = upstream.content.read_nowait()
            self._traffic.carry(rental_id, len(body))
            return web.Response(
                status=upstream.status, reason=upstream.reason, headers=response.headers, body=body
            )
        await response.prepare(request)
        try:
            async for piece in pieces:
                self._traffic.carry(rental_id, len(piece))
                await response.write(piece)
        except aiohttp.ClientError as error:
            raise ConnectionResetError("the notebook broke off") from error
        return response

    async def body(self, request: web.BaseRequest, rental_id: RentalId) -> AsyncIterator[bytes]:
        """What the browser sends, piece by piece, counted."""
        while piece := await _next(request):
            self._traffic.carry(rental_id, len(piece))
            yield piece


async def _next(request: web.BaseRequest) -> bytes:
    """What arrives next of a body, empty at its end. Raises ConnectionError when nothing does."""
    try:
        async with asyncio.timeout(STALL_S):
            return await request.content.readany()
    except TimeoutError as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the browser stopped in the middle") from error


def well_formed(request: web.BaseRequest) -> bool:
    """Whether this is a request for a path of this host, in a method notebooks know."""
    return request.method in asking.METHODS and _PATH.fullmatch(request.raw_path) is not None


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
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method in asking.SAFE:
            raise
        raise aiohttp.ClientConnectionError(str(error)) from error


async def say_continue(request: web.BaseRequest) -> None:
    """Let a browser that asked first send its body."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # else aiohttp takes the answer for begun


def _is_whole(request: web.BaseRequest, upstream: aiohttp.ClientResponse) -> bool:
    """Whether a body of a known length has come with its head, in one piece."""
    return (
        request.method != "HEAD"
        and upstream.status == HTTPStatus.OK
        and 0 < (upstream.content_length or 0) <= WHOLE_BYTES
        and upstream.content.is_eof()
        and upstream.content.exception() is None
    )


def _is_page(upstream: aiohttp.ClientResponse) -> bool:
    return (
        upstream.status not in (204, 206, 304)
        and upstream.content_type == "text/html"
        and "Content-Encoding" not in upstream.headers
    )
