"""Offers on the market: their pages, an empty one, what is there for one that is gone.

Each card is made anew from a look at the market, and what it was made with rides along in its
buttons. What is said of an offer (why it stands first, what speaks against it) is decided in
`bot.domain.choosing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.choosing import (
    Against,
    Mark,
    marks,
    stand_in,
    why_first,
)
from bot.domain.money import hourly
from bot.domain.offers import SESSION_HOURS, Offer, Sort, Wish, session_price, value
from bot.errors import NoOffer
from bot.services.offers import Found
from cogs.ui import buttons, look
from cogs.ui.buttons import Act, Browse, Stand
from cogs.ui.look import duration

PAGE = 6
ALREADY = "There is one already, so there is nothing to look out for."
_NEXT_BEST = 5  # after one that is gone

Numbered = Sequence[tuple[int, Offer]]

_ORDER = {
    Sort.PRICE: "cheapest first",
    Sort.VALUE: "most speed per dollar first",
    Sort.RELIABILITY: "most reliable first",
    Sort.VRAM: "most VRAM first",
}


def page(found: Found, owner_id: int, number: int = 0, *, note: str = "") -> look.Card:
    """A page of what was found, with a menu to rent one; where nothing was, what to give up.

    Pages count from 0; beyond the last one it is the last. `note` is said above the offers.
    """
    if not found.offers:
        return nothing(found, owner_id)
    last = (len(found.offers) - 1) // PAGE
    stand = Stand(owner_id=owner_id, wish=found.wish, page=min(number, last))
    shown = numbered(found)[stand.page * PAGE :][:PAGE]
    return look.card(
        look.lines(f"### {_heading(found, shown)}", f"-# {asked(found.wish)}"),
        note,
        f"**Why number 1 is first:** {_why(found)}" if stand.page == 0 else "",
        "\n".join(_row(at, offer, found) for at, offer in shown),
        f"-# An hour's price is with {found.wish.disk_gb} GB of disk; “in all” adds the transfer, "
        "which comes once. Nothing is rented before you confirm.",
        controls=[buttons.ChooseOffer(found.wish, shown), *_turning(found, stand, last)],
    )


def nothing(found: Found, owner_id: int) -> look.Card:
    """Nothing fits: which limit to give up, what there is then, and looking out for one."""
    stand = Stand(owner_id=owner_id, wish=found.wish)
    error, looser = found.nothing or NoOffer(), found.looser
    controls: list[look.Control] = [
        Browse(Act.FILTER, stand, "Filters"),
        Browse(Act.WAIT, stand, "Look out for one"),
    ]
    hint = error.hint
    if looser is not None:
        first = looser.first
        hint = (
            f"What is in the way is “{look.clean(looser.limit, 80)}”. Try without it. "
            f"Then there is {_named(first)} for {price(first, found.wish)}."
        )
        without = Stand(owner_id=owner_id, wish=looser.wish)
        controls.insert(0, Browse(Act.PAGE, without, "Show without it", buttons.Style.primary))
    return look.card(
        look.lines(f"**{error.public}**", f"-# {asked(found.wish)}"),
        hint if looser is not None else look.clean(hint, 300),
        controls=controls,
    )


def gone(
    found: Found, owner_id: int, offer_id: int, listed: Mapping[int, str], error: NoOffer
) -> look.Card | None:
    """A chosen offer is gone: the next best in its place, and those after it; None where no other
    is left. `listed` is what the menu named."""
    others = [(at, one) for at, one in numbered(found) if one.id != offer_id]
    best = stand_in([one for _, one in others], places(listed), offer_id)
    if best is None:
        return None
    place = next(n for n, (_, one) in enumerate(others) if one.id == best.id)
    shown = others[place:][:_NEXT_BEST]
    name = bare(listed[offer_id]) if offer_id in listed else "That machine"
    stand = Stand(owner_id=owner_id, wish=found.wish)
    return look.card(
        look.lines(f"### {name} is gone", error.public),
        look.lines("The next best:", _row(*shown[0], found)),
        f"-# {error.hint}",
        controls=[
            buttons.ChooseOffer(found.wish, shown),
            Browse(Act.PAGE, stand, "Show all offers"),
        ],
    )


def asked(wish: Wish) -> str:
    """What was asked for, in a few words."""
    return " · ".join(
        part
        for part in (
            look.clean(wish.gpu, 60) if wish.gpu else "any GPU",
            f"{wish.gpus} GPUs" if wish.gpus > 1 else "",
            f"at least {wish.min_vram_gb} GB VRAM" if wish.min_vram_gb else "any VRAM",
            f"at most {hourly(wish.max_price)}" if wish.max_price is not None else "",
            f"in {look.clean(wish.region.upper(), 10)}" if wish.region else "anywhere",
        )
        if part
    )


def facts(number: int, offer: Offer, wish: Wish) -> str:
    """An offer in two lines: which it is, and what it is like."""
    return (
        f"**{title(number, offer, wish)}**\n"
        f"-# {look.vram(offer)} · {look.region(offer)} · {look.reliability(offer)} · "
        f"{look.speeds(offer)}{look.trust(offer)}"
    )


def title(number: int, offer: Offer, wish: Wish) -> str:
    return f"{number} · {look.clean(offer.title, 50)} · {price(offer, wish)}"


def marked(offer: Offer, found: Found) -> list[str]:
    """A sentence for each thing that speaks against an offer."""
    failed = found.failed.get(offer.machine_id)
    return [_against(mark) for mark in marks(offer, found.image, found.at, failed=failed)]


def price(offer: Offer, wish: Wish) -> str:
    return hourly(offer.rates.per_hour(wish.disk_gb))


def session(offer: Offer, found: Found) -> str:
    """The whole price of a session; what it is made of is said once, below the offers."""
    return f"{SESSION_HOURS} h in all {session_price(offer, found.wish, found.image)}"


def speed(offer: Offer, wish: Wish) -> str:
    """Vast's score, and how much of it a dollar an hour buys."""
    return f"DLPerf {offer.dlperf:.0f}, {value(offer, wish):.0f} per $"


