"""A market with a few fixed offers that may be told to fail, and makers of offers and rentals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.domain.images import DEFAULT
from bot.domain.money import Usd
from bot.domain.offers import Offer, Rates, Wish
from bot.domain.rentals import ContractId, Instance, Phase, Rental, RentalId, State
from bot.errors import BotError
from bot.ports import Account, Order

START = datetime(2026, 3, 1, 12, tzinfo=UTC)

GPUS = ["RTX 3090", "RTX 4090", "RTX A4000", "Tesla T4", "H100 SXM"]


class SetClock:
    """A clock that shows what it is set to."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def pass_time(self, span: timedelta) -> None:
        self._now += span


class FixedMarket:
    """`ports.Market` with these offers; `trouble` is raised by every call while it is set."""

    def __init__(self, offers: list[Offer]) -> None:
        self.offers = offers
        self.credit = Usd.of("100")
        self.trouble: BotError | None = None
        self.asked = 0

    async def search(self, wish: Wish, *, max_compute_cap: int | None = None) -> list[Offer]:
        self._answer()
        return list(self.offers)

    async def gpu_names(self) -> list[str]:
        self._answer()
        return list(GPUS)

    async def machines(self) -> list[Instance]:
        self._answer()
        return []

    async def machine(self, contract: ContractId) -> Instance | None:
        self._answer()
        return None

    async def rent(self, order: Order) -> ContractId:
        raise AssertionError("the chat rents nothing by itself")

    async def destroy(self, contract: ContractId) -> None:
        raise AssertionError("the chat destroys nothing by itself")

    async def account(self) -> Account:
        self._answer()
        return Account(credit=self.credit)

    async def register_key(self, public_key: str) -> bool:
        return True

    async def attach_key(self, contract: ContractId, public_key: str) -> None:
        return None

    def _answer(self) -> None:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble


def offer(number: int = 1, **changes: Any) -> Offer:
    """The tutorial's machine ($0.297/h, storage $0.49968 per GB and month), or one like it."""
    facts: dict[str, Any] = {
        "id": 7_000_000 + number,
        "machine_id": number,
        "host_id": number,
        "gpu_name": "RTX 4090",
        "gpus": 1,
        "vram_mb": 24_564,
        "rates": rates("0.297"),
        "disk_free_gb": 500,
        "cpu_cores": Decimal(16),
        "ram_mb": 65_536,
        "upload_mbps": Decimal("401.3"),
        "download_mbps": Decimal("812.9"),
        "reliability": Decimal("0.9921"),
        "dlperf": Decimal(60),
        "region": "Sweden, SE",
        "compute_cap": 890,
        "available_until": START + timedelta(days=60),
        "verified": True,
        "datacenter": False,
    }
    return Offer(**{**facts, **changes})


def rates(gpu_per_hour: str) -> Rates:
    return Rates(
        gpu_per_hour=Usd.of(gpu_per_hour),
        storage_per_gb_month=Usd.of("0.49968"),
        upload_per_gb=Usd.of("0.02"),
        download_per_gb=Usd.of("0.003"),
    )


def rental(**changes: Any) -> Rental:
    """A rental that was just asked for, by person 11 in server 1."""
    chosen = changes.pop("offer", None) or offer()
    facts: dict[str, Any] = {
        "id": RentalId("k7m2xp"),
        "version": 1,
        "state": State.REQUESTED,
        "guild_id": 1,
        "channel_id": 2,
        "message_id": None,
        "owner_id": 11,
        "owner_name": "Ada",
        "name": None,
        "wish": Wish(),
        "image": DEFAULT,
        "offer": chosen,
        "agreed_per_hour": chosen.rates.per_hour(30),
        "hours": None,
        "requested_at": START,
        "phase_at": START,
    }
    return Rental(**{**facts, **changes})


def ready(**changes: Any) -> Rental:
    """A rental whose notebook has answered for an hour."""
    facts: dict[str, Any] = {
        "state": State.READY,
        "phase": Phase.REACHABLE,
        "contract": ContractId(900),
        "created_at": START,
        "running_at": START + timedelta(minutes=1),
        "ready_at": START + timedelta(minutes=2),
    }
    return rental(**{**facts, **changes})
