"""The door of a rental: a ticket becomes a cookie, and a cookie lets in.

A GET shows a page with one button and spends nothing, so that link previews cannot; the button's
POST spends the ticket. The cookie lives on that rental's own origin only.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web

from bot.domain.rentals import RentalId
from bot.ports.books import Pass
from bot.relay import headers, pages
from bot.relay.hosts import Hosts
from bot.relay.pages import Page
from bot.services.links import Links, Session

TICKET_PATH = "/-/ticket/"

log = logging.getLogger(__name__)


class Doors:
    """Who comes in. Raises Store where the books cannot be read."""

    def __init__(self, *, links: Links, hosts: Hosts) -> None:
        self._links = links
        self._hosts = hosts
        self.cookie = headers.cookie_name(secure=hosts.secure)

    async def enter(
        self, request: web.BaseRequest, rental_id: RentalId, port: int | None = None
    ) -> Pass | None:
        """The visitor's session for this origin."""
        for value in headers.cookies(request.headers, self.cookie):
            session = await self._links.enter(rental_id, value, port=port)
            if session is not None:
                return session
        return None

    def is_own(self, request: web.BaseRequest, rental_id: RentalId) -> bool:
        """Whether the house itself looks; it only ever reads."""
        if request.method != "GET":
            return False
        values = headers.cookies(request.headers, self.cookie)
        return any(self._links.is_own(rental_id, value) for value in values)

    async def ticket(
        self,
        request: web.BaseRequest,
        rental_id: RentalId,
        ticket: str,
        *,
        name: str,
        port: int | None = None,
    ) -> Page | web.Response:
        """Show the button for a good ticket, or spend it. `name` is that of the address."""
        if request.method in ("GET", "HEAD"):
            if await self._links.peek(rental_id, ticket, port=port):
                return pages.ticket(port)
        elif request.method == "POST":
            if not headers.pressed_here(request.headers, self._hosts.origin(name)):
                return pages.foreign()
            session = await self._links.spend(rental_id, ticket, port=port)
            if session is not None:
                log.info("let in by ticket: %s", rental_id)
                return self._welcome(session)
        # Whoever is in already and comes by an old link wants the notebook, not an apology.
        if await self.enter(request, rental_id, port):
            return _to_notebook()
        return pages.ticket_no_longer_good()

    def _welcome(self, session: Session) -> web.Response:
        response = _to_notebook()
        response.set_cookie(
            self.cookie,
            session.value,
            max_age=session.max_age,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._hosts.secure,
        )
        return response


def _to_notebook() -> web.Response:
    """To the origin's root, from where Jupyter leads on to its own first page."""
    return web.Response(
        status=HTTPStatus.SEE_OTHER,
        headers={
            "Location": "/",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "Server": headers.SERVER,
        },
    )
