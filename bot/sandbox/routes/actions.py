"""What can be done to instances: start, stop, label, destroy, reboot, bid, logs, commands."""

from __future__ import annotations

import secrets
from datetime import timedelta

from aiohttp import web

from bot.sandbox.offers import MICRO
from bot.sandbox.refusal import Refusal, invalid
from bot.sandbox.routes.site import (
    Body,
    Site,
    answer,
    body_of,
    contract_in,
    number_in,
    paper,
    site_of,
    text_in,
)
from bot.sandbox.search import number

COMMANDS = ("ls", "rm", "du")
MAX_COMMAND = 512
_DEFAULT_TAIL = 1000


async def change(request: web.Request) -> web.Response:
    _change(site_of(request), number_in(request), body_of(request, "state", "label"))
    return answer({"success": True})


async def change_many(request: web.Request) -> web.Response:
    body = body_of(request, "state", "ids")
    for contract_id in _ids(body, "ids"):
        _change(site_of(request), contract_id, {"state": body.get("state")})
    return answer({"success": True})


async def destroy(request: web.Request) -> web.Response:
    site, contract = site_of(request), contract_in(request)
    facts = contract.facts()
    if (late := site.faults.take("late_destroy", facts)) is not None:
        site.world.destroy_later(contract.id, float(late["seconds"]))
    elif site.faults.take("destroy_ignored", facts) is None:
        site.world.destroy(contract.id)
    return answer({"success": True, "msg": f"destroying instance {contract.id}."})


async def destroy_many(request: web.Request) -> web.Response:
    ids = _ids(body_of(request, "instance_ids"), "instance_ids")
    for contract_id in ids:
        site_of(request).world.destroy(contract_id)
    return answer({"success": True, "msg": f"destroying instances {ids}."})


async def reboot(request: web.Request) -> web.Response:
    site_of(request).world.reboot(number_in(request))
    return answer({"success": True})


async def recycle(request: web.Request) -> web.Response:
    site_of(request).world.reboot(number_in(request), wipe=True)
    return answer({"success": True})


async def change_bid(request: web.Request) -> web.Response:
    price = number(body_of(request, "client_id", "price").get("price"), "price")
    site_of(request).world.bid(number_in(request), round(price * MICRO))
    return answer({"success": True})


async def deposit(request: web.Request) -> web.Response:
    contract_in(request)
    return answer(
        {"success": True, "refundable_deposit": 0.0, "total_discount": 0.0, "discount_months": 0.0}
    )


async def logs(request: web.Request) -> web.Response:
    """The address of a text that is there at once, or later where a fault asks for it."""
    site, contract = site_of(request), contract_in(request)
    body = body_of(request, "tail", "filter", "daemon_logs")
    daemon = str(body.get("daemon_logs", "")).lower() == "true"
    lines = contract.journal if daemon else site.yard.log(contract.id).splitlines()
    if (wanted := body.get("filter")) is not None:
        lines = [line for line in lines if str(wanted) in line]
    tail = int(number(body.get("tail") or _DEFAULT_TAIL, "tail"))
    facts = {**contract.facts(), "method": request.method, "path": request.path}
    late = site.faults.take("slow_logs", facts)
    ready_at = site.world.at + timedelta(seconds=float(late["seconds"]) if late else 0)
    text = "\n".join(lines[-tail:] if tail > 0 else []) + "\n"
    url = paper(request, secrets.token_hex(16), text, ready_at)
    return answer({"success": True, "result_url": url, "msg": "Logs will be available shortly."})


async def command(request: web.Request) -> web.Response:
    """Checked as Vast checks it, then refused: the market cannot look into a machine's folder."""
    contract_in(request)
    wanted = text_in(body_of(request, "command"), "command")
    if len(wanted) > MAX_COMMAND or wanted.split()[:1] not in [[each] for each in COMMANDS]:
        raise invalid(f"command must be one of {', '.join(COMMANDS)}, {MAX_COMMAND} characters")
    raise Refusal(
        400, "invalid_container", "The simulated market runs no commands on a machine; use SSH."
    )


def _change(site: Site, contract_id: int, body: Body) -> None:
    if not body:
        raise invalid("nothing to change: give state or label")
    if "label" in body:
        site.world.rename(contract_id, text_in(body, "label"))
    if "state" in body:
        match body["state"]:
            case "running":
                site.world.start(contract_id)
            case "stopped":
                site.world.stop(contract_id)
            case other:
                raise invalid(f"state {other!r} is neither running nor stopped")


def _ids(body: Body, name: str) -> list[int]:
    ids = body.get(name)
    if not isinstance(ids, list) or not ids:
        raise invalid(f"{name} must be a list of instance numbers")
    return [int(number(each, name)) for each in ids]
