"""A market of a few fixed offers that may be told to fail."""

from __future__ import annotations

from datetime import datetime

from bot.domain.bills import Charge
from bot.domain.money import Usd
from bot.domain.offers import Offer, Rates, Wish
from bot.domain.rentals import ContractId, Instance
from bot.ports.market import Account, Order
from tests.builders import an_offer, some_rates

GPUS = ["RTX 3090", "RTX 4090", "RTX A4000", "Tesla T4", "H100 SXM"]


class FixedMarket:
    """`ports.Market` with these offers; `trouble` is raised by every call while it is set."""

    def __init__(self, offers: list[Offer]) -> None:
        self.offers = offers
        self.credit = Usd.of("100")
        self.trouble: BaseException | None = None
        self.listing: list[Instance] = []

    async def search(self, wish: Wish, *, max_compute_cap: int | None = None) -> list[Offer]:
        self._answer()
        return list(self.offers)

    async def gpu_names(self) -> list[str]:
        self._answer()
        return list(GPUS)

    async def machines(self) -> list[Instance]:
        self._answer()
        return list(self.listing)

    async def machine(self, contract: ContractId) -> Instance | None:
        self._answer()
        return None

    async def rent(self, order: Order) -> ContractId:
        raise AssertionError("the chat rents nothing by itself")

    async def destroy(self, contract: ContractId) -> None:
        raise AssertionError("the chat destroys nothing by itself")

    async def logs(self, contract: ContractId, *, tail: int, daemon: bool = False) -> list[str]:
        return []

    async def account(self) -> Account:
        self._answer()
        return Account(credit=self.credit)

    async def charges(self, *, since: datetime, until: datetime) -> list[Charge]:
        self._answer()
        return []

    async def register_key(self, public_key: str) -> bool:
        return True

    async def attach_key(self, contract: ContractId, public_key: str) -> None:
        return None

    def _answer(self) -> None:
        if self.trouble is not None:
            raise self.trouble


def few_offers() -> list[Offer]:
    """Four machines: two with the 16 GB of VRAM asked for by default, an H100 and a T4."""
    return [
        an_offer(id=7001, gpu_name="RTX 4090", compute_cap=890),
        an_offer(id=7002, gpu_name="RTX 3090", rates=_gpu("0.201"), region="Norway, NO"),
        an_offer(id=7003, gpu_name="H100 SXM", rates=_gpu("2.1"), vram_mb=81_559, compute_cap=900),
        an_offer(id=7004, gpu_name="Tesla T4", rates=_gpu("0.11"), vram_mb=8_192, compute_cap=750),
    ]


def _gpu(price: str) -> Rates:
    return some_rates(gpu_per_hour=Usd.of(price))
