"""The control API under `/sandbox/`: the books, faults, and what hosts and others could do.

It needs no key (the sandbox listens on loopback only) and no fault strikes it. Money in the books
is integer micro-dollars, times are ISO 8601 with a Z.
"""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from bot.sandbox.contracts import STATES, Contract
from bot.sandbox.faults import KINDS
from bot.sandbox.offers import MICRO
from bot.sandbox.refusal import Refusal, invalid
from bot.sandbox.routes.site import answer, body_of, number_in, site_of, text_in
from bot.sandbox.search import number
from bot.sandbox.world import World

INSTANCE_FIELDS = (
    *("gpu_util", "vram_mb", "state", "label", "gpu_taken"),
    *("ssh_cut_s", "ssh_hangs_s", "jupyter_dies", "kernels_die"),
    *("gpu_per_hour", "offer_ends_in_s"),
)


async def books(request: web.Request) -> web.Response:
    world = site_of(request).world
    return answer(
        {
            "at": _iso(world.at),
            "credit": world.credit(),
            "instances": [_entry(world, each) for each in world.contracts.values()],
        }
    )


async def show_faults(request: web.Request) -> web.Response:
    names = {
        name: {"does": kind.does, "takes": dict(kind.takes), "match": sorted(kind.match)}
        for name, kind in KINDS.items()
    }
    return answer({"in_force": site_of(request).faults.in_force(), "names": names})


async def add_fault(request: web.Request) -> web.Response:
    body = dict(body_of(request))
    name, times = text_in(body, "fault"), body.pop("times", 1)
    del body["fault"]
    match = body.pop("match", None) or {}
    if not isinstance(match, dict):
        raise Refusal(400, "bad_fault", "match must be an object")
    site_of(request).faults.add(name, times=times, match=match, **body)
    return await show_faults(request)


async def clear_faults(request: web.Request) -> web.Response:
    site_of(request).faults.clear()
    return await show_faults(request)


async def change_instance(request: web.Request) -> web.Response:
    """GPU load, label, a taken GPU, price, the offer's end, or a state that nobody asked for.

    Of the states `destroyed` ends it, and `outbid` pauses it as an interruptible one.
    """
    world, body = site_of(request).world, body_of(request, *INSTANCE_FIELDS)
    contract = world.contract(number_in(request))
    if "label" in body:
        world.rename(contract.id, text_in(body, "label"))
    if "gpu_taken" in body:
        (world.taken.add if body["gpu_taken"] else world.taken.discard)(contract.offer.id)
    if "ssh_cut_s" in body:
        for_s = number(body["ssh_cut_s"], "ssh_cut_s")
        world.disturb_ssh(contract.id, do="cut", for_s=for_s)
    if "ssh_hangs_s" in body:
        for_s = number(body["ssh_hangs_s"], "ssh_hangs_s")
        world.disturb_ssh(contract.id, do="hang", for_s=for_s)
    if body.get("jupyter_dies"):
        world.end_jupyter(contract.id)
    if body.get("kernels_die"):
        world.end_kernels(contract.id)
    if "gpu_per_hour" in body:
        world.reprice(contract.id, round(number(body["gpu_per_hour"], "gpu_per_hour") * MICRO))
    if "offer_ends_in_s" in body:
        world.end_offer(contract.id, float(number(body["offer_ends_in_s"], "offer_ends_in_s")))
    match body.get("state"):
        case None:
            pass
        case "destroyed":
            world.destroy(contract.id)
        case "outbid":
            world.outbid(contract.id)
        case str(state) if state in STATES:
            world.become(contract.id, state)
        case other:
            raise invalid(f"state {other!r} is not one of {', '.join(sorted(STATES))}, destroyed")
    if contract.alive and {"gpu_util", "vram_mb"} & set(body):
        util, vram = body.get("gpu_util"), body.get("vram_mb")
        world.set_gpu(
            contract.id,
            util=None if util is None else number(util, "gpu_util"),
            vram_mb=None if vram is None else int(number(vram, "vram_mb")),
        )
    return answer(_entry(world, contract))


async def change_account(request: web.Request) -> web.Response:
    world = site_of(request).world
    credit = number(body_of(request, "credit").get("credit"), "credit")
    world.set_credit(round(credit * MICRO))
    return answer({"credit": world.credit()})


async def requests(request: web.Request) -> web.Response:
    """Every request that changes something, and every unknown one, oldest first."""
    return answer(
        [
            {
                "method": each.method,
                "path": each.path,
                "body": each.body,
                "at": _iso(each.at),
                "known": each.known,
            }
            for each in site_of(request).seen
        ]
    )


async def read_paper(request: web.Request) -> web.Response:
    """A text behind a `result_url`; 404 until it is there."""
    site = site_of(request)
    found = site.papers.get(request.match_info["name"])
    if found is None or found.ready_at > site.world.at:
        return web.Response(status=404, text="not there yet")
    return web.Response(text=found.text)


def _entry(world: World, contract: Contract) -> dict[str, object]:
    contract.meter.run(world.at)
    return {
        "id": contract.id,
        "label": contract.label,
        "machine_id": contract.offer.machine_id,
        "offer_id": contract.offer.id,
        "gpu_name": contract.offer.model.name,
        "image": contract.ask.image,
        "disk_gb": contract.ask.disk_gb,
        "created_at": _iso(contract.created_at),
        "running_at": _iso(contract.running_at),
        "stopped_at": _iso(contract.stopped_at),
        "destroyed_at": _iso(contract.destroyed_at),
        "state": contract.state,
        "billed": contract.meter.billed(),
    }


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
