"""Up to three offers side by side: a block each, with the same facts in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.choosing import MOST_COMPARED, Trait, best_in, loads_in, stand_in
from bot.domain.offers import Offer
from bot.services.offers import Found
from cogs.ui import buttons, look, offers
from cogs.ui.buttons import Act, Browse, Stand
from cogs.ui.cards import duration

_WINDOW = 25  # options of a menu

_BEST = {
    Trait.PRICE: "lowest price",
    Trait.SPEED: "fastest GPU",
    Trait.VALUE: "most speed per dollar",
    Trait.VRAM: "most VRAM",
    Trait.RELIABILITY: "most reliable",
    Trait.NETWORK: "fastest network",
    Trait.TERM: "for rent longest",
}


def compared(
    found: Found,
    owner_id: int,
    number: int,
    chosen: Sequence[int],
    names: Mapping[int, str] | None = None,
) -> look.Card:
    """Up to three offers, a block each, with what each is best in.

    `chosen` are those asked for; without any, the first of the page. What is gone of them is said
    with its name (`names`), and the next best stands in for it. There must be an offer.
    """
    listing = offers.numbered(found)
    number = min(number, (len(listing) - 1) // offers.PAGE)
    stand = Stand(owner_id=owner_id, wish=found.wish, page=number)
    start = max(0, min(number * offers.PAGE, len(listing) - MOST_COMPARED))
    ids, gone = _still(found, chosen or [one.id for _, one in listing[start:]], names)
    sides = [(at, offer) for at, offer in listing if offer.id in ids]
    best = best_in([offer for _, offer in sides], found.wish, found.image)
    return look.card(
        look.lines(
            f"### {'Side by side' if len(sides) > 1 else 'One offer'}",
            *(f"{offers.bare(one)} is gone: somebody else rented it." for one in gone),
            "The next best stands in for it." if gone and len(sides) > 1 else "",
        ),
        *(_side(at, offer, found, best[offer.id]) for at, offer in sides),
        controls=[
            buttons.ChooseOffer(found.wish, sides),
            buttons.Compare(stand, _window(listing, number, ids), sorted(ids)),
            Browse(Act.PAGE, stand, "Back to the offers"),
        ],
    )


def _side(number: int, offer: Offer, found: Found, best: Sequence[Trait]) -> str:
    """An offer as one block of a comparison: the same facts in the same order, one a line."""
    wish = found.wish
    load = loads_in(offer, found.image)
    until = offer.available_until
    won = ", ".join(_BEST[trait] for trait in best)
    return look.lines(
        f"**{offers.title(number, offer, wish)}**{offers.alike(offer, found)}",
        f"Best here: **{won}**" if won else "",
        f"{offers.session(offer, found)}, transfer included",
        f"{offers.speed(offer, wish)} · {look.vram(offer)}",
        f"{look.reliability(offer)} · {look.region(offer)}{look.trust(offer)}",
        look.speeds(offer),
        f"Image loaded in about {duration(load)}" if load is not None else "",
        f"{look.rounded(offer.cpu_cores, '1')} CPU cores · {round(offer.ram_mb / 1024):,} GB RAM",
        f"For rent until {look.day(until)}" if until is not None else "",
        *(f"⚠ {one}" for one in offers.marked(offer, found)),
    )


def _still(
    found: Found, chosen: Sequence[int], names: Mapping[int, str] | None
) -> tuple[set[int], list[str]]:
    """Which to compare: those that are still there, the next best for those that are not; and the
    names of what is gone."""
    wanted = list(dict.fromkeys(chosen))[:MOST_COMPARED]
    there = {one.id for one in found.offers}
    ids = {id for id in wanted if id in there}
    lost = [id for id in wanted if id not in there]
    for id in lost:
        rest = [one for one in found.offers if one.id not in ids]
        best = stand_in(rest, offers.places(names or {}), id)
        ids |= {best.id} if best is not None else set()
    return ids, [(names or {}).get(id, "") for id in lost]


def _window(listing: offers.Numbered, number: int, ids: set[int]) -> offers.Numbered:
    """As many offers as a menu takes, from this page on, with those that are compared."""
    start = max(0, min(number * offers.PAGE, len(listing) - _WINDOW))
    shown = listing[start : start + _WINDOW]
    missing = [(at, one) for at, one in listing if one.id in ids and (at, one) not in shown]
    return sorted([*shown[: _WINDOW - len(missing)], *missing], key=lambda pair: pair[0])
