"""Facts that tests of decisions start from: one offer, one rental, one instance, all fixed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain.offers import Offer, Wish
from bot.domain.rentals import ContractId, Instance, Rental, RentalId
from tests.builders import NOW, a_rental, an_instance, an_offer, some_rates

__all__ = ["NOW", "OFFER", "TUTORIAL_RATES", "instance", "offer", "rental"]

TUTORIAL_RATES = some_rates()
OFFER = an_offer(id=1001, region="Washington, US", disk_free_gb=500)
RENTAL = a_rental(
    offer=OFFER,
    id=RentalId("b2k7xq"),
    wish=Wish(disk_gb=10),
    agreed_per_hour=TUTORIAL_RATES.per_hour(10),
    requested_at=NOW,
    phase_at=NOW,
)
INSTANCE = an_instance(RENTAL, contract=ContractId(5001), running_since=None)


def rental(**changes: Any) -> Rental:
    return replace(RENTAL, **changes)


def offer(**changes: Any) -> Offer:
    return replace(OFFER, **changes)


def instance(**changes: Any) -> Instance:
    return replace(INSTANCE, **changes)
