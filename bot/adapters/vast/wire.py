"""Vast's rows and our facts: an instance, an offer, the search that asks for offers.

Rows come as anyone wrote them: numbers as strings, nulls, an address with a newline, states nobody
documented. What a decision hangs on (an id, a label, a price) is read strictly; the rest is left
out where it cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from bot.adapters.vast import marks, values
from bot.adapters.vast.values import Row
from bot.domain.money import Usd, above
from bot.domain.offers import Offer, Rates, Sort, Wish
from bot.domain.rentals import Address, ContractId, Instance, Status
from bot.errors import Nonsense

SEARCH_LIMIT = 64
"""Vast answers no more than this, whatever is asked (reference vast-api, 2.1)."""

_VRAM_LEFT = Decimal("0.92")  # what the driver leaves of the size on the box, see `sold_gb`
_LONGEST_MESSAGE = 300
_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9_.:-]{0,252}")
_FOUNDED = datetime(2018, 1, 1, tzinfo=UTC)

_STARTING = (None, "created", "loading", "rebooting", "restarting")
_ENDED = ("exited", "stopped")
_BILLED = ("running", "frozen")  # of the GPU (reference vast-api, 4.2)
_UNTOUCHED = (None, "created", "loading")

# Texts after which a start does not recover (Vast's own client, reference vast-api, 5.4).
_FINAL = (
    "error response from daemon",
    "oci runtime create failed",
    "failed to pull image",
    "no space left on device",
    "manifest unknown",
    "unauthorized",
    "unexpected eof",
)

_PRICES = ("dph_base", "storage_cost", "inet_up_cost", "inet_down_cost")

_ORDERS = {
    Sort.PRICE: ["dph_total", "asc"],
    Sort.VALUE: ["dlperf_per_dphtotal", "desc"],
    Sort.RELIABILITY: ["reliability", "desc"],
    Sort.VRAM: ["gpu_ram", "desc"],
}


def query(wish: Wish, max_compute_cap: int | None) -> dict[str, object]:
    """The body of a search. Every price in the answer is then the one for the wished disk."""
    asked: dict[str, object] = {
        "verified": {"eq": True},
        "external": {"eq": False},
        "rentable": {"eq": True},
        "num_gpus": {"eq": wish.gpus},
        "gpu_ram": {"gte": int(wish.min_vram_gb * 1024 * _VRAM_LEFT)},
        "disk_space": {"gte": wish.disk_gb},
        "order": [_ORDERS[wish.sort]],
        "type": "on-demand",
        "limit": SEARCH_LIMIT,
        "allocated_storage": wish.disk_gb,
    }
    if wish.gpu is not None:
        asked["gpu_name"] = {"eq": wish.gpu.replace("_", " ").strip()}
    if wish.max_price is not None:
        # With what Vast's further digits add; where exactly the limit is, `offers.limits` decides.
        asked["dph_total"] = {"lte": str(above(wish.max_price).dollars)}
    if wish.region is not None:
        asked["geolocation"] = {"in": [wish.region.strip().upper()]}
    if max_compute_cap is not None:
        asked["compute_cap"] = {"lte": max_compute_cap}
    if wish.offer_id is not None:
        # A filter on `id` matches nothing.
        asked["ask_contract_id"] = {"eq": wish.offer_id}
    return asked


def is_rentable(row: Row) -> bool:
    """Whether a found row is for rent at a fixed price; Vast ignores filters at times."""
    return row.get("rentable") is not False and not row.get("is_bid") and not row.get("external")


def offer(row: Row, now: datetime) -> Offer:
    """An offer. Raises Nonsense for a row without its id, GPU, disk or any of its prices."""
    number = _needed_integer(row, "ask_contract_id", "id")
    rates = _rates(row)
    name = values.text(row.get("gpu_name"))
    if rates is None or not name:
        raise Nonsense(f"offer {number} has no price or no GPU")
    return Offer(
        id=number,
        machine_id=values.integer(row.get("machine_id")) or 0,
        host_id=values.integer(row.get("host_id")) or 0,
        gpu_name=name,
        gpus=_needed_integer(row, "num_gpus"),
        vram_mb=int(_needed(row, "gpu_ram")),
        rates=rates,
        disk_free_gb=int(_needed(row, "disk_space")),
        cpu_cores=_or_zero(row, "cpu_cores_effective"),
        ram_mb=int(_or_zero(row, "cpu_ram") * _share(row)),
        upload_mbps=_or_zero(row, "inet_up"),
        download_mbps=_or_zero(row, "inet_down"),
        reliability=_or_zero(row, "reliability2") or _or_zero(row, "reliability"),
        dlperf=_or_zero(row, "dlperf"),
        region=values.text(row.get("geolocation")),
        compute_cap=values.integer(row.get("compute_cap")) or 0,
        available_until=_until(row, now),
        verified=row.get("verification") == "verified",
        datacenter=values.integer(row.get("hosting_type")) == 1,
    )


def instance(row: object, now: datetime) -> Instance:
    """An instance. Raises Nonsense for what is no object, has no id or a label that is no text."""
    if not isinstance(row, dict):
        raise Nonsense(f"an instance is {type(row).__name__}, not an object")
    contract = _needed_integer(row, "id")
    label = row.get("label")
    if label is not None and not isinstance(label, str):
        raise Nonsense(f"instance {contract} has a label that is no text")
    state = status(row)
    disk_gb = values.number(row.get("disk_space")) or Decimal(0)
    return Instance(
        contract=ContractId(contract),
        label=label or "",
        machine_id=values.integer(row.get("machine_id")) or 0,
        status=state,
        message=_message(row, state),
        created_at=_created_at(row),
        running_since=_running_since(row, now),
        addresses=tuple(dict.fromkeys(_addresses(row))) if state is Status.UP else (),
        rates=_rates(row),
        disk_gb=int(disk_gb.quantize(Decimal(1), rounding=ROUND_HALF_UP)),
        gpu_name=values.text(row.get("gpu_name")),
        gpu_util=_gpu_util(row),
        vram_used_mb=None,  # Vast has no field for it; see `nvidia-smi` on the machine
        gpu_billed=row.get("actual_status") in _BILLED,
        disk_billed=row.get("actual_status") != "offline",
        ends_at=values.moment(row.get("end_date")),
        outbid=row.get("is_bid") is True and state is not Status.UP,
        untouched=_untouched(row),
        mark=marks.read(row.get("onstart")),
        odd=tuple(_odd(row, state)),
        gpus=values.integer(row.get("num_gpus")) or 1,
        vram_mb=int(_or_zero(row, "gpu_ram")),
    )


def status(row: Row) -> Status:
    """What the state fields say together (reference vast-api, 5.3); the rest is unclear."""
    actual, intended, contract = (
        row.get(name) for name in ("actual_status", "intended_status", "cur_state")
    )
    wanted, unwanted = intended in ("running", None), intended == "stopped"
    if actual in _STARTING and "actual_status" in row and (wanted or unwanted):
        return _starting(row, unwanted=unwanted)
    if actual == "running" and (wanted or unwanted):
        return Status.STOPPING if unwanted else Status.UP
    if actual in _ENDED and unwanted:
        return Status.STOPPED if contract == "stopped" else Status.STOPPING
    if actual in _ENDED and intended == "running":
        waiting = {"stopped": Status.SCHEDULING, "running": Status.RESTARTING}
        return waiting.get(str(contract), Status.UNCLEAR)
    if actual == "frozen":
        return Status.FAILED  # paused with its memory, and billed: of no use to anybody
    if actual in ("unknown", "offline"):
        return Status.LOST
    return Status.UNCLEAR


def _starting(row: Row, *, unwanted: bool) -> Status:
    if unwanted:
        # A bad image stays `loading` and Vast gives up on it after some minutes. A machine that
        # was being restarted is merely stopped.
        gave_up = row.get("cur_state") == "stopped" and row.get("actual_status") in _STARTING[:3]
        return Status.FAILED if gave_up else Status.STOPPING
    said = values.text(row.get("status_msg")).lower()
    if any(final in said for final in _FINAL):
        return Status.FAILED
    return Status.CREATED if row.get("actual_status") is None else Status.STARTING


def _message(row: Row, state: Status) -> str:
    said = values.text(row.get("status_msg"))
    if state is Status.UNCLEAR:
        fields = ("actual_status", "intended_status", "cur_state")
        seen = "/".join(str(row.get(name, "absent")) for name in fields)
        said = f"state {seen} {said}".rstrip()
    return said[:_LONGEST_MESSAGE]


def _addresses(row: Row) -> Iterator[Address]:
    """Where SSH answers: the machine itself, then Vast's proxy, which is slow but always there."""
    host = _host(row.get("public_ipaddr"))
    port = _mapped_port(row.get("ports"))
    if host and port:
        yield Address(host, port)
    host = _host(row.get("ssh_host"))
    port = values.integer(row.get("ssh_port"))
    if host and port:
        # In a Jupyter launch the proxy's first port is Jupyter's (the CLI's `ssh-url`).
        port += "jupyter" in values.text(row.get("image_runtype"))
        if 0 < port < 65536:
            yield Address(host, port)


