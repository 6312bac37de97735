"""Offers on the market: what a person wishes for, what fits, in which order, at what price."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from bot.domain.images import Image, size_of
from bot.domain.money import Usd, above, at_most, storage_per_hour

MIN_VRAM_GB = 16
DEFAULT_DISK_GB = 30

SESSION_HOURS = 4
"""A usual evening's work: to compare prices, what comes once is spread over so many hours."""

FIRST_ARCHIVE = 1_000_000_000
"""Bytes of the archive of somebody who has none yet, as far as a price is concerned."""


class Sort(StrEnum):
    PRICE = "price"
    VALUE = "value"  # DLPerf per dollar
    RELIABILITY = "reliability"
    VRAM = "vram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a machine costs. `gpu_per_hour` is for all its GPUs together."""

    gpu_per_hour: Usd
    storage_per_gb_month: Usd
    upload_per_gb: Usd
    download_per_gb: Usd

    def per_hour(self, disk_gb: int) -> Usd:
        """The whole price of an hour: GPUs and the asked disk; transfer is extra."""
        return self.gpu_per_hour + storage_per_hour(self.storage_per_gb_month, disk_gb)

    def transfer(self, image: Image) -> Usd:
        """What comes once: the image there, as far as its size is known, and an archive back."""
        loaded = Decimal(size_of(image) or 0) / 10**9
        saved = Decimal(FIRST_ARCHIVE) / 10**9
        return self.download_per_gb.times(loaded) + self.upload_per_gb.times(saved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A machine that can be rented now. `id` is Vast's `ask_contract_id`."""

    id: int
    machine_id: int
    host_id: int
    gpu_name: str
    gpus: int
    vram_mb: int  # of one GPU, as the driver reports it: a "24 GB" card has 24564
    rates: Rates
    disk_free_gb: int
    cpu_cores: Decimal
    ram_mb: int
    upload_mbps: Decimal
    download_mbps: Decimal
    reliability: Decimal  # 0 to 1
    dlperf: Decimal
    region: str  # "Sweden, SE"
    compute_cap: int  # 890 is 8.9
    available_until: datetime | None
    verified: bool
    datacenter: bool

    @property
    def title(self) -> str:
        return self.gpu_name if self.gpus == 1 else f"{self.gpus}× {self.gpu_name}"

    @property
    def vram_gb(self) -> int:
        """VRAM of one GPU as it is sold: 24564 MB is 24 GB, 15360 MB (a T4) is 16 GB."""
        return sold_gb(self.vram_mb)

    @property
    def country(self) -> str:
        """The two-letter code at the end of the region, or an empty string."""
        return self.region.rsplit(",", 1)[-1].strip().upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asks for. `max_price` is the whole price of an hour, disk included, as prices
    are shown: `money.above` says what is more than that."""

    gpu: str | None = None
    max_price: Usd | None = None
    min_vram_gb: int = MIN_VRAM_GB
    gpus: int = 1
    disk_gb: int = DEFAULT_DISK_GB
    region: str | None = None  # two-letter code
    sort: Sort = Sort.PRICE
    offer_id: int | None = None


class Rank(NamedTuple):
    """Where an offer stands among others, the smaller the better: the first part that differs
    decides."""

    failed: bool  # its machine failed us lately
    order: Decimal  # by what the wish is sorted by
    price: Usd  # of a usual session
    downtime: Decimal  # the part of the time its host is away
    id: int


def sold_gb(vram_mb: int) -> int:
    """The capacity on the box: drivers keep up to 7 % for themselves (an L4 reports 22.5 of 24)."""
    sizes = (4, 6, 8, 10, 11, 12, 16, 20, 24, 32, 40, 48, 64, 80, 94, 96, 128, 141, 180, 192, 288)
    gb = vram_mb / 1024
    return next((size for size in sizes if size * 0.92 <= gb <= size * 1.02), round(gb))


def same_gpu(left: str, right: str) -> bool:
    """Whether two spellings name one model: `rtx_4090`, `RTX 4090` and `4090` are the same."""
    return _key(left) == _key(right)


def suggest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The models whose names come nearest to an unknown one, best first."""
    by_key = {_key(model): model for model in known}
    wanted = _key(name)
    containing = [model for key, model in by_key.items() if wanted and wanted in key]
    near = [by_key[key] for key in difflib.get_close_matches(wanted, by_key, limit, cutoff=0.5)]
    return list(dict.fromkeys(containing + near))[:limit]


def find_gpu(name: str, known: Iterable[str]) -> str | None:
    """The model a spelling names, as the market writes it; None when it is unknown."""
    return next((model for model in known if same_gpu(model, name)), None)


def rank(
    offers: Iterable[Offer], wish: Wish, image: Image, *, bad: Collection[int] = ()
) -> list[Offer]:
    """The offers that fit, best first, each machine once; those on `bad` machines last.

    Vast sometimes ignores a filter or sends an offer twice (reference vast-api, 2.1), so every
    limit is checked again here.
    """
    tests = list(limits(wish, image).values())
    fitting = {offer.id: offer for offer in offers if all(test(offer) for test in tests)}
    return sorted(fitting.values(), key=lambda offer: standing(offer, wish, image, bad=bad))


def standing(offer: Offer, wish: Wish, image: Image, *, bad: Collection[int] = ()) -> Rank:
    """What decides where an offer stands; `choosing.why_first` says it in words."""
    order, price = _order(offer, wish, image), session_price(offer, wish, image)
    return Rank(offer.machine_id in bad, order, price, 1 - offer.reliability, offer.id)


def session_price(offer: Offer, wish: Wish, image: Image) -> Usd:
    """The whole price of a usual session: its hours, the asked disk, the expected transfer."""
    return offer.rates.per_hour(wish.disk_gb).times(SESSION_HOURS) + offer.rates.transfer(image)


def value(offer: Offer, wish: Wish) -> Decimal:
    """Vast's speed score (DLPerf) for a dollar an hour, disk included; 0 where it costs nothing."""
    price = offer.rates.per_hour(wish.disk_gb).dollars
    return offer.dlperf / price if price > 0 else Decimal(0)


def tightest(offers: Sequence[Offer], wish: Wish, image: Image) -> str | None:
    """The name of the limit that alone keeps out most offers; None when there are no offers."""
    if not offers:
        return None
    tests = limits(wish, image)
    excluded = {name: sum(not test(offer) for offer in offers) for name, test in tests.items()}
    name = max(excluded, key=lambda key: excluded[key])
    return name if excluded[name] else None


def next_best(
    offers: Iterable[Offer],
    wish: Wish,
    image: Image,
    *,
    like: Offer,
    gone: Iterable[int],
    failed: Collection[int] = (),
    bad: Collection[int] = (),
    at_most: Usd | None,
) -> Offer | None:
    """The best offer that may stand in for a lost one: the same model, not above its price.

    Never one on a machine that `failed` already; one that failed others only if none else is left.
    """
    tried = {like.id, *gone}
    same = replace(wish, gpu=like.gpu_name, offer_id=None)
    for offer in rank(offers, same, image, bad=bad):
        if offer.id in tried or offer.machine_id in failed:
            continue
        if at_most is None or offer.rates.per_hour(wish.disk_gb) <= at_most:
            return offer
    return None


def limits(wish: Wish, image: Image) -> dict[str, Callable[[Offer], bool]]:
    """Every limit by the words a person knows it by."""
    tests: dict[str, Callable[[Offer], bool]] = {
        f"{wish.gpus} GPU{'s' if wish.gpus > 1 else ''}": lambda offer: offer.gpus == wish.gpus,
        f"at least {wish.min_vram_gb} GB of VRAM": lambda offer: offer.vram_gb >= wish.min_vram_gb,
        f"{wish.disk_gb} GB of disk": lambda offer: offer.disk_free_gb >= wish.disk_gb,
    }
    if wish.gpu is not None:
        gpu = wish.gpu
        tests[f"the model {gpu}"] = lambda offer: same_gpu(offer.gpu_name, gpu)
    if wish.max_price is not None:
        price, too_dear = wish.max_price, above(wish.max_price)
        tests[at_most(price)] = lambda offer: offer.rates.per_hour(wish.disk_gb) < too_dear
    if wish.region is not None:
        region = wish.region.upper()
        tests[f"the region {region}"] = lambda offer: offer.country == region
    if wish.offer_id is not None:
        tests[f"offer {wish.offer_id}"] = lambda offer: offer.id == wish.offer_id
    if image.max_compute_cap is not None:
        newest = image.max_compute_cap
        tests[f"the image {image.name}, which is too old for newer GPUs"] = lambda offer: (
            offer.compute_cap <= newest
        )
    return tests


def _key(name: str) -> str:
    bare = "".join(char for char in name.lower() if char.isalnum())
    return bare.removeprefix("nvidia").removeprefix("geforce").removeprefix("rtx")


def _order(offer: Offer, wish: Wish, image: Image) -> Decimal:
    match wish.sort:
        case Sort.PRICE:
            return session_price(offer, wish, image).dollars
        case Sort.VALUE:
            return -value(offer, wish)
        case Sort.RELIABILITY:
            return -offer.reliability
        case Sort.VRAM:
            return Decimal(-offer.vram_mb)
