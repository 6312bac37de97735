"""The web application: which address leads where, who may come in, and which fault strikes first.

Every route answers with and without a trailing slash (a redirect would lose bodies), and what is
not known is answered with 404 and logged: a client that asks for it believes in another Vast.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from bot.sandbox.faults import Facts
from bot.sandbox.refusal import Refusal
from bot.sandbox.routes import actions, control, instances, keys, money, offers
from bot.sandbox.routes.site import BODY, SITE, Handler, Seen, Site, answer, read_body, refused

log = logging.getLogger(__name__)

API_KEY = "sandbox"
_ID = r"{id:\d+}"
_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/api/v0/bundles", offers.post_search),
    ("GET", "/api/v0/bundles", offers.get_search),
    ("PUT", "/api/v0/search/asks", offers.put_search),
    ("PUT", f"/api/v0/asks/{_ID}", offers.rent),
    ("GET", "/api/v0/gpu_names/unique", offers.gpu_names),
    ("GET", "/api/v1/instances", instances.show_list),
    ("GET", "/api/v0/instances", instances.old_list),
    ("GET", "/api/v0/instances/filters", instances.filters),
    ("GET", f"/api/v0/instances/{_ID}", instances.show_one),
    ("PUT", f"/api/v0/instances/{_ID}", actions.change),
    ("PUT", "/api/v0/instances", actions.change_many),
    ("DELETE", f"/api/v0/instances/{_ID}", actions.destroy),
    ("DELETE", "/api/v0/instances", actions.destroy_many),
    ("PUT", f"/api/v0/instances/reboot/{_ID}", actions.reboot),
    ("PUT", f"/api/v0/instances/recycle/{_ID}", actions.recycle),
    ("PUT", f"/api/v0/instances/bid_price/{_ID}", actions.change_bid),
    ("GET", f"/api/v0/instances/balance/{_ID}", actions.deposit),
    ("PUT", f"/api/v0/instances/request_logs/{_ID}", actions.logs),
    ("PUT", f"/api/v0/instances/command/{_ID}", actions.command),
    ("GET", f"/api/v0/instances/{_ID}/ssh", keys.show_attached),
    ("POST", f"/api/v0/instances/{_ID}/ssh", keys.attach),
    ("DELETE", f"/api/v0/instances/{_ID}/ssh/" + r"{key:\d+}", keys.detach),
    ("GET", "/api/v0/ssh", keys.show),
    ("POST", "/api/v0/ssh", keys.create),
    ("PUT", f"/api/v0/ssh/{_ID}", keys.change),
    ("DELETE", f"/api/v0/ssh/{_ID}", keys.delete),
    ("GET", "/api/v0/users/current", money.user),
    ("GET", "/api/v0/charges", money.charges),
    ("GET", "/api/v1/invoices", money.invoices),
    ("GET", "/api/v0/users/me/invoices", money.old_invoices),
    ("GET", "/api/v0/template", money.templates),
    ("GET", "/sandbox/books", control.books),
    ("GET", "/sandbox/faults", control.show_faults),
    ("POST", "/sandbox/faults", control.add_fault),
    ("DELETE", "/sandbox/faults", control.clear_faults),
    ("PUT", f"/sandbox/instances/{_ID}", control.change_instance),
    ("PUT", "/sandbox/account", control.change_account),
    ("GET", "/sandbox/requests", control.requests),
    ("GET", "/sandbox/papers/{name}.log", control.read_paper),
)
_OPEN = ("/sandbox/", "/api/v0/gpu_names/")
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"


def make_app(site: Site) -> web.Application:
    app = web.Application(middlewares=[_answer_refusals, _record, _strike, _check_key, _keep_time])
    app[SITE] = site
    for method, path, handler in _ROUTES:
        app.router.add_route(method, path, handler)
        app.router.add_route(method, path + "/", handler)
    app.router.add_route("*", "/{tail:.*}", _unknown)
    return app


async def _unknown(request: web.Request) -> web.StreamResponse:
    log.warning("unknown route asked for: %s %s", request.method, request.path)
    text = f"The sandbox has no {request.method} {request.path}."
    raise Refusal(404, "not_found", text)


@web.middleware
async def _answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return refused(refusal)


@web.middleware
async def _record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the body once, and keep what may have changed something."""
    site = request.app[SITE]
    site.settle()
    body = await read_body(request)
    request[BODY] = body
    known = request.match_info.handler is not _unknown
    if not request.path.startswith("/sandbox/") and (request.method != "GET" or not known):
        site.seen.append(
            Seen(
                method=request.method,
                path=request.path,
                body=body,
                at=site.world.at,
                known=known,
            )
        )
    return await handler(request)


