"""Searching and renting: offers by POST, PUT and GET, and the contract that comes of one."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.sandbox import search
from bot.sandbox.contracts import Ask
from bot.sandbox.offers import MICRO, Row, row
from bot.sandbox.refusal import Refusal, invalid
from bot.sandbox.routes.site import Body, Site, answer, body_of, json_query, number_in, site_of

DEFAULT_DISK_GB = 10.0
# What renting takes (CLI 1.9.1 and the OpenAPI page); some of it changes nothing here.
_RENT_FIELDS = (
    *("client_id", "image", "env", "price", "disk", "label", "extra", "onstart", "image_login"),
    *("runtype", "python_utf8", "lang_utf8", "use_jupyter_lab", "jupyter_dir", "force", "user"),
    *("cancel_unavail", "template_hash_id", "args", "args_str", "target_state", "volume_info"),
    "vm",
)
_RUNTYPES = frozenset(
    {"args", "ssh", "ssh_proxy", "ssh_direc", "ssh_direct"}
    | {"jupyter", "jupyter_proxy", "jupyter_direc", "jupyter_direct"}
)


async def post_search(request: web.Request) -> web.Response:
    return _found(request, body_of(request))


async def put_search(request: web.Request) -> web.Response:
    """The CLI's `--new`: the same query under `q`."""
    body = body_of(request, "q", "select_cols")
    query = body.get("q")
    if not isinstance(query, dict):
        raise Refusal(400, "bad_request", "q: Input should be a valid dictionary")
    return _found(request, query)


async def get_search(request: web.Request) -> web.Response:
    """The old form, in the address."""
    query = json_query(request, "q", {})
    if not isinstance(query, dict):
        raise Refusal(400, "bad_request", "q: Input should be a valid dictionary")
    return _found(request, query)


async def rent(request: web.Request) -> web.Response:
    site, body = site_of(request), body_of(request, *_RENT_FIELDS)
    contract = site.world.rent(_ask(number_in(request), body))
    refused = site.faults.take("no_with_contract", contract.facts()) is not None
    return answer(
        {
            "success": not refused,
            "new_contract": contract.id,
            "instance_api_key": contract.jupyter_token[::-1],
        }
    )


async def gpu_names(request: web.Request) -> web.Response:
    offers = site_of(request).world.offers.values()
    return answer({"gpu_names": sorted({offer.model.name for offer in offers})})


def _found(request: web.Request, body: Body) -> web.Response:
    site = site_of(request)
    facts = {"method": request.method, "path": request.path}
    query = search.parse(body, _columns(site))
    rows = _rows(site, query)
    if site.faults.take("unfiltered", facts) is not None:
        return answer({"offers": search.ordered(rows, query.order)[: query.limit]})
    found = search.find(rows, query)
    if site.faults.take("duplicates", facts) is not None:
        found = [each for one in found for each in (one, {**one, "score": one["score"] * 0.9})]
    return answer({"offers": found[: search.MAX_OFFERS]})


def _columns(site: Site) -> frozenset[str]:
    """Every field of an offer; one may filter and order by each."""
    offer = next(iter(site.world.offers.values()))
    return frozenset(row(offer, now=site.world.at, disk_gb=0, bid=False, rented=False))


def _rows(site: Site, query: search.Query) -> list[Row]:
    """The offers as rows; those whose GPUs are in use only where the query asks for them."""
    world = site.world
    return [
        row(offer, now=world.at, disk_gb=query.storage_gb, bid=query.bid, rented=taken)
        for offer in world.offers.values()
        for taken in [world.is_taken(offer.id)]
        if query.rented_too or not taken
    ]


def _ask(offer_id: int, body: Body) -> Ask:
    """What the body asks for. Raises Refusal, naming the field, for what Vast would not take."""
    image, template = body.get("image"), body.get("template_hash_id")
    if not isinstance(image, str) or not 0 < len(image) <= 1024:
        raise invalid("image is missing or longer than 1024 characters")
    runtype = body.get("runtype") or "ssh"
    if not isinstance(runtype, str) or not set(runtype.split()) <= _RUNTYPES:
        raise invalid(f"runtype {runtype!r}")
    price = body.get("price")
    target = body.get("target_state") or "running"
    if target not in ("running", "stopped"):
        raise invalid(f"target_state {target!r}")
    return Ask(
        offer_id=offer_id,
        image=image,
        disk_gb=search.number(body.get("disk") or DEFAULT_DISK_GB, "disk"),
        label=_text(body, "label", 256),
        env=_env(body.get("env")),
        onstart=_text(body, "onstart", 16_384),
        runtype=_stored(runtype),
        bid=None if price is None else round(search.number(price, "price") * MICRO),
        start=target == "running",
        template=template,
    )


def _stored(runtype: str) -> str:
    """How Vast keeps a runtype: `ssh_direc ssh_proxy` becomes `ssh ssh_direc ssh_proxy`."""
    return (
        runtype if runtype.startswith(("jupyter", "args")) or runtype == "ssh" else f"ssh {runtype}"
    )


def _text(body: Body, name: str, limit: int) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > limit):
        raise invalid(f"{name} is no text of at most {limit} characters")
    return value


def _env(env: Any) -> dict[str, str]:
    """Vast ignores a string of docker flags here; only an object counts."""
    if env is None or isinstance(env, str):
        return {}
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        raise invalid("env must be an object of strings")
    return env
