"""The relay: a small web server that lets people into their notebooks and nobody else.

The Host header decides which rental a request is for, a cookie decides whether it may pass, and
the route decides where to. This module is also the relay's outermost door: whatever goes wrong
below is turned into a page here.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from datetime import datetime

from aiohttp import web

from bot.domain.origins import Origin, origin_of
from bot.domain.rentals import Reason, RentalId, State
from bot.errors import BadInput, BotError, Unreachable
from bot.log import bound
from bot.ports.books import Pass, Rentals
from bot.ports.clock import Clock
from bot.ports.machines import Lanes
from bot.ports.vitals import Carried
from bot.relay import headers, pages, sheets, viewing
from bot.relay.condition import Condition, Health, Metrics
from bot.relay.curfew import SESSION_OVER, WAY_GONE, Curfew
from bot.relay.doors import TICKET_PATH, Doors
from bot.relay.downloads import DOWNLOAD_PATH, DownloadDoor
from bot.relay.ears import Ear
from bot.relay.exchanges import Exchanges
from bot.relay.hosts import Hosts, Place
from bot.relay.http import MAX_FIELD, MAX_LINE, Proxy, Upstreams, well_formed
from bot.relay.kept import Kept
from bot.relay.looks import Looks
from bot.relay.ports import PortDoor
from bot.relay.pseudonyms import VISITOR, Pseudonyms
from bot.relay.server import Server, known
from bot.relay.sheets import Link, Page
from bot.relay.signing_in import SIGN_IN_PATH, SignInDoor
from bot.relay.sockets import Sockets
from bot.relay.tally import Tally
from bot.relay.telling import Telling
from bot.relay.watching import Watching
from bot.services.downloads import Downloads
from bot.services.links import Links
from bot.services.outputs import Outputs
from bot.services.ports import Ports
from bot.services.recordings import Restored
from bot.services.routes import Route, Routes, Traffic
from bot.services.sign_in import SignIn

CLOSE_S = 1.5
"""How long open requests may take to end when we stop; aiohttp waits it twice at worst."""

TAB_S = 150.0
"""How long a tab tries to connect again at least: JupyterLab doubles its pauses, seven times."""

_IDLE_S = 75  # an unused browser connection is kept so long, and a half-sent request
_LINGER_S = 2  # how long the rest of a refused upload is read, so that the answer is seen

log = logging.getLogger(__name__)


class Relay:
    """The browser's door. `start` and `close` once each; `drop` ends a rental's connections."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        relay_url: str,
        links: Links,
        routes: Routes,
        traffic: Traffic,
        rentals: Rentals,
        health: Health,
        clock: Clock,
        outputs: Outputs | None = None,
        lanes: Lanes | None = None,
        downloads: Downloads | None = None,
        metrics: Metrics | None = None,
        secret: str = "",
        ports: Ports | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        self._listen = (host, port)
        self._hosts = Hosts(relay_url=relay_url, port=port)
        self._links = links
        self._routes = routes
        self._rentals = rentals
        self._condition = Condition(health=health, metrics=metrics)
        self._traffic = traffic
        self._tally = Tally()
        self._clock = clock
        self._doors = Doors(links=links, hosts=self._hosts)
        self._downloads = (
            DownloadDoor(downloads=downloads, origin=self._hosts.bare) if downloads else None
        )
        self._upstreams = Upstreams(lanes=lanes)
        self._exchanges = Exchanges()
        self._pseudonyms = Pseudonyms(secret=secret or secrets.token_hex(16))
        self._proxy = Proxy(upstreams=self._upstreams, traffic=traffic, clock=clock)
        # The house's own looks are nobody's work: what they carry is not counted.
        self._own_upstreams = Upstreams()
        self._quiet = Proxy(upstreams=self._own_upstreams, traffic=Traffic(), clock=clock)
        self._looks = Looks(links=links, hosts=self._hosts, cookie=self._doors.cookie)
        self._kept = Kept(upstreams=self._upstreams, routes=routes)
        self._sockets = Sockets(
            proxy=self._proxy, kept=self._kept, traffic=traffic, clock=clock, outputs=outputs
        )
        self._watching = Watching(upstreams=self._upstreams, kept=self._kept, traffic=traffic)
        self._ports = (
            PortDoor(ports=ports, traffic=traffic, clock=clock, secure=self._hosts.secure)
            if ports is not None
            else None
        )
        self._sign_in = (
            SignInDoor(sign_in=sign_in, hosts=self._hosts) if sign_in is not None else None
        )
        self._telling = Telling(outputs=outputs) if outputs is not None else None
        self._silent_since: dict[RentalId, datetime] = {}
        self._runner: web.ServerRunner | None = None
        self._curfew = Curfew(exchanges=self._exchanges, links=links, clock=clock)
        routes.watch(self.drop)
        links.watch(self._revoked)
        links.watch_members(self.drop_member)

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        server = Server(
            self._handle,
            keepalive_timeout=_IDLE_S,
            lingering_time=_LINGER_S,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=CLOSE_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, *self._listen)
        await site.start()
        self._looks.listening_at(self._runner.addresses[0])
        log.info("relay listening on %s:%s", *self._listen)

    async def close(self) -> None:
        """Stop listening, end every connection; done within 5 s."""
        self._exchanges.end_sockets()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._kept.aclose()
        await self._upstreams.close()
        await self._own_upstreams.close()
        if self._ports is not None:
            await self._ports.close()
        await self._looks.close()

    def resume(self, sessions: Iterable[Restored]) -> None:
        """Take up the conversations whose runs went on while we were not there, oldest first.

        A tab that was there to the last comes back by itself, and Jupyter repeats to it what was
        said meanwhile; only when it does not, we do.
        """
        for one in sessions:
            ear = Ear(talk=one.talk, human=lambda: None, clock=self._clock)
            key = (one.rental_id, one.kernel_id, one.talk.session_id)
            self._kept.resume(key, ear, after_s=TAB_S if one.tab else 0.0)

    async def fault(self, rental_id: RentalId, *, page: bool = True) -> str:
        """What keeps a notebook from answering through us; see `ports.Paths`."""
        return await self._looks.fault(rental_id, "/" if page else "/api/status")

    def drop(self, rental_id: RentalId) -> None:
        """End a rental's connections: it is gone or has moved."""
        self._exchanges.end(rental_id, WAY_GONE)
        self._upstreams.drop(rental_id)
        self._own_upstreams.drop(rental_id)
        if self._ports is not None:
            self._ports.drop(rental_id)
        self._silent_since.pop(rental_id, None)

    def drop_member(self, rental_id: RentalId, member_id: int) -> None:
        """End what one member has open there: their sessions were revoked."""
        self._exchanges.end_member(rental_id, member_id, SESSION_OVER)

    async def keep_curfew(self) -> None:
        """End what goes on under sessions that are over; for ever."""
        await self._curfew.run()

    async def close_time(self) -> None:
        """The same, once and now."""
        await self._curfew.look()

    async def keep_joined(self) -> None:
        """Stay with cells that run on without a tab, however often the way to them breaks."""
        await self._kept.run()

    async def rejoin(self) -> None:
        """The same, once and now."""
        await self._kept.rejoin()

    def busy(self, rental_id: RentalId) -> int:
        """How many requests and WebSockets of a rental are going on."""
        return self._exchanges.count(rental_id)

    def carried(self) -> Carried:
        """What it has answered, and what is going on."""
        requests, sockets = self._exchanges.kinds()
        return Carried(
            requests=self._tally.counts(),
            bytes=self._traffic.total,
            open_requests=requests,
            open_sockets=sockets,
        )

    def _revoked(self, rental_id: RentalId) -> None:
        self._exchanges.end(rental_id, SESSION_OVER)
        self.drop(rental_id)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        status: int | None = None
        try:
            response = await self._outcome(request)
            status = response.status
            return response
        finally:
            self._tally.note(request, status)

    async def _outcome(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            answer = await self._answer(request)
        except ConnectionError:
            raise  # the browser is gone, or the notebook broke off in the middle
        except BotError as error:
            log.warning("request failed: %s", error)
            answer = pages.failed(error)
        except Exception:
            number = secrets.token_hex(4)
            log.exception("request failed, incident %s", number)
            if request.writer.output_size:
                raise
            answer = pages.incident(number)
        if isinstance(answer, Page):
            html = headers.wants_page(request.method, request.path, request.headers)
            return sheets.answer(answer, html=html)
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse | Page:
        if not well_formed(request):
            return pages.malformed()
        hosts = request.headers.getall("Host", [])
        place = self._hosts.place(hosts[0] if len(hosts) == 1 else None)
        if place is Place.NOWHERE:
            return pages.unknown_host()
        if place is Place.BARE:
            return await self._bare(request)
        origin = origin_of(place)
        rental_id = await self._links.at(origin.name)
        if rental_id is None:
            return pages.unknown_address()
        with bound(rental=rental_id):
            if origin.port is not None:
                return await self._port(request, rental_id, origin, origin.port)
            return await self._rental(request, rental_id, place)

    async def _bare(self, request: web.BaseRequest) -> web.StreamResponse | Page:
        told = await self._condition.answer(request.path)
        if told is not None:
            return told
        match request.path:
            case path if path.startswith(DOWNLOAD_PATH) and self._downloads is not None:
                return await self._downloads.answer(request)
            case path if path.startswith(SIGN_IN_PATH) and self._sign_in is not None:
                return await self._sign_in.answer(request)
            case "/":
                return pages.bare(*self._way_in(""))
            case _:
                return pages.unknown_address()

    async def _rental(
        self, request: web.BaseRequest, rental_id: RentalId, name: str
    ) -> web.StreamResponse | Page:
        if request.path.startswith(TICKET_PATH):
            ticket = request.path.removeprefix(TICKET_PATH)
            return await self._doors.ticket(request, rental_id, ticket, name=name)
        own = request.path.startswith("/-/")
        if own and not (self._telling is not None and self._telling.knows(request.path)):
            return pages.unknown_address()
        look = self._doors.is_own(request, rental_id)
        visitor = None if look else await self._doors.enter(request, rental_id)
        if not look and visitor is None:
            return await self._outside(request, rental_id, inside=False, name=name)
        known(request)
        if headers.foreign(request.method, request.headers, origin=self._hosts.origin(name)):
            return pages.foreign()
        if headers.installs_worker(request.headers):
            return pages.no_worker()
        if own and self._telling is not None:
            told = await self._telling.answer(request, rental_id)
            return told if told is not None else pages.unknown_address()
        route = self._routes.get(rental_id)
        if route is None:
            return await self._outside(request, rental_id, inside=True)
        if visitor is None:
            return await self._quiet.pass_on(request, rental_id, route)
        return await self._through(request, rental_id, route, visitor)

    async def _port(
        self, request: web.BaseRequest, rental_id: RentalId, origin: Origin, port: int
    ) -> web.StreamResponse | Page:
        """Another port of the machine, under the same rules as its notebook."""
        name = origin.label
        if self._ports is None:
            return pages.unknown_address()
        if request.path.startswith(TICKET_PATH):
            ticket = request.path.removeprefix(TICKET_PATH)
            return await self._doors.ticket(request, rental_id, ticket, name=name, port=port)
        visitor = await self._doors.enter(request, rental_id, port)
        if visitor is None:
            return await self._outside(request, rental_id, inside=False, name=name)
        known(request)
        if headers.foreign(request.method, request.headers, origin=self._hosts.origin(name)):
            return pages.foreign()
        if headers.installs_worker(request.headers):
            return pages.no_worker()
        if self._routes.get(rental_id) is None:
            return await self._outside(request, rental_id, inside=True)
        try:
            with self._exchanges.note(rental_id, request, visitor):
                return await self._ports.pass_on(request, rental_id, port)
        except BadInput as error:
            return pages.port_closed(error)
        except Unreachable:
            return await self._outside(request, rental_id, inside=True)

    def _way_in(self, name: str) -> tuple[Link, ...]:
        """The button for signing in, where that is set up. `name` is what is to be entered."""
        return (self._sign_in.link(name),) if self._sign_in is not None else ()

    async def _outside(
        self, request: web.BaseRequest, rental_id: RentalId, *, inside: bool, name: str = ""
    ) -> Page:
        """The page in place of a notebook; who never had a session learns no name from it."""
        rental = await self._rentals.rental(rental_id)
        if rental is None:
            return pages.unknown_address()
        if rental.state in (State.DESTROYING, State.CLOSED):
            return pages.gone(rental, known=await self._doors.was_owners(request, rental))
        if rental.state is State.ARCHIVING and rental.reason is Reason.MOVED:
            return pages.moving()
        if rental.state not in (State.READY, State.ARCHIVING):
            return pages.starting(rental)
        if inside:
            return pages.connecting(rental)
        page = pages.signed_out if self._doors.knocks(request) else pages.how_to_get_in
        return page(*self._way_in(name))

    async def _through(
        self, request: web.BaseRequest, rental_id: RentalId, route: Route, visitor: Pass
    ) -> web.StreamResponse | Page:
        request[VISITOR] = self._pseudonyms.of(rental_id, visitor.member_id)
        websocket = headers.wants_websocket(request.method, request.headers)
        carrier = self._sockets if websocket else self._proxy
        watches = visitor.view_only and websocket
        if (
            visitor.view_only
            and not websocket
            and not viewing.may_ask(request.method, request.path)
        ):
            return pages.view_only()
        answer: web.StreamResponse | Page
        try:
            with self._exchanges.note(rental_id, request, visitor):
                if watches:
                    answer = await self._watching.pass_on(request, rental_id, route, visitor)
                elif self._telling is None or not self._telling.concerns(request.path):
                    answer = await carrier.pass_on(request, rental_id, route)
                else:
                    async with self._telling.around(request, rental_id) as told:
                        answer = await carrier.pass_on(request, rental_id, route)
                        told(answer.status)
        except Unreachable as error:
            now = self._clock.now()
            since = self._silent_since.get(rental_id)
            if since is None:
                since = self._silent_since[rental_id] = now
                log.warning("notebook silent: %s", error)
            return pages.unreachable(since, now)
        self._silent_since.pop(rental_id, None)
        return answer
