"""From a visitor who is let in to the notebook: by which carrier, and what is told meanwhile.

Requests and WebSockets take different ways, and who may only look takes a third.
"""

from __future__ import annotations

import logging
from datetime import datetime

from aiohttp import web

from bot.domain.rentals import RentalId
from bot.errors import Unreachable
from bot.ports.books import Pass
from bot.ports.clock import Clock
from bot.relay import asking, pages, viewing
from bot.relay.exchanges import Exchanges
from bot.relay.http import Proxy
from bot.relay.pseudonyms import VISITOR, Pseudonyms
from bot.relay.sheets import Page
from bot.relay.sockets import Sockets
from bot.relay.telling import Telling
from bot.relay.watching import Watching
from bot.services.routes import Route

log = logging.getLogger(__name__)


class Passage:
    """Passes on what somebody with a session asks. `forget` when a rental's way has changed."""

    def __init__(
        self,
        *,
        proxy: Proxy,
        sockets: Sockets,
        watching: Watching,
        telling: Telling | None,
        exchanges: Exchanges,
        pseudonyms: Pseudonyms,
        clock: Clock,
    ) -> None:
        self._proxy = proxy
        self._sockets = sockets
        self._watching = watching
        self._telling = telling
        self._exchanges = exchanges
        self._pseudonyms = pseudonyms
        self._clock = clock
        self._silent_since: dict[RentalId, datetime] = {}

    def forget(self, rental_id: RentalId) -> None:
        self._silent_since.pop(rental_id, None)

    async def pass_on(
        self, request: web.BaseRequest, rental_id: RentalId, route: Route, visitor: Pass
    ) -> web.StreamResponse | Page:
        """The notebook's answer, or a page that says since when there is none."""
        request[VISITOR] = self._pseudonyms.of(rental_id, visitor.member_id)
        websocket = asking.wants_websocket(request.method, request.headers)
        watches = visitor.view_only and websocket
        if visitor.view_only and not (watches or viewing.may_ask(request.method, request.path)):
            return pages.view_only()
        answer: web.StreamResponse | Page
        try:
            with self._exchanges.note(rental_id, request, visitor):
                if watches:
                    answer = await self._watching.pass_on(request, rental_id, route, visitor)
                else:
                    answer = await self._carry(request, rental_id, route, websocket=websocket)
        except Unreachable as error:
            return self._silent(rental_id, error)
        self._silent_since.pop(rental_id, None)
        return answer

    async def _carry(
        self, request: web.BaseRequest, rental_id: RentalId, route: Route, *, websocket: bool
    ) -> web.StreamResponse:
        carrier = self._sockets if websocket else self._proxy
        if self._telling is None or not self._telling.concerns(request.path):
            return await carrier.pass_on(request, rental_id, route)
        async with self._telling.around(request, rental_id) as told:
            answer = await carrier.pass_on(request, rental_id, route)
            told(answer.status)
        return answer

    def _silent(self, rental_id: RentalId, error: Unreachable) -> Page:
        now = self._clock.now()
        since = self._silent_since.get(rental_id)
        if since is None:
            since = self._silent_since[rental_id] = now
            log.warning("notebook silent: %s", error)
        return pages.unreachable(since, now)