def alike(offer: Offer, found: Found) -> str:
    """How many there are just like it on its machine, to be put after its title."""
    more = found.more.get(offer.id, 0)
    return f" · {more + 1} free" if more else ""


def numbered(found: Found) -> list[tuple[int, Offer]]:
    """The offers with the numbers by which every card and menu calls them."""
    return list(enumerate(found.offers, 1))


def places(names: Mapping[int, str]) -> dict[int, int]:
    """The numbers that a menu's offers had in it."""
    numbers = {id: label.split(" · ", 1)[0] for id, label in names.items()}
    return {id: int(number) for id, number in numbers.items() if number.isdecimal()}


def bare(label: str) -> str:
    """The name of an offer in a menu, without its number there."""
    return look.clean(label.split(" · ", 1)[-1], 90) or "One of them"


def _against(mark: Mark) -> str:
    match mark.against:
        case Against.FAILED:
            return f"This machine failed us {look.ago(mark.at)}." if mark.at else ""
        case Against.SHORT:
            until = f"{look.moment(mark.at)}, {look.ago(mark.at)}" if mark.at else "soon"
            return f"Its host rents it out only until {until}."
        case Against.SLOW if mark.loads_in is not None:
            return f"Slow network: the image alone takes about {duration(mark.loads_in)}."
        case Against.SLOW:
            return "Slow network: archiving takes long."


def _row(number: int, offer: Offer, found: Found) -> str:
    """An offer in three lines that fit a phone. How fast its line is, is said where it is slow."""
    wish = found.wish
    return look.lines(
        f"**{title(number, offer, wish)}**{alike(offer, found)}",
        f"-# {look.vram(offer)} · {look.region(offer)} · {look.reliability(offer)}"
        f"{look.trust(offer)}",
        f"-# {session(offer, found)} · {speed(offer, wish)}",
        *(f"-# ⚠ {one}" for one in marked(offer, found)),
    )


def _heading(found: Found, shown: Numbered) -> str:
    count, order = len(found.offers), _ORDER[found.wish.sort]
    if len(shown) == count:
        return f"{count} offer{'s' if count > 1 else ''}, {order}"
    return f"Offers {shown[0][0]} to {shown[-1][0]} of {count}, {order}"


def _turning(found: Found, stand: Stand, last: int) -> list[look.Control]:
    """At most three buttons: the pages beside this one, and what there is room for then."""
    before = Stand(owner_id=stand.owner_id, wish=stand.wish, page=stand.page - 1)
    after = Stand(owner_id=stand.owner_id, wish=stand.wish, page=stand.page + 1)
    controls: list[look.Control] = []
    if stand.page > 0:
        controls.append(Browse(Act.PAGE, before, "Previous"))
    if stand.page < last:
        controls.append(Browse(Act.PAGE, after, "Next"))
    if len(controls) < 2 and len(found.offers) > 1:
        controls.append(Browse(Act.COMPARE, stand, "Compare"))
    controls.append(Browse(Act.FILTER, stand, "Filters"))
    if len(controls) < 3:
        controls.append(Browse(Act.WATCH, stand, "Look out for a cheaper one"))
    return controls


def _why(found: Found) -> str:
    return why_first(found.offers, found.wish, found.image, bad=found.failed)


def _named(offer: Offer) -> str:
    return f"{look.clean(offer.title, 60)} in {look.region(offer)}"