@web.middleware
async def _strike(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the faults in force strike, before or after the request is carried out."""
    if request.path.startswith("/sandbox/"):
        return await handler(request)
    faults, facts = request.app[SITE].faults, _facts(request)
    if (slow := faults.take("slow", facts)) is not None:
        await asyncio.sleep(float(slow["seconds"]))
    if faults.take("cut", facts) is not None:
        return _cut(request)
    if (struck := _instead(request, facts)) is not None:
        return struck
    lost = faults.take("lost_answer", facts) is not None
    try:
        return await handler(request)
    finally:
        if lost:
            _cut(request)


@web.middleware
async def _check_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not request.path.startswith(_OPEN):
        header = request.headers.get("Authorization")
        if header is None:
            raise Refusal(403, "auth_error", "This action requires login.")
        if header != f"Bearer {API_KEY}":
            raise Refusal(404, "auth_error", "Invalid user key")
    return await handler(request)


@web.middleware
async def _keep_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The world is at now before a request is carried out, and the yard at work after it."""
    site = request.app[SITE]
    site.settle()
    try:
        return await handler(request)
    finally:
        site.settle()


def _instead(request: web.Request, facts: Facts) -> web.Response | None:
    """What a fault answers in place of the market."""
    take = request.app[SITE].faults.take
    if (fault := take("rate_limited", facts)) is not None:
        wait = fault["retry_after"]
        headers = {} if wait is None else {"Retry-After": str(wait)}
        return web.Response(status=429, text="API requests too frequent", headers=headers)
    if "/bundles" in request.path and (fault := take("search_quota", facts)) is not None:
        return _no_more_searches(request, float(fault["seconds"]))
    if (fault := take("server_error", facts)) is not None:
        status = int(fault["status"])
        return web.Response(status=status, text=_PAGE.format(status), content_type="text/html")
    if take("html", facts) is not None:
        return web.Response(text=_PAGE.format("Welcome"), content_type="text/html")
    if take("nonsense", facts) is not None:
        return answer(["nonsense", {"instances": 7, "offers": None, "credit": "much"}])
    if take("bad_key", facts) is not None:
        return refused(Refusal(404, "auth_error", "Invalid user key"))
    if take("two_factor", facts) is not None:
        text = "This action requires a Two Factor login."
        return refused(Refusal(401, "auth_error", text))
    return None


def _no_more_searches(request: web.Request, for_s: float) -> web.Response:
    reset_at = request.app[SITE].world.at + timedelta(seconds=for_s)
    said = {
        "success": False,
        "error": "search_quota_exceeded",
        "msg": "Daily search quota exceeded.",
    }
    headers = {"X-RateLimit-Reset": str(math.ceil(reset_at.timestamp()))}
    return web.json_response(said, status=429, headers=headers)


def _facts(request: web.Request) -> Facts:
    """What a fault can be matched by: the request, and the machine it is about."""
    world = request.app[SITE].world
    facts: dict[str, object] = {"method": request.method, "path": request.path}
    body = request[BODY]
    if isinstance(body, Mapping) and "label" in body:
        facts["label"] = body["label"]
    number = int(request.match_info.get("id", 0))
    if "/asks/" in request.path and number in world.offers:
        offer = world.offers[number]
        return facts | {
            "offer_id": number,
            "machine_id": offer.machine_id,
            "gpu_name": offer.model.name,
        }
    if "/instances/" in request.path and number in world.contracts:
        return world.contracts[number].facts() | facts
    return facts


def _cut(request: web.Request) -> web.Response:
    """Break the connection; what is returned never leaves."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
