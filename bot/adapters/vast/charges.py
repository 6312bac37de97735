"""What Vast charged, page by page: every line of a span of days, or an error, never a part.

Of a machine with a line that cannot be read none is taken, as if nothing had been charged yet: less
than all of them would look like a charge that shrank. The others are no worse for it.

The days are UTC's and both ends are needed (reference vast-api, 2.11); the documented line begins
and ends at midnights, so the first day is asked for from its beginning. Amounts come rounded to a
thousandth of a dollar. A line about anything but an instance is passed over.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.adapters.vast import values
from bot.adapters.vast.http import Http
from bot.adapters.vast.pacing import Endpoint
from bot.adapters.vast.values import Row
from bot.domain.bills import Charge, Parts
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import ContractId
from bot.errors import Down, Nonsense

log = logging.getLogger(__name__)

PATH = "/api/v0/charges/"
PAGE = 500
"""The most that Vast puts on a page."""

TOTAL_S = 120.0

_PARTS = {"gpu": "gpu", "disk": "storage", "bwd": "download", "bwu": "upload"}


async def everything(http: Http, since: datetime, until: datetime) -> list[Charge]:
    """The complete list. Raises Down, RateLimited, Denied, Nonsense."""
    try:
        async with asyncio.timeout(TOTAL_S):
            return await _pages(http, since, until)
    except TimeoutError as error:
        raise Down(f"GET {PATH}: not complete after {TOTAL_S:.0f} s") from error


async def _pages(http: Http, since: datetime, until: datetime) -> list[Charge]:
    first = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"gte": int(first.timestamp()), "lte": int(until.timestamp())}
    asked = {
        "select_filters": json.dumps({"day": days, "type": {"in": ["instance"]}}),
        "latest_first": "false",
        "limit": str(PAGE),
        "format": "table",
    }
    found: list[Charge] = []
    odd: set[ContractId] = set()
    rows, tokens = 0, set[str]()
    query: Mapping[str, str] = asked
    while True:
        page = (await http.read(Endpoint.CHARGES, PATH, query=query)).check().row
        lines = page.get("results")
        if not isinstance(lines, list):
            raise Nonsense(f"GET {PATH}: no list of charges in the answer")
        rows += len(lines)
        for line in lines:
            charge = _charge(line)
            if isinstance(charge, Charge):
                found.append(charge)
            elif charge is not None:
                odd.add(charge)
        token = page.get("next_token")
        if not token:
            _check_total(page, rows)
            if odd:
                log.warning("left out the charges of %d machines: cannot be read", len(odd))
            return [charge for charge in found if charge.contract not in odd]
        if not isinstance(token, str) or token in tokens:
            raise Nonsense(f"GET {PATH}: a next page that is none")
        tokens.add(token)
        query = {**asked, "after_token": token}


def _check_total(page: Row, rows: int) -> None:
    """Lines came or went while the pages were read: what we have may lack one."""
    total = values.integer(page.get("total"))
    if total is not None and total != rows:
        raise Nonsense(f"GET {PATH}: {rows} charges came, {total} were announced")


def _charge(line: object) -> Charge | ContractId | None:
    """One instance's line; only its number where its time or amount cannot be read.

    Raises Nonsense for one without its number: it may be anybody's.
    """
    if not isinstance(line, dict):
        raise Nonsense(f"a charge is {type(line).__name__}, not an object")
    source = values.text(line.get("source"))
    if line.get("type") != "instance" or not source.startswith("instance-"):
        return None
    contract = values.integer(source.removeprefix("instance-"))
    start, end = values.moment(line.get("start")), values.moment(line.get("end"))
    total = values.number(line.get("amount"))
    if contract is None:
        raise Nonsense(f"the charge of {source[:40]} lacks its number")
    if start is None or end is None or total is None:
        return ContractId(contract)
    notes = line.get("metadata")
    return Charge(
        contract=ContractId(contract),
        label=values.text(notes.get("label")) if isinstance(notes, dict) else "",
        start=start,
        end=end,
        total=Usd.of(total),
        parts=_parts(line.get("items")),
    )


def _parts(items: object) -> Parts:
    """The amounts by part; of a part that comes in several lines, their sum."""
    sums = dict.fromkeys(_PARTS.values(), ZERO)
    for item in items if isinstance(items, list) else ():
        part = _PARTS.get(values.text(item.get("type"))) if isinstance(item, dict) else None
        amount = values.number(item.get("amount")) if part else None
        if part and amount is not None:
            sums[part] += Usd.of(amount)
    return Parts(**sums)
