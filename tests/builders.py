"""Believable domain objects for tests: name what matters, the rest is filled in."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.domain.images import DEFAULT
from bot.domain.money import Usd
from bot.domain.offers import Offer, Rates, Wish
from bot.domain.rentals import (
    Address,
    ContractId,
    Instance,
    Quote,
    Rental,
    RentalId,
    State,
    Status,
    new_id,
)
from bot.ports.books import Store

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GUILD = 1098765432109876543  # of today's length: a Discord id does not fit 53 bits
CHANNEL = 1098765432109876600
OWNER = 1187654321098765432

_numbers = itertools.count(20_000_001)


class SetClock:
    """A clock that stands still until it is turned."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def turn(self, span: timedelta) -> datetime:
        """Move on, and say what time it is then."""
        self.at += span
        return self.at


def some_rates(**changes: Any) -> Rates:
    """The tutorial's machine: $0.297 an hour, $0.49968 per GB and month, $0.02 per GB."""
    facts: dict[str, Any] = {
        "gpu_per_hour": Usd.of("0.297"),
        "storage_per_gb_month": Usd.of("0.49968"),
        "upload_per_gb": Usd.of("0.02"),
        "download_per_gb": Usd.of("0.02"),
    }
    return Rates(**facts | changes)


def an_offer(**changes: Any) -> Offer:
    """One RTX A5000 in Sweden."""
    facts: dict[str, Any] = {
        "id": next(_numbers),
        "machine_id": 24817,
        "host_id": 91236,
        "gpu_name": "RTX A5000",
        "gpus": 1,
        "vram_mb": 24564,
        "rates": some_rates(),
        "disk_free_gb": 412,
        "cpu_cores": Decimal("16"),
        "ram_mb": 64297,
        "upload_mbps": Decimal("812.4"),
        "download_mbps": Decimal("905.1"),
        "reliability": Decimal("0.9974321"),
        "dlperf": Decimal("39.271"),
        "region": "Sweden, SE",
        "compute_cap": 860,
        "available_until": NOW + timedelta(days=60),
        "verified": True,
        "datacenter": False,
    }
    return Offer(**facts | changes)


def a_quote(**changes: Any) -> Quote:
    """A quote of this minute for one machine, with the default disk and image."""
    facts: dict[str, Any] = {
        "id": new_id(10),
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "owner_id": OWNER,
        "owner_name": "ada",
        "wish": Wish(gpu="RTX A5000"),
        "image": DEFAULT,
        "offer": changes.get("offer") or an_offer(),
        "name": None,
        "hours": None,
        "made_at": NOW,
    }
    return Quote(**facts | changes)


def a_rental(quote: Quote | None = None, **changes: Any) -> Rental:
    """A rental as it begins, from a quote where one is given."""
    quote = quote or a_quote(**({"offer": changes["offer"]} if "offer" in changes else {}))
    facts: dict[str, Any] = {
        "id": RentalId(new_id()),
        "version": 1,
        "state": State.REQUESTED,
        "guild_id": quote.guild_id,
        "channel_id": quote.channel_id,
        "message_id": None,
        "owner_id": quote.owner_id,
        "owner_name": quote.owner_name,
        "name": quote.name,
        "wish": quote.wish,
        "image": quote.image,
        "offer": quote.offer,
        "agreed_per_hour": quote.per_hour,
        "hours": quote.hours,
        "requested_at": quote.made_at + timedelta(seconds=20),
    }
    return Rental(**facts | changes)


async def begun(store: Store, rental: Rental | None = None, **changes: Any) -> Rental:
    """A rental in the store, begun from a quote of its own."""
    quote = a_quote()
    await store.add_quote(quote)
    return await store.begin(rental or a_rental(quote, **changes), quote_id=quote.id)


def an_instance(rental: Rental | None = None, **changes: Any) -> Instance:
    """A running machine on the account; that of a rental where one is given."""
    offer = rental.offer if rental else an_offer()
    facts: dict[str, Any] = {
        "contract": (rental.contract if rental else None) or ContractId(next(_numbers)),
        "label": rental.label("bellhop") if rental else "bellhop/bcdfgh",
        "machine_id": offer.machine_id,
        "status": Status.UP,
        "message": "success, running vastai/pytorch",
        "created_at": NOW,
        "running_since": NOW + timedelta(seconds=40),
        "addresses": (Address("127.0.0.1", 40022), Address("ssh5.vast.ai", 12044)),
        "rates": offer.rates,
        "disk_gb": rental.wish.disk_gb if rental else 30,
        "gpu_name": offer.gpu_name,
        "gpu_util": Decimal(0),
        "vram_used_mb": 3,
    }
    return Instance(**facts | changes)
