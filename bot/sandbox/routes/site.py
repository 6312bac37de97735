"""What every handler works with, and how answers are written.

Answers carry the bare `Content-Type: application/json`: the CLI's search refuses one with a
charset, which aiohttp's own `json_response` would add.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.sandbox.contracts import Contract
from bot.sandbox.faults import Faults
from bot.sandbox.refusal import Refusal, invalid
from bot.sandbox.world import World
from bot.sandbox.yard import Yard

Body = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as it came in, for tests to look at. No headers: they hold the key."""

    method: str
    path: str
    body: Any
    at: datetime
    known: bool


@dataclass(frozen=True, slots=True)
class Paper:
    """A text behind a `result_url`, there from `ready_at` on."""

    text: str
    ready_at: datetime


@dataclass(slots=True, kw_only=True)
class Site:
    """The world behind the routes. `settle` brings it up to now and sets the yard to work."""

    world: World
    faults: Faults
    yard: Yard
    settle: Callable[[], None]
    seen: list[Seen] = field(default_factory=list)
    papers: dict[str, Paper] = field(default_factory=dict)


SITE = web.AppKey("site", Site)
BODY = web.RequestKey("body", object)


def site_of(request: web.Request) -> Site:
    return request.app[SITE]


def answer(body: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )


def refused(refusal: Refusal) -> web.Response:
    body = {"success": False, "error": refusal.error, "msg": refusal.message, **refusal.extra}
    return answer(body, refusal.status)


async def read_body(request: web.Request) -> object:
    """The JSON of the body, None for none. Raises Refusal for what is not JSON."""
    raw = await request.read()
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise Refusal(400, "invalid_request", "Invalid json body") from None


def body_of(request: web.Request, *known: str) -> Body:
    """The body as an object. With `known`, every other field is refused by name."""
    body = request[BODY]
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_request", "Invalid json body")
    for name in body:
        if known and name not in known:
            raise invalid(f"unknown field {name!r}")
    return body


def number_in(request: web.Request, name: str = "id") -> int:
    """A number of the path; routes let only digits through."""
    return int(request.match_info[name])


def contract_in(request: web.Request) -> Contract:
    """The living contract that the path names. Raises Refusal."""
    return site_of(request).world.contract(number_in(request))


def json_query(request: web.Request, name: str, default: Any) -> Any:
    """A query parameter that Vast's clients write as JSON. Raises Refusal."""
    raw = request.query.get(name)
    if raw is None or raw == "":
        return default
    try:
        return json.loads(raw)
    except ValueError:
        raise Refusal(
            400, "invalid_request", f"Error in query parameters: {name} is not JSON"
        ) from None


def text_in(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    return value


def paper(request: web.Request, name: str, text: str, ready_at: datetime) -> str:
    """Put a text behind an address that needs no key; returns the address."""
    site_of(request).papers[name] = Paper(text, ready_at)
    return f"{request.scheme}://{request.host}/sandbox/papers/{name}.log"
