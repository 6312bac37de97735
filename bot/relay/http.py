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
from bot.relay import headers
from bot.relay.rewriting import replaced, shows_notebooks, with_script
from bot.services.routes import Route, Traffic

CONNECT_S = 5
ANSWER_S = 300
"""How long a notebook may think before its answer begins; an upload's time is not counted."""

IDLE_S = 30  # an unused connection to the notebook is kept so long
MAX_LINE = MAX_FIELD = 32 * 1024
"""Jupyter's URLs and cookies outgrow aiohttp's 8 kB."""

_PATH = re.compile(r"/[\x21-\x7e]*")


class Upstreams:
    """The client sessions, one per rental, renewed when its route changes."""

    def __init__(self) -> None:
        self._sessions: dict[RentalId, tuple[Route, aiohttp.ClientSession]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def session(self, rental_id: RentalId, route: Route) -> aiohttp.ClientSession:
        held = self._sessions.get(rental_id)
        if held is not None and held[0] == route:
            return held[1]
        self.drop(rental_id)
        session = _session(route)
        self._sessions[rental_id] = (route, session)
        return session

    def drop(self, rental_id: RentalId) -> None:
        """Close a rental's connections; answers in progress are ended by `Exchanges`."""
        held = self._sessions.pop(rental_id, None)
        if held is not None:
            task = asyncio.get_running_loop().create_task(held[1].close())
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
        if headers.is_input(request.method, request.path):
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
    ) -> aiohttp.ClientResponse:
        """The same; whoever calls closes it. Raises Unreachable."""
        try:
            async with asyncio.timeout(None if body is not None else ANSWER_S):
                return await self._upstreams.session(rental_id, route).request(
                    request.method,
                    URL(f"http://notebook{request.raw_path}", encoded=True),
                    headers=sent,
                    data=body,
                    allow_redirects=False,
                )
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
            headers=headers.down(upstream.headers, host=request.headers["Host"]),
        )
        pieces: AsyncIterator[bytes] = upstream.content.iter_any()
        if route.token and _is_page(upstream):
            pieces = replaced(pieces, route.token.encode(), b"")
            if shows_notebooks(request.path):
                pieces = with_script(pieces)
            response.headers.popall("Content-Length", None)
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
        async for piece in request.content.iter_any():
            self._traffic.carry(rental_id, len(piece))
            yield piece


def well_formed(request: web.BaseRequest) -> bool:
    """Whether this is a request for a path of this host, in a method notebooks know."""
    return request.method in headers.METHODS and _PATH.fullmatch(request.raw_path) is not None


def _session(route: Route) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(route.socket_path, limit=0, keepalive_timeout=IDLE_S),
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
        if request.method in headers.SAFE:
            raise
        raise aiohttp.ClientConnectionError(str(error)) from error


async def say_continue(request: web.BaseRequest) -> None:
    """Let a browser that asked first send its body."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # else aiohttp takes the answer for begun


def _is_page(upstream: aiohttp.ClientResponse) -> bool:
    return (
        upstream.status == 200
        and upstream.content_type == "text/html"
        and "Content-Encoding" not in upstream.headers
    )
