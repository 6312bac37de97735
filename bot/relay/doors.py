"""The door of a rental: a ticket becomes a cookie, and a cookie lets in.

A GET shows a page with one button and spends nothing, so that link previews cannot; the button's
POST spends the ticket. The cookie lives on that rental's own origin only.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web

from bot.domain.rentals import Rental, RentalId
from bot.ports.books import Pass
from bot.relay import asking, headers, pages
from bot.relay.hosts import Hosts
from bot.relay.sheets import Page
from bot.services.links import COOKIE_LENGTH, OWN_PASS_LENGTH, Links, Session

TICKET_PATH = "/-/ticket/"

_TRIED = 20  # cookies of our name in one request; each may cost a look into the books

log = logging.getLogger(__name__)


class Doors:
    """Who comes in. Raises Store where the books cannot be read."""

    def __init__(self, *, links: Links, hosts: Hosts) -> None:
        self._links = links
        self._hosts = hosts
        self.cookie = headers.cookie_name(secure=hosts.secure)

    def brought(self, request: web.BaseRequest) -> list[str]:
        """The cookies that may be ours: somebody may have put others beside it, by the thousand."""
        return headers.cookies(request.headers, self.cookie)

    async def enter(
        self, brought: list[str], rental_id: RentalId, port: int | None = None
    ) -> Pass | None:
        """The session for this origin of a visitor who brought these."""
        for value in _of_length(brought, COOKIE_LENGTH):
            session = await self._links.enter(rental_id, value, port=port)
            if session is not None:
                return session
        return None

    async def was_owners(self, request: web.BaseRequest, rental: Rental) -> bool:
        """Whether the visitor had a session here as the machine's owner, whatever became of it."""
        for value in _of_length(self.brought(request), COOKIE_LENGTH):
            if await self._links.was_in(rental.id, value) == rental.owner_id:
                return True
        return False

    def knocks(self, request: web.BaseRequest) -> bool:
        """Whether it brings a cookie as we give them to who is let in, good or not."""
        return bool(_of_length(self.brought(request), COOKIE_LENGTH))

    def is_own(self, brought: list[str], method: str, rental_id: RentalId) -> bool:
        """Whether the house itself looks; it only ever reads."""
        if method == "GET":
            for value in _of_length(brought, OWN_PASS_LENGTH):
                if self._links.is_own(rental_id, value):
                    return True
        return False

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
            if not asking.pressed_here(request.headers, self._hosts.origin(name)):
                return pages.foreign()
            session = await self._links.spend(rental_id, ticket, port=port)
            if session is not None:
                log.info("let in by ticket: %s", rental_id)
                return self._welcome(session, inherited=name != rental_id)
        # Whoever is in already and comes by an old link wants the notebook, not an apology.
        if await self.enter(self.brought(request), rental_id, port):
            return _to_notebook()
        return pages.ticket_no_longer_good()

    def _welcome(self, session: Session, *, inherited: bool) -> web.Response:
        """Let in; what an earlier machine left in the browser at this address is cleared first.

        Its pages may be kept there under the names of the new one's, and would be shown for them.
        """
        response = _to_notebook()
        if inherited:
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
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


def _of_length(values: list[str], length: int) -> list[str]:
    return [value for value in values if len(value) == length][:_TRIED]


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
