"""Very many ready rentals: rows as the service leaves them, machines on a pretend account."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import aiohttp

from bot.adapters.vast.client import Vast
from bot.app.parts import SystemClock
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import Phase, Quote, State
from bot.ports.books import Store
from bot.ports.market import Order
from tests.builders import a_quote, a_rental

INSTALLATION = "bellhop"
"""Of the labels."""

_OFFERS_EACH = 8  # drawn for each one wanted: a search shows only some kinds
_LEAST_OFFERS = 200
_RICH = 1_000_000  # dollars
_DISK_GB = 10


def market_options(most: int) -> tuple[str, ...]:
    """Arguments of a sandbox with offers for so many rentals, whose machines run at once."""
    offers = max(_LEAST_OFFERS, most * _OFFERS_EACH)
    return ("--load-s", "0.1", "--ssh-s", "0", "--offers", str(offers))


async def fill_account(url: str) -> None:
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.put(f"{url}/sandbox/account", json={"credit": _RICH}) as answer,
    ):
        assert answer.status == 200, await answer.text()


@dataclass(slots=True, kw_only=True)
class Many:
    """Rentals of one store on one market, as many as are asked for. `quote` makes what each had."""

    market: Vast
    store: Store
    quote: Callable[..., Quote] = a_quote
    size: int = 0
    disks: Iterator[int] = field(default_factory=lambda: itertools.count(_DISK_GB))

    async def grow(self, size: int) -> None:
        """Ready rentals with machines that are running, up to so many."""
        while self.size < size:
            # Another disk is another search: a kept answer would show what is rented by now.
            found = await self.market.search(Wish(disk_gb=next(self.disks), min_vram_gb=0))
            assert found, f"the market is empty after {self.size} rentals"
            for offer in found[: size - self.size]:
                await self._add(offer)

    async def _add(self, offer: Offer) -> None:
        now = SystemClock().now()
        quote = self.quote(offer=offer, wish=Wish(disk_gb=_DISK_GB), made_at=now)
        asked = a_rental(quote, state=State.READY, phase=Phase.REACHABLE, ready_at=now)
        order = Order(
            offer_id=offer.id,
            image=asked.image.reference,
            disk_gb=_DISK_GB,
            label=asked.label(INSTALLATION),
        )
        rental = replace(asked, contract=await self.market.rent(order), created_at=now)
        await self.store.add_quote(quote)
        await self.store.begin(rental, quote_id=quote.id)
        self.size += 1
