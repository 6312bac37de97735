"""Every instance on the account, page by page: the whole list or an error, never a part.

From what is missing in this list follows what is dead, so each doubt about its completeness is an
error: a page that failed, a count that does not fit, a row without an id.
"""

from __future__ import annotations

import asyncio

from bot.adapters.vast import values, wire
from bot.adapters.vast.http import Http
from bot.adapters.vast.pacing import Endpoint
from bot.adapters.vast.values import Row
from bot.domain.rentals import ContractId, Instance
from bot.errors import Down, Nonsense
from bot.ports.clock import Clock

PATH = "/api/v1/instances/"
PAGE = 25
"""The most that Vast puts on a page; without a limit it is 5 or 25 (its OpenAPI, August 2026)."""

TOTAL_S = 120.0


async def everything(http: Http, clock: Clock) -> list[Instance]:
    """The complete list. Raises Down, RateLimited, Denied, Nonsense, or Provider for a plain no."""
    try:
        async with asyncio.timeout(TOTAL_S):
            return await _pages(http, clock)
    except TimeoutError as error:
        raise Down(f"GET {PATH}: not complete after {TOTAL_S:.0f} s") from error


async def _pages(http: Http, clock: Clock) -> list[Instance]:
    found: dict[ContractId, Instance] = {}
    token: str | None = None
    while True:
        query = {"limit": str(PAGE)} | ({"after_token": token} if token else {})
        page = (await http.read(Endpoint.LIST, PATH, query=query)).check().row
        before = len(found)
        for row in _rows(page):
            seen = wire.instance(row, clock.now())
            found[seen.contract] = seen
        token = _next_token(page)
        if token is None:
            _check_total(page, len(found))
            return list(found.values())
        # Instances keep their order by id: a page that only repeats would do so for ever.
        if len(found) == before:
            raise Nonsense(f"GET {PATH}: a page brings nothing new and names a next one")


def _rows(page: Row) -> list[object]:
    """The rows of a page, as many as it says (`instances_found`, "in this page")."""
    rows = page.get("instances")
    if not isinstance(rows, list):
        raise Nonsense(f"GET {PATH}: no list of instances in the answer")
    said, total = (
        values.integer(page.get(name)) for name in ("instances_found", "total_instances")
    )
    # The older list counts all of them in this field.
    if said is not None and said not in (len(rows), total):
        raise Nonsense(f"GET {PATH}: a page of {len(rows)} says that it has {said}")
    return rows


def _next_token(page: Row) -> str | None:
    token = page.get("next_token")
    if token is not None and not isinstance(token, str):
        raise Nonsense(f"GET {PATH}: the next page's token is {type(token).__name__}")
    return token or None


def _check_total(page: Row, found: int) -> None:
    """The last page's count of all, where it gives one, is what came; else a machine came or went
    while the pages were read, or one is missing."""
    total = values.integer(page.get("total_instances"))
    if total is not None and total != found:
        raise Nonsense(f"GET {PATH}: {found} instances came, {total} were announced")
