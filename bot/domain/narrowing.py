"""Narrowing a wish down and letting it out again: which values of each limit the market has, and
which one limit to give up where nothing fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.images import Image
from bot.domain.money import Usd, above, at_most
from bot.domain.offers import MIN_VRAM_GB, Offer, Sort, Wish, find_gpu, rank

_LADDER = ("0.10", "0.15", "0.20", "0.25", "0.30", "0.40", "0.50", "0.75", "1", "1.50", "2", "3")
_LADDER_ON = ("4", "6", "8", "12", "16", "24")
PRICES = tuple(Usd.of(step) for step in (*_LADDER, *_LADDER_ON))
"""Highest prices to choose from, as people round them."""

VRAM_GB = (0, 8, 12, 16, 24, 32, 48, 80, 96, 141, 180)
"""Sizes at which cards are sold, and none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A value of a limit, and the cheapest offer with it among those that were seen, if any."""

    name: str
    cheapest: Offer | None = None
    places: tuple[str, ...] = ()  # of a country: where in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Loosening:
    """The one limit to give up: in words, the wish without it, and the best that fits then."""

    limit: str
    wish: Wish
    first: Offer


def around(wish: Wish) -> Wish:
    """The wish with the limits open that menus narrow down: what to look at for their values."""
    return replace(wish, gpu=None, max_price=None, region=None, offer_id=None, sort=Sort.PRICE)


def models(
    pool: Iterable[Offer], wish: Wish, image: Image, known: Iterable[str], *, most: int
) -> list[Seen]:
    """GPU models, those that fit first, by their lowest price; then others that Vast knows.

    The wished one is always among them.
    """
    fitting = _cheapest_first(pool, replace(wish, gpu=None), image)
    seen: dict[str, Seen] = {}
    for offer in fitting:
        seen.setdefault(offer.gpu_name, Seen(name=offer.gpu_name, cheapest=offer))
    for name in sorted(known):
        seen.setdefault(name, Seen(name=name))
    return _with(list(seen.values()), wish.gpu and (find_gpu(wish.gpu, seen) or wish.gpu), most)


def countries(pool: Iterable[Offer], wish: Wish, image: Image, *, most: int) -> list[Seen]:
    """Two-letter codes by their lowest price, with places in them; the wished one among them."""
    seen: dict[str, Seen] = {}
    for offer in _cheapest_first(pool, replace(wish, region=None), image):
        code = offer.country
        if not (len(code) == 2 and code.isascii() and code.isalpha()):
            continue
        known = seen.setdefault(code, Seen(name=code, cheapest=offer))
        place = offer.region.rsplit(",", 1)[0].strip() if "," in offer.region else ""
        if place and place not in known.places:
            seen[code] = replace(known, places=(*known.places, place))
    return _with(list(seen.values()), wish.region and wish.region.upper(), most)


def prices(pool: Iterable[Offer], wish: Wish, image: Image, *, most: int) -> list[Usd]:
    """Highest prices that leave something, the lowest first; the wished one among them."""
    fitting = _cheapest_first(pool, replace(wish, max_price=None), image)
    least = fitting[0].rates.per_hour(wish.disk_gb) if fitting else PRICES[0]
    steps = [step for step in PRICES if above(step) > least][:most]
    if wish.max_price is not None and wish.max_price not in steps:
        steps = [*steps[: most - 1], wish.max_price]
    return sorted(steps)


def sizes(wish: Wish) -> list[int]:
    """Least GB of VRAM of one GPU; the wished one among them."""
    return sorted({*VRAM_GB, wish.min_vram_gb})


def loosening(market: Sequence[Offer], wish: Wish, image: Image) -> Loosening | None:
    """The one limit without which most of what was seen of the market fits; None if no one is
    enough."""
    best: tuple[int, Loosening] | None = None
    for limit, looser in _looser(wish):
        found = rank(market, looser, image)
        if found and (best is None or len(found) > best[0]):
            best = len(found), Loosening(limit=limit, wish=looser, first=found[0])
    return best[1] if best else None


def _looser(wish: Wish) -> list[tuple[str, Wish]]:
    """The wish without each of its limits that can be given up, in the words of `offers.limits`."""
    ways: list[tuple[str, Wish]] = []
    if wish.max_price is not None:
        ways.append((at_most(wish.max_price), replace(wish, max_price=None)))
    if wish.region is not None:
        ways.append((f"the region {wish.region.upper()}", replace(wish, region=None)))
    if wish.min_vram_gb > 0:
        low = MIN_VRAM_GB if wish.min_vram_gb > MIN_VRAM_GB else 0
        ways.append((f"at least {wish.min_vram_gb} GB of VRAM", replace(wish, min_vram_gb=low)))
    if wish.gpu is not None:
        ways.append((f"the model {wish.gpu}", replace(wish, gpu=None)))
    if wish.gpus > 1:
        ways.append((f"{wish.gpus} GPUs", replace(wish, gpus=1)))
    return ways


def _cheapest_first(pool: Iterable[Offer], wish: Wish, image: Image) -> list[Offer]:
    found = rank(pool, replace(wish, sort=Sort.PRICE), image)
    return sorted(found, key=lambda one: one.rates.per_hour(wish.disk_gb))


def _with(seen: list[Seen], wished: str | None, most: int) -> list[Seen]:
    """As many as may be, the wished one among them."""
    kept = seen[:most]
    if wished and all(one.name != wished for one in kept):
        own = next((one for one in seen if one.name == wished), Seen(name=wished))
        kept = [*kept[: most - 1], own]
    return kept
