"""The menus that narrow offers down: model, price, VRAM, country, order.

Each shows the value that holds; choosing another changes the card at once, so one sees what is left
before one looks at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from discord import SelectOption as Option

from bot.domain.money import Usd, hourly
from bot.domain.narrowing import Seen, countries, models, prices, sizes
from bot.domain.offers import Offer, Sort, Wish
from bot.errors import BadInput
from bot.services.offers import Around, Found
from cogs.ui import buttons, look, offers
from cogs.ui.buttons import Act, Browse, By, Narrow, Stand

_MOST = 24  # options of a menu beside “any”
_ANY = "any"

_ORDERS = {
    Sort.PRICE: ("Lowest price first", "GPU, disk and the expected transfer"),
    Sort.VALUE: ("Most speed per dollar first", "Vast's DLPerf for the whole price of an hour"),
    Sort.RELIABILITY: ("Most reliable first", "How much of the time its host is up"),
    Sort.VRAM: ("Most VRAM first", "Of one GPU"),
}


def card(found: Found, around: Around, owner_id: int) -> look.Card:
    """What is left with the filters as they are, and a menu for each."""
    stand = Stand(owner_id=owner_id, wish=found.wish)
    show: list[look.Control] = [
        Browse(Act.PAGE, stand, "Show the offers", buttons.Style.primary),
        *([Browse(Act.COMPARE, stand, "Compare")] if len(found.offers) > 1 else []),
        Browse(Act.WATCH, stand, "Look out for a cheaper one"),
    ]
    wait: list[look.Control] = [Browse(Act.WAIT, stand, "Look out for one")]
    return look.card(
        look.lines("### Filters", _left(found)),
        f"-# With {found.wish.disk_gb} GB of disk{_count(found.wish)}; /offers takes others.",
        controls=[*_menus(found, around, stand), *(show if found.offers else wait)],
    )


def narrowed(wish: Wish, by: By, chosen: str) -> Wish:
    """The wish with one of its limits, or its order, as chosen in a menu. Raises BadInput for what
    no menu of ours offers."""
    any_of_them = chosen == _ANY
    try:
        match by:
            case By.GPU:
                return replace(wish, gpu=None if any_of_them else chosen)
            case By.PRICE:
                return replace(wish, max_price=None if any_of_them else Usd(int(chosen)))
            case By.VRAM:
                return replace(wish, min_vram_gb=int(chosen))
            case By.REGION:
                return replace(wish, region=None if any_of_them else chosen)
            case By.SORT:
                return replace(wish, sort=Sort(chosen))
    except ValueError as error:
        raise BadInput(f"{by} {chosen[:40]!r} was chosen") from error


def _left(found: Found) -> str:
    if not found.offers:
        looser = found.looser
        without = f" What is in the way is “{look.clean(looser.limit, 80)}”." if looser else ""
        return f"**Nothing** fits like this.{without}"
    count = len(found.offers)
    first = found.offers[0]
    return (
        f"**{count} offer{'s' if count > 1 else ''}** fit{'' if count > 1 else 's'} like this. "
        f"First comes {look.clean(first.title, 60)} for {offers.price(first, found.wish)}."
    )


def _count(wish: Wish) -> str:
    return f" and {wish.gpus} GPUs" if wish.gpus > 1 else " and one GPU"


def _menus(found: Found, around: Around, stand: Stand) -> list[look.Control]:
    seen = [*around.pool, *found.offers]
    options = {
        By.GPU: _gpus(found, seen, around.models),
        By.PRICE: _prices(found, seen),
        By.VRAM: _sizes(found.wish),
        By.REGION: _regions(found, seen),
        By.SORT: _orders(found.wish),
    }
    return [Narrow(by, stand, those) for by, those in options.items()]


def _gpus(found: Found, seen: Sequence[Offer], known: Sequence[str]) -> list[Option]:
    wish = found.wish
    named = [
        _option(one.name, one.name, about=_about(one, wish), chosen=one.name == wish.gpu)
        for one in models(seen, wish, found.image, known, most=_MOST)
        if 1 <= len(one.name) <= 100 and one.name != _ANY
    ]
    return [_option("Any GPU", _ANY, chosen=wish.gpu is None), *named]


def _prices(found: Found, seen: Sequence[Offer]) -> list[Option]:
    wish = found.wish
    steps = [
        _option(f"At most {hourly(price)}", str(price.micros), chosen=price == wish.max_price)
        for price in prices(seen, wish, found.image, most=_MOST)
    ]
    return [_option("Any price", _ANY, chosen=wish.max_price is None), *steps]


def _sizes(wish: Wish) -> list[Option]:
    return [
        _option(
            f"At least {size} GB of VRAM" if size else "Any VRAM",
            str(size),
            chosen=size == wish.min_vram_gb,
        )
        for size in sizes(wish)
    ]


def _regions(found: Found, seen: Sequence[Offer]) -> list[Option]:
    wish = found.wish
    region = (wish.region or "").upper()
    named = [
        _option(_place(one), one.name, about=_about(one, wish), chosen=one.name == region)
        for one in countries(seen, wish, found.image, most=_MOST)
    ]
    return [_option("Anywhere", _ANY, chosen=not region), *named]


def _orders(wish: Wish) -> list[Option]:
    return [
        _option(label, sort.value, about=about, chosen=sort is wish.sort)
        for sort, (label, about) in _ORDERS.items()
    ]


def _option(label: str, value: str, *, about: str = "", chosen: bool = False) -> Option:
    return Option(
        label=look.plain_line(label)[:100] or value,
        value=value,
        description=look.plain_line(about)[:100] or None,
        default=chosen,
    )


def _about(one: Seen, wish: Wish) -> str:
    """The cheapest of them among those that were seen."""
    offer = one.cheapest
    if offer is None:
        return ""
    return f"{look.vram(offer)}, from {offers.price(offer, wish)}"


def _place(one: Seen) -> str:
    """A country with what hosts call it, where they agree; else with some places in it."""
    places: Sequence[str] = one.places
    if len(places) == 1:
        return f"{places[0]} ({one.name})"
    return f"{one.name}: {', '.join(places)}" if places else one.name
