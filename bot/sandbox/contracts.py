"""One rented machine as Vast keeps it: the contract, its four state words, its bill, its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.sandbox.meter import Meter, Part, gpu_burn, storage_burn
from bot.sandbox.offers import Offer, Row, dollars, hardware, storage_per_hour
from bot.sandbox.yard import Plan

CLOSED_PORT = 1  # Vast names a proxy port early; until the machine stands, nobody answers there
BILLS_GPU = frozenset({"running", "frozen"})
STATES = frozenset(
    {"created", "loading", "running", "stopped", "exited", "frozen", "rebooting", "unknown"}
    | {"offline"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What somebody asks to rent. `bid` is micro-dollars an hour; None is on demand."""

    offer_id: int
    image: str
    disk_gb: float
    label: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    onstart: str | None = None
    runtype: str = "ssh"
    bid: int | None = None
    start: bool = True
    template: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Contract:
    """A contract from its creation on; it stays in the books after its end."""

    id: int
    ask: Ask
    offer: Offer
    gpu_rate: int  # micro-dollars an hour, fixed at creation
    label: str | None
    created_at: datetime
    visible_at: datetime  # in lists
    keys: dict[int, str]
    meter: Meter
    jupyter_token: str = field(repr=False)
    keys_arrive: bool = True
    actual: str | None = None
    intended: str = "running"
    cur: str = "running"
    next: str = "running"
    message: str | None = None
    running_at: datetime | None = None  # the first time
    up_since: datetime | None = None
    stopped_at: datetime | None = None
    destroyed_at: datetime | None = None
    port: int | None = None
    gpu_util: float = 0.0
    vram_mb: int = 0
    traffic: tuple[int, int] = (0, 0)  # bytes billed so far, up and down
    journal: list[str] = field(default_factory=list)  # what the host's daemon would log
    era: int = 0  # grows with every change of plan; steps of an older era are void
    fixed: Row = field(default_factory=dict, repr=False)

    @property
    def alive(self) -> bool:
        return self.destroyed_at is None

    @property
    def state(self) -> str:
        return (self.actual or "created") if self.alive else "destroyed"

    @property
    def holds_gpu(self) -> bool:
        return self.alive and self.cur != "stopped"

    @property
    def up(self) -> bool:
        return self.alive and self.actual == "running"

    def burning(self) -> dict[Part, int]:
        """What is billed by time now: GPUs while running, storage always, nothing offline."""
        if not self.alive or self.actual == "offline":
            return {}
        burns: dict[Part, int] = {
            "storage": storage_burn(self.offer.storage_rate, self.ask.disk_gb)
        }
        if self.actual in BILLS_GPU:
            burns["gpu"] = gpu_burn(self.gpu_rate)
        return burns

    def facts(self) -> dict[str, object]:
        """What a fault can be matched by."""
        return {
            "contract": self.id,
            "label": self.label,
            "machine_id": self.offer.machine_id,
            "gpu_name": self.offer.model.name,
            "offer_id": self.offer.id,
        }

    def plan(self) -> Plan:
        return Plan(
            contract=self.id,
            image=self.ask.image,
            label=self.label or "",
            gpu_name=self.offer.model.name,
            gpus=self.offer.gpus,
            vram_mb=self.offer.model.vram_mb,
            env=dict(self.ask.env),
            onstart=self.ask.onstart or "",
        )

    def machine_keys(self) -> list[str]:
        """The public keys that are on the machine."""
        return list(dict.fromkeys(self.keys.values())) if self.keys_arrive else []

    def row(self, now: datetime) -> Row:
        """The instance as Vast's lists show it."""
        if not self.fixed:
            self.fixed = _fixed(self)
        return {**self.fixed, **_moving(self, now)}


def _fixed(contract: Contract) -> Row:
    """What never changes in a contract's life."""
    ask, offer = contract.ask, contract.offer
    shared: dict[str, Any] = hardware(offer)
    storage = storage_per_hour(offer.storage_rate, ask.disk_gb)
    base = dollars(contract.gpu_rate)
    running = {"gpuCostPerHour": base, "diskHour": storage, "totalHour": base + storage}
    return {
        **shared,
        "id": contract.id,
        "bundle_id": offer.machine_id * 100 + offer.gpus,
        "gpu_totalram": shared["gpu_total_ram"],
        "start_date": contract.created_at.timestamp(),
        "end_date": offer.ends_at.timestamp(),
        "disk_space": float(ask.disk_gb),
        "dph_base": base,
        "dph_total": base + storage,
        "storage_total_cost": storage,
        "search": running,
        "is_bid": ask.bid is not None,
        "min_bid": dollars(offer.min_bid),
        "ssh_host": "127.0.0.1",
        "ssh_idx": "7",
        # Vast ends this one with a newline at times: clients must strip it.
        "public_ipaddr": "127.0.0.1\n",
        "local_ipaddrs": "127.0.0.1 \n",
        "direct_port_count": offer.ports,
        "machine_dir_ssh_port": 5300,
        "jupyter_token": contract.jupyter_token,
        "image_uuid": ask.image,
        "image_args": [],
        "image_runtype": ask.runtype,
        "extra_env": [[name, value] for name, value in ask.env.items()],
        "onstart": ask.onstart,
        "template_id": None,
        "template_hash_id": ask.template,
        "template_name": None,
        "volume_info": [],
        "rentable": False,
        "credit_balance": None,
        "credit_discount": None,
        "credit_discount_max": 0.4,
        "inet_up_billed": 0.0,
        "inet_down_billed": 0.0,
    }


def _moving(contract: Contract, now: datetime) -> Row:
    """What depends on the moment. `ports` is an object from the start: the CLI needs one."""
    up, port = contract.up, contract.port
    open_port = port if up and port is not None else None
    search = contract.fixed["search"]
    gpu = search["gpuCostPerHour"] if contract.actual in BILLS_GPU else 0.0
    return {
        "label": contract.label,
        "actual_status": contract.actual,
        "intended_status": contract.intended,
        "cur_state": contract.cur,
        "next_state": contract.next,
        "status_msg": contract.message,
        "duration": max(0.0, (contract.offer.ends_at - now).total_seconds()),
        "uptime_mins": (now - contract.up_since).total_seconds() / 60
        if up and contract.up_since
        else None,
        "gpu_util": contract.gpu_util if up else None,
        "gpu_temp": round(34 + 0.4 * contract.gpu_util, 1) if up else None,
        "vmem_usage": contract.vram_mb / 1000 if up else None,
        "cpu_util": 0.02 if up else None,
        "mem_limit": contract.offer.ram_mb * contract.offer.share / 1000 if up else None,
        "mem_usage": 1.2 if up else None,
        "disk_usage": 0.4 if up else -1,
        "disk_util": 0.4 / contract.ask.disk_gb if up else -1,
        "ssh_port": port or CLOSED_PORT,
        "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(open_port)}]}
        if open_port
        else {},
        "direct_port_start": open_port or -1,
        "direct_port_end": open_port or -1,
        "instance": {**search, "gpuCostPerHour": gpu, "totalHour": gpu + search["diskHour"]},
    }
