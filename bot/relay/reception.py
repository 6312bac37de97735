"""Who asks for what, and may they: every request is received here and answered.

The Host header decides which rental a request is for, a cookie decides whether it may pass, and
the route decides where to. This is also the relay's outermost door: whatever goes wrong below is
turned into a page here.
"""

from __future__ import annotations

import logging

from aiohttp import web

from bot.domain.origins import Origin
from bot.domain.rentals import Reason, RentalId, State
from bot.errors import BadInput, BotError, Unreachable, told
from bot.log import bound
from bot.ports.books import Rentals
from bot.relay import asking, pages, sheets
from bot.relay.condition import INSIDE, Condition
from bot.relay.doors import TICKET_PATH, Doors
from bot.relay.downloads import DOWNLOAD_PATH, DownloadDoor
from bot.relay.exchanges import Exchanges
from bot.relay.hosts import Hosts, Place
from bot.relay.http import Proxy, well_formed
from bot.relay.passage import Passage
from bot.relay.ports import PortDoor
from bot.relay.server import known
from bot.relay.sheets import Link, Page
from bot.relay.signing_in import SIGN_IN_PATH, SignInDoor
from bot.relay.tally import Tally
from bot.relay.telling import Telling
from bot.services.links import Links
from bot.services.routes import Routes

_ARCHIVES = RentalId("")
"""Whose a download of an archive is: no machine's, which may be gone for long."""

log = logging.getLogger(__name__)


class Reception:
    """Answers requests: `answer` is the web server's handler.

    `quiet` carries the house's own looks, which are nobody's work. A door that is None is closed.
    """

    def __init__(
        self,
        *,
        hosts: Hosts,
        links: Links,
        routes: Routes,
        rentals: Rentals,
        doors: Doors,
        condition: Condition,
        exchanges: Exchanges,
        passage: Passage,
        quiet: Proxy,
        tally: Tally,
        telling: Telling | None,
        downloads: DownloadDoor | None,
        ports: PortDoor | None,
        sign_in: SignInDoor | None,
    ) -> None:
        self._hosts = hosts
        self._links = links
        self._routes = routes
        self._rentals = rentals
        self._doors = doors
        self._condition = condition
        self._exchanges = exchanges
        self._passage = passage
        self._quiet = quiet
        self._tally = tally
        self._telling = telling
        self._downloads = downloads
        self._ports = ports
        self._sign_in = sign_in
        self.leaving = False
        """Whether the relay ends: nobody is to come here again."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Raises only where an answer has begun already, which must then break off."""
        status: int | None = None
        try:
            response = await self._outcome(request)
            status = response.status
            if self.leaving and not response.prepared:
                response.force_close()  # the next request finds another relay
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
        except Exception as error:
            said = told(error)
            log.exception("request failed, incident %s", said.incident)
            if request.writer.output_size:
                raise
            answer = pages.incident(said)
        if isinstance(answer, Page):
            html = asking.wants_page(request.method, request.path, request.headers)
            return sheets.answer(answer, html=html)
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse | Page:
        if not well_formed(request):
            return pages.malformed()
        hosts = request.headers.getall("Host", [])
        place = self._hosts.place(hosts[0] if len(hosts) == 1 else None)
        if isinstance(place, Place):
            return pages.unknown_host() if place is Place.NOWHERE else await self._bare(request)
        rental_id = await self._links.at(place.name)
        if rental_id is None:
            return pages.unknown_address()
        with bound(rental=rental_id):
            if place.port is not None:
                return await self._port(request, rental_id, place, place.port)
            return await self._rental(request, rental_id, place.name)

    async def _bare(self, request: web.BaseRequest) -> web.StreamResponse | Page:
        if request.path in INSIDE and asking.by_tunnel(request.headers):
            return pages.unknown_address()  # as Caddy does, which is not there then
        told = await self._condition.answer(request.path, leaving=self.leaving)
        if told is not None:
            return told
        match request.path:
            case path if path.startswith(DOWNLOAD_PATH) and self._downloads is not None:
                with self._exchanges.note(_ARCHIVES, request):  # which a drain waits for
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
        brought = self._doors.brought(request)
        look = self._doors.is_own(brought, request.method, rental_id)
        visitor = None if look else await self._doors.enter(brought, rental_id)
        if not look and visitor is None:
            return await self._outside(request, rental_id, inside=False, name=name)
        known(request)
        refused = self._refused(request, name)
        if refused is not None:
            return refused
        if own and self._telling is not None:
            view_only = visitor is not None and visitor.view_only
            told = await self._telling.answer(request, rental_id, view_only=view_only)
            return told if told is not None else pages.unknown_address()
        route = await self._routes.find(rental_id)
        if route is None:
            return await self._outside(request, rental_id, inside=True)
        if visitor is None:
            return await self._quiet.pass_on(request, rental_id, route)
        return await self._passage.pass_on(request, rental_id, route, visitor)

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
        visitor = await self._doors.enter(self._doors.brought(request), rental_id, port)
        if visitor is None:
            return await self._outside(request, rental_id, inside=False, name=name)
        known(request)
        refused = self._refused(request, name)
        if refused is not None:
            return refused
        if await self._routes.find(rental_id) is None:
            return await self._outside(request, rental_id, inside=True)
        try:
            with self._exchanges.note(rental_id, request, visitor):
                return await self._ports.pass_on(request, rental_id, port)
        except BadInput as error:
            return pages.port_closed(error)
        except Unreachable:
            return await self._outside(request, rental_id, inside=True)

    def _refused(self, request: web.BaseRequest, name: str) -> Page | None:
        """What somebody who is in may not do all the same. `name` is that of the address."""
        if asking.foreign(request.method, request.headers, origin=self._hosts.origin(name)):
            return pages.foreign()
        return pages.no_worker() if asking.installs_worker(request.headers) else None

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
