"""Other ports of a machine, each on an origin of its own: Gradio, TensorBoard, Streamlit.

What listens there is a program of the person's: it gets neither Jupyter's token nor our cookie, and
is told the address the browser is at, as such programs write it into their pages.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from bot.domain.rentals import RentalId
from bot.errors import Unreachable
from bot.ports.clock import Clock
from bot.relay import asking, headers, pages
from bot.relay.frames import DataFrames
from bot.relay.http import Proxy, say_continue
from bot.relay.sheets import Page
from bot.relay.sockets import Splice
from bot.relay.upstreams import Upstreams
from bot.services.ports import Ports
from bot.services.routes import Route, Traffic


class PortDoor:
    """Passes requests on to a port. Raises Unreachable where the machine cannot be reached."""

    def __init__(self, *, ports: Ports, traffic: Traffic, clock: Clock, secure: bool) -> None:
        self._ports = ports
        self._traffic = traffic
        self._clock = clock
        self._scheme = "https" if secure else "http"
        self._upstreams = Upstreams()
        self._proxy = Proxy(upstreams=self._upstreams, traffic=traffic, clock=clock)
        self._open: dict[RentalId, set[RentalId]] = {}

    async def pass_on(
        self, request: web.BaseRequest, rental_id: RentalId, port: int
    ) -> web.StreamResponse | Page:
        route = await self._ports.way(rental_id, port)
        key = RentalId(f"{rental_id}-{port}")
        self._open.setdefault(rental_id, set()).add(key)
        try:
            if asking.wants_websocket(request.method, request.headers):
                return await self._socket(request, rental_id, key, route)
            return await self._request(request, rental_id, key, route)
        except Unreachable:
            return pages.nothing_listens(port)

    def drop(self, rental_id: RentalId) -> None:
        """Close the connections to a machine's ports."""
        for key in self._open.pop(rental_id, ()):
            self._upstreams.drop(key)
        self._ports.forget(rental_id)

    async def close(self) -> None:
        await self._upstreams.close()

    async def _request(
        self, request: web.BaseRequest, rental_id: RentalId, key: RentalId, route: Route
    ) -> web.StreamResponse:
        sent = self._told(request, headers.up(request.headers, token=""))
        if request.method not in asking.SAFE:
            self._ports.input(rental_id, f"{request.method} {request.path}", self._clock.now())
        if request.headers.get("Expect", "").lower() == "100-continue":
            await say_continue(request)
        body = self._proxy.body(request, rental_id) if request.body_exists else None
        if body is None:
            sent.popall("Content-Length", None)
        async with await self._proxy.ask(request, key, route, sent, body) as upstream:
            return await self._proxy.stream(request, rental_id, route, upstream)

    async def _socket(
        self, request: web.BaseRequest, rental_id: RentalId, key: RentalId, route: Route
    ) -> web.StreamResponse:
        sent = self._told(request, headers.up_websocket(request.headers, token=""))
        upstream = await self._proxy.open(request, key, route, sent)
        try:
            if upstream.status != HTTPStatus.SWITCHING_PROTOCOLS:
                return await self._proxy.stream(request, rental_id, route, upstream)
            response = web.StreamResponse(
                status=upstream.status, headers=headers.down_websocket(upstream.headers)
            )
            response.force_close()
            frames, what = DataFrames(), f"WS {request.path}"

            def rising(data: bytes) -> None:
                self._traffic.carry(rental_id, len(data))
                if frames.feed(data):
                    self._ports.input(rental_id, what, self._clock.now())

            def falling(data: bytes) -> None:
                self._traffic.carry(rental_id, len(data))

            splice = Splice(request, upstream, (rising, falling))
            await response.prepare(request)
            await splice.run()
            return response
        finally:
            upstream.close()

    def _told(self, request: web.BaseRequest, sent: CIMultiDict[str]) -> CIMultiDict[str]:
        """With the address the browser is at, and nothing about who it is."""
        sent["X-Forwarded-Host"] = request.headers["Host"]
        sent["X-Forwarded-Proto"] = self._scheme
        return sent