def _host(value: object) -> str:
    """A host's name or address; empty for anything else. People paste it into their shells."""
    host = values.text(value)
    return host if _HOST.fullmatch(host) else ""


def _mapped_port(ports: object) -> int | None:
    """The public port of the machine's port 22; None while nothing is mapped."""
    mapped = ports.get("22/tcp") if isinstance(ports, dict) else None
    for entry in mapped if isinstance(mapped, list) else ():
        port = values.integer(entry.get("HostPort")) if isinstance(entry, dict) else None
        if port is not None and 0 < port < 65536:
            return port
    return None


def _rates(row: Row) -> Rates | None:
    """The four prices; None unless all are there, as a price left out is not a price of zero."""
    prices = [values.number(row.get(name)) for name in _PRICES]
    found = [Usd.of(price) for price in prices if price is not None and price >= 0]
    if len(found) < len(_PRICES):
        return None
    gpu, storage, upload, download = found
    return Rates(
        gpu_per_hour=gpu,
        storage_per_gb_month=storage,
        upload_per_gb=upload,
        download_per_gb=download,
    )


def _untouched(row: Row) -> bool:
    """Whether its container never ran. A disk with something on it is a machine that did: until
    then Vast gives -1 (reference vast-api, 5.1)."""
    used = values.number(row.get("disk_usage"))
    return row.get("actual_status", "absent") in _UNTOUCHED and (used is None or used <= 0)


