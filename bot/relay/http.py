"""HTTP to a notebook and back, streamed both ways.

Bodies are passed on as they come, compressed or not, never held whole: whichever side is slow slows
the other.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from bot.domain.rentals import RentalId
from bot.errors import Unreachable
from bot.ports.clock import Clock
from bot.ports.machines import Carries
from bot.relay import asking, headers
from bot.relay.direct import Answer, NoSocket
from bot.relay.pseudonyms import name_visitor
from bot.relay.rewriting import replaced, shows_notebooks, with_script
from bot.relay.upstreams import Upstreams
from bot.services.routes import Route, Traffic

ANSWER_S = 300
"""How long a notebook may think before its answer begins; an upload's time is not counted."""

STALL_S = 60.0
"""How long a browser may send nothing in the middle of an upload; it holds the notebook up."""

WHOLE_BYTES = 64 * 1024
"""A body up to this length is answered with its head, if it is there already."""

Answered = aiohttp.ClientResponse | Answer

BY_ITSELF = web.RequestKey("by itself", bool)
"""Set on what a tab may have sent by itself, though it changes something."""

_One = TypeVar("_One", bound=Answered)

# Two slashes are another host's name, once somebody redirects there.
_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")


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
        if asking.is_input(request.method, request.path) and BY_ITSELF not in request:
            self._traffic.human(rental_id, self._clock.now())
        if "text/html" in request.headers.get("Accept", ""):
            sent["Accept-Encoding"] = "identity"  # pages are read on the way, see `rewriting`
        if request.headers.get("Expect", "").lower() == "100-continue":
            await say_continue(request)
        body = self.body(request, rental_id) if request.body_exists else None
        if body is None:
            # A length without a body would swallow the next request on that connection.
            sent.popall("Content-Length", None)
        async with await self.ask(request, rental_id, route, sent, body) as upstream:
            return await self.stream(request, rental_id, route, upstream)

    async def ask(
        self,
        request: web.BaseRequest,
        rental_id: RentalId,
        route: Route,
        sent: CIMultiDict[str],
        body: AsyncIterator[bytes] | None = None,
    ) -> Answered:
        """The notebook's answer, its own body not yet read; whoever calls closes it.

        Raises Unreachable.
        """
        if body is None and request.method in asking.SAFE:
            return await self._brief(request, rental_id, route, sent)
        return await self.open(request, rental_id, route, sent, body)

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
        """The same, for whatever has a body or is a WebSocket."""
        url = URL(f"http://notebook{request.raw_path}", encoded=True)
        limit_s = None if body is not None else ANSWER_S

        async def through(lane: str | None) -> aiohttp.ClientResponse:
            async with asyncio.timeout(limit_s):
                return await self._upstreams.session(rental_id, route, lane).request(
                    request.method, url, headers=sent, data=body, allow_redirects=False
                )

        return await self._tried(rental_id, carries, through)

    async def _brief(
        self, request: web.BaseRequest, rental_id: RentalId, route: Route, sent: CIMultiDict[str]
    ) -> Answer:
        target = request.raw_path.partition("#")[0]

        async def through(lane: str | None) -> Answer:
            direct = self._upstreams.direct(rental_id, route, lane)
            return await direct.ask(request.method, target, sent, within_s=ANSWER_S)

        return await self._tried(rental_id, Carries.REQUESTS, through)

    async def _tried(
        self,
        rental_id: RentalId,
        carries: Carries,
        through: Callable[[str | None], Awaitable[_One]],
    ) -> _One:
        """By the lane, or the route's own way where there is none. Raises Unreachable."""
        lane = self._upstreams.lane(rental_id, carries)
        try:
            try:
                return await through(lane)
            except (aiohttp.ClientConnectorError, NoSocket):
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
        upstream: Answered,
    ) -> web.StreamResponse:
        """Pass an answer down, piece by piece.

        An answer that breaks off breaks off for the browser too: its end is never made up.
        """
        if upstream.status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise Unreachable(f"{rental_id}: switched protocols unasked")
        passed = headers.down(upstream.headers, host=request.headers["Host"], token=route.token)
        if request.method != "HEAD" and upstream.status not in (204, 304):
            # Else aiohttp names one, and a browser keeps as a file what it would have shown.
            passed.setdefault("Content-Type", "")
        if route.token and _is_page(upstream):
            pieces = replaced(upstream.content.iter_any(), route.token.encode(), b"")
            if shows_notebooks(request.path):
                pieces = with_script(pieces)
            passed.popall("Content-Length", None)
        elif _is_whole(request, upstream):
            # At once and without awaiting each step: a third of a small request's time.
            body = upstream.content.read_nowait()
            self._traffic.carry(rental_id, len(body))
            return web.Response(
                status=upstream.status, reason=upstream.reason, headers=passed, body=body
            )
        else:
            pieces = upstream.content.iter_any()
        response = web.StreamResponse(
            status=upstream.status, reason=upstream.reason, headers=passed
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


async def say_continue(request: web.BaseRequest) -> None:
    """Let a browser that asked first send its body."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # else aiohttp takes the answer for begun


def _is_whole(request: web.BaseRequest, upstream: Answered) -> bool:
    """Whether a body of a known length has come with its head, in one piece."""
    return (
        request.method != "HEAD"
        and upstream.status == HTTPStatus.OK
        and 0 < (upstream.content_length or 0) <= WHOLE_BYTES
        and upstream.content.is_eof()
        and upstream.content.exception() is None
    )


def _is_page(upstream: Answered) -> bool:
    return (
        upstream.status not in (204, 206, 304)
        and upstream.content_type == "text/html"
        and "Content-Encoding" not in upstream.headers
    )
