"""Believable facts for tests of decisions: an offer, a rental, an instance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.domain.images import DEFAULT
from bot.domain.money import Usd
from bot.domain.offers import Offer, Rates, Wish
from bot.domain.rentals import Address, ContractId, Instance, Rental, RentalId, State, Status

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

TUTORIAL_RATES = Rates(
    gpu_per_hour=Usd.of("0.297"),
    storage_per_gb_month=Usd.of("0.49968"),
    upload_per_gb=Usd.of("0.02"),
    download_per_gb=Usd.of("0.02"),
)

OFFER = Offer(
    id=1001,
    machine_id=178,
    host_id=2,
    gpu_name="RTX A5000",
    gpus=1,
    vram_mb=24564,
    rates=TUTORIAL_RATES,
    disk_free_gb=500,
    cpu_cores=Decimal(4),
    ram_mb=16000,
    upload_mbps=Decimal(480),
    download_mbps=Decimal(510),
    reliability=Decimal("0.9993"),
    dlperf=Decimal("22.2"),
    region="Washington, US",
    compute_cap=860,
    available_until=None,
    verified=True,
    datacenter=True,
)

RENTAL = Rental(
    id=RentalId("b2k7xq"),
    version=1,
    state=State.REQUESTED,
    guild_id=10,
    channel_id=20,
    message_id=None,
    owner_id=30,
    owner_name="ada",
    name=None,
    wish=Wish(disk_gb=10),
    image=DEFAULT,
    offer=OFFER,
    agreed_per_hour=TUTORIAL_RATES.per_hour(10),
    hours=None,
    requested_at=NOW,
    phase_at=NOW,
)

INSTANCE = Instance(
    contract=ContractId(5001),
    label="bellhop/b2k7xq",
    machine_id=178,
    status=Status.UP,
    message="success, running",
    created_at=NOW,
    running_since=None,
    addresses=(Address("127.0.0.1", 2222),),
    rates=TUTORIAL_RATES,
    disk_gb=10,
    gpu_name="RTX A5000",
    gpu_util=None,
    vram_used_mb=None,
)


def rental(**changes: Any) -> Rental:
    return replace(RENTAL, **changes)


def offer(**changes: Any) -> Offer:
    return replace(OFFER, **changes)


def instance(**changes: Any) -> Instance:
    return replace(INSTANCE, **changes)