def _odd(row: Row, state: Status) -> Iterator[str]:
    """What in a row cannot be used, in words; nothing is concluded from it."""
    if state is Status.UNCLEAR:
        seen = values.text(str(row.get("actual_status", "none")))[:40]
        yield f"an unknown state “{seen}”"
    if _rates(row) is None:
        prices = [values.number(row.get(name)) for name in _PRICES]
        negative = any(price is not None and price < 0 for price in prices)
        yield "a negative price" if negative else "a price that is missing"


def _created_at(row: Row) -> datetime | None:
    """When the contract was made; None for a time before there was a Vast."""
    made_at = values.moment(row.get("start_date"))
    return made_at if made_at is not None and made_at >= _FOUNDED else None


def _running_since(row: Row, now: datetime) -> datetime | None:
    minutes = values.number(row.get("uptime_mins"))
    if row.get("actual_status") != "running" or minutes is None or minutes < 0:
        return None
    up = values.seconds_span(minutes * 60)
    return now - up if up is not None and up < now - values.EPOCH else None


def _gpu_util(row: Row) -> Decimal | None:
    """Percent. Zero together with zero degrees is no report (reference vast-api, 5.1)."""
    used = values.number(row.get("gpu_util"))
    if used == 0 and values.number(row.get("gpu_temp")) == 0:
        return None
    return used


def _until(row: Row, now: datetime) -> datetime | None:
    """Until when the host offers the machine."""
    if (end := values.moment(row.get("end_date"))) is not None:
        return end
    left = values.number(row.get("duration"))
    span = values.seconds_span(left) if left is not None else None
    return now + span if span is not None and span < timedelta(days=36500) else None


def _share(row: Row) -> Decimal:
    """The part of the machine's memory that comes with the offer's GPUs."""
    share = values.number(row.get("gpu_frac"))
    return share if share is not None and 0 < share < 1 else Decimal(1)


def _needed(row: Row, name: str) -> Decimal:
    found = values.number(row.get(name))
    if found is None or found <= 0:
        raise Nonsense(f"a row has no usable {name}")
    return found


def _needed_integer(row: Row, *names: str) -> int:
    """The first of these fields that is there, a whole number above zero."""
    found = next((values.integer(row[name]) for name in names if row.get(name) is not None), None)
    if found is None or found <= 0:
        raise Nonsense(f"a row has no usable {names[0]}")
    return found


def _or_zero(row: Row, name: str) -> Decimal:
    return values.number(row.get(name)) or Decimal(0)
