"""The account and its money: the user, charges by instance and day, payments, old invoices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from aiohttp import web

from bot.sandbox.account import USER_ID
from bot.sandbox.contracts import Contract
from bot.sandbox.meter import Part
from bot.sandbox.offers import MICRO, dollars
from bot.sandbox.refusal import Refusal
from bot.sandbox.routes.site import answer, json_query, site_of
from bot.sandbox.search import number
from bot.sandbox.world import World

_ITEMS: Mapping[Part, str] = {"gpu": "gpu", "storage": "disk", "download": "bwd", "upload": "bwu"}
_MAX_ROWS = 500
_FOREVER = (date.min, date.max)


async def user(request: web.Request) -> web.Response:
    world = site_of(request).world
    credit, paid_in = world.credit(), world.account.paid_in
    spent = dollars(paid_in - credit)
    return answer(
        {
            "id": USER_ID,
            "username": "sandbox",
            "fullname": "Sandbox",
            "email": "team@sandbox.invalid",
            "email_verified": True,
            "credit": dollars(credit),
            "balance": 0.0,
            "balance_threshold": 5.0,
            "balance_threshold_enabled": False,
            "autobill_threshold": None,
            "autobill_amount": None,
            "has_billing": True,
            "has_payout": False,
            "can_pay": True,
            "last4": "4242",
            "got_signup_credit": 0,
            "billing_creditonly": 0,
            "total_spend": spent,
            "billed_expected": spent,
            "billed_verified": spent,
            "paid_expected": dollars(paid_in),
            "paid_verified": dollars(paid_in),
            "host_agreement_accepted": False,
            "password_resettable": True,
            "ssh_key": next((key.text for key in world.account.keys.values()), ""),
            "user": None,
        }
    )


async def charges(request: web.Request) -> web.Response:
    """What instances cost on the days asked for, destroyed ones too, the newest last."""
    filters = json_query(request, "select_filters", {})
    days = filters.get("day", {}) if isinstance(filters, dict) else {}
    if "gte" not in days or "lte" not in days:
        raise Refusal(
            400,
            "invalid_args",
            "Must provide both 'day' gte and lte filters for instance charges",
        )
    bounds = _day(days["gte"]), _day(days["lte"])
    types = filters.get("type", {}).get("in", ["instance"])
    world = site_of(request).world
    late = site_of(request).faults.take("late_charges", {"path": request.path, "method": "GET"})
    share = float(late["share"]) if late is not None else 1.0
    rows = [_charge(world, each, bounds, share) for each in world.contracts.values()]
    rows = [row for row in rows if row["amount"] > 0 and {"instance", "i"} & set(types)]
    if json_query(request, "latest_first", False):
        rows.reverse()
    return _page(request, rows)


async def invoices(request: web.Request) -> web.Response:
    """What was paid in; amounts are negative, as Vast writes money taken from a card."""
    filters = json_query(request, "select_filters", {})
    when = filters.get("when", {}) if isinstance(filters, dict) else {}
    first = number(when.get("gte", 0), "when")
    last = number(when.get("lte", 9e9), "when")
    if first > last:
        raise Refusal(200, "Invalid date range", "Invalid date range")
    rows = [
        {
            "start": each.at.timestamp(),
            "end": each.at.timestamp(),
            "type": "credit",
            "source": "stripe",
            "description": "Credit added",
            "amount": -dollars(each.micro),
            "metadata": {"invoice_id": each.id, "service": "stripe_payments"},
            "items": [],
        }
        for each in site_of(request).world.account.deposits
        if first <= each.at.timestamp() <= last
    ]
    if json_query(request, "latest_first", False):
        rows.reverse()
    return _page(request, rows)


async def old_invoices(request: web.Request) -> web.Response:
    """The deprecated report: one line a part and instance, and one a payment."""
    world = site_of(request).world
    lines: list[dict[str, Any]] = [
        {
            "description": item["description"],
            "quantity": "1",
            "rate": str(item["amount"]),
            "amount": str(item["amount"]),
            "timestamp": item["end"],
            "type": "charge",
            "instance_id": contract.id,
            "id": f"{contract.id}-{item['type']}",
        }
        for contract in world.contracts.values()
        for item in _charge(world, contract, _FOREVER)["items"]
    ]
    lines += [
        {
            "description": "Credit added",
            "quantity": "1",
            "rate": str(dollars(each.micro)),
            "amount": str(dollars(each.micro)),
            "timestamp": each.at.timestamp(),
            "type": "payment",
            "instance_id": None,
            "id": each.id,
        }
        for each in world.account.deposits
    ]
    credit = world.credit()
    total = dollars(world.account.paid_in - credit)
    current = {"charges": total, "service_fee": 0.0, "total": total, "credit": dollars(credit)}
    return answer({"invoices": lines, "current": current})


async def templates(request: web.Request) -> web.Response:
    return answer({"success": True, "templates_found": 0, "templates": []})


def _charge(
    world: World, contract: Contract, bounds: tuple[date, date], share: float = 1.0
) -> dict[str, Any]:
    """One instance's row, amounts rounded to thousandths of a dollar as on Vast."""
    contract.meter.run(world.at)
    billed = {part: round(micro * share) for part, micro in contract.meter.billed(*bounds).items()}
    start = contract.created_at.timestamp()
    end = (contract.destroyed_at or world.at).timestamp()
    span = {"start": start, "end": end}
    items: list[dict[str, Any]] = [
        {
            **span,
            "type": _ITEMS[part],
            "source": None,
            "description": f"{_ITEMS[part]} of instance {contract.id}",
            "amount": _thousandths(micro),
            "metadata": {},
            "items": [],
        }
        for part, micro in billed.items()
        if micro
    ]
    return {
        **span,
        "type": "instance",
        "source": f"instance-{contract.id}",
        "description": f"Instance {contract.id} Charges",
        "amount": _thousandths(sum(billed.values())),
        "metadata": {"label": contract.label} if contract.label else {},
        "items": items,
    }


def _page(request: web.Request, rows: Sequence[Mapping[str, Any]]) -> web.Response:
    """Rows from `after_token` on; the token is the number of rows before it."""
    token = request.query.get("after_token") or "0"
    if not token.isdigit():
        raise Refusal(400, "invalid_token", "Invalid after_token")
    start, limit = int(token), int(number(json_query(request, "limit", 20), "limit"))
    page = rows[start : start + max(1, min(limit, _MAX_ROWS))]
    end = start + len(page)
    return answer(
        {
            "success": True,
            "count": len(page),
            "total": len(rows),
            "next_token": str(end) if end < len(rows) else None,
            "results": page,
        }
    )


def _day(value: object) -> date:
    return datetime.fromtimestamp(number(value, "day"), UTC).date()


def _thousandths(micro: int) -> float:
    return round(micro / MICRO, 3)
