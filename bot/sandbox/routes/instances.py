"""Reading instances: the paged list, one by its number, and the filters of the CLI's table."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from bot.sandbox.contracts import Contract
from bot.sandbox.offers import Row
from bot.sandbox.refusal import Refusal
from bot.sandbox.routes.site import Site, answer, json_query, number_in, site_of
from bot.sandbox.search import check_filters, matches, ordered
from bot.sandbox.tampering import hidden, tampered

MAX_PAGE = 25
_STORED: Mapping[str, Callable[[Contract], Any]] = {
    "id": lambda each: each.id,
    "label": lambda each: each.label,
    "actual_status": lambda each: each.actual,
    "intended_status": lambda each: each.intended,
    "cur_state": lambda each: each.cur,
    "next_state": lambda each: each.next,
    "machine_id": lambda each: each.offer.machine_id,
    "host_id": lambda each: each.offer.host_id,
    "gpu_name": lambda each: each.offer.model.name,
    "geolocation": lambda each: each.offer.region,
    "verification": lambda each: "verified" if each.offer.verified else "unverified",
    "image_uuid": lambda each: each.ask.image,
    "start_date": lambda each: each.created_at.timestamp(),
    "end_date": lambda each: each.offer.ends_at.timestamp(),
    "is_bid": lambda each: each.ask.bid is not None,
}
"""The columns one may filter and order by; computed ones like `dph_total` are refused."""


async def old_list(request: web.Request) -> web.Response:
    """Switched off by Vast since June 2026, account by account."""
    raise Refusal(
        410,
        "deprecated_endpoint",
        "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead.",
    )


async def show_list(request: web.Request) -> web.Response:
    """One page; the next one begins behind `next_token`."""
    site = site_of(request)
    listed = [one for one in site.world.listed() if not hidden(site.faults, one, by_number=False)]
    found = _select(listed, json_query(request, "select_filters", {}))
    order = _order(json_query(request, "order_by", []))
    if order:
        found = _ordered(found, order)
    token = request.query.get("after_token")
    facts = {"method": request.method, "path": request.path}
    if token and (part := site.faults.take("partial_list", facts)) is not None:
        raise Refusal(int(part["status"]), "server_error", "Internal error")
    start = _place(token, found)
    limit = json_query(request, "limit", MAX_PAGE)
    limit = min(limit, MAX_PAGE) if isinstance(limit, int) and limit > 0 else 5
    page = found[start : start + limit]
    labels = Counter(each.label or "" for each in listed)
    more = start + limit < len(found)
    announced = len(listed) + (site.faults.take("short_list", facts) is not None)
    return answer(
        {
            "success": True,
            "instances_found": len(found),
            "total_instances": announced,
            "label_counts": {"": 0, **labels},
            "next_token": _token(page[-1].id) if more else None,
            "instances": _rows(site, page, json_query(request, "select_cols", None)),
        }
    )


async def show_one(request: web.Request) -> web.Response:
    """`{"instances": null}` with status 200 for one that is gone or never was."""
    site = site_of(request)
    contract = site.world.contracts.get(number_in(request))
    if contract is None or not contract.alive:
        return answer({"instances": None})
    if hidden(site.faults, contract, by_number=True):
        return answer({"instances": None})
    shown = _shown(site, contract)
    del shown["volume_info"]  # only lists carry it
    return answer({"instances": shown})


async def filters(request: web.Request) -> web.Response:
    rows = [
        {
            "actual_status": each.actual,
            "verification": _STORED["verification"](each),
            "gpu_name": each.offer.model.name,
        }
        for each in site_of(request).world.listed()
    ]
    return answer({"filters": [dict(each) for each in {tuple(row.items()): None for row in rows}]})


def _select(contracts: Sequence[Contract], wanted: object) -> list[Contract]:
    if isinstance(wanted, Mapping):
        _check_columns(wanted)
    tests = check_filters(wanted, frozenset(_STORED))
    if not tests:
        return list(contracts)
    return [
        each
        for each in contracts
        if matches({column: _STORED[column](each) for column in tests}, tests)
    ]


def _order(order: object) -> list[tuple[str, bool]]:
    if not isinstance(order, list) or not all(isinstance(each, dict) for each in order):
        raise _bad_key("order_by")
    _check_columns({each.get("col"): None for each in order})
    return [(each["col"], each.get("dir") == "desc") for each in order]


def _ordered(contracts: Sequence[Contract], order: Sequence[tuple[str, bool]]) -> list[Contract]:
    rows = [
        {"contract": each, **{column: _STORED[column](each) for column, _ in order}}
        for each in contracts
    ]
    return [row["contract"] for row in ordered(rows, order)]


def _check_columns(columns: Mapping[Any, object]) -> None:
    for column in columns:
        if column not in _STORED:
            raise _bad_key(column)


def _bad_key(name: object) -> Refusal:
    return Refusal(
        400, "invalid_request", f"Error in query parameters: {name} is not a valid search key"
    )


def _token(contract_id: int) -> str:
    return base64.b64encode(json.dumps({"values": {"id": contract_id}}).encode()).decode()


def _place(token: str | None, found: Sequence[Contract]) -> int:
    """Where the page after a token begins; behind an instance gone meanwhile, by its number."""
    if not token:
        return 0
    try:
        last = int(json.loads(base64.b64decode(token, validate=True))["values"]["id"])
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, "invalid_token", "Invalid after_token") from None
    for index, contract in enumerate(found):
        if contract.id == last:
            return index + 1
    return sum(contract.id < last for contract in found)


def _rows(site: Site, page: Sequence[Contract], columns: object) -> list[Row]:
    rows = [_shown(site, each) for each in page]
    if not isinstance(columns, list) or "*" in columns:
        return rows
    return [{column: row.get(column) for column in columns} for row in rows]


def _shown(site: Site, contract: Contract) -> Row:
    return tampered(site.faults, contract, contract.row(site.world.at))
