"""Choosing among offers that were found: what speaks against one, why one stands first, how a few
compare, and which one takes the place of one that is gone.

The order itself is `offers.standing`; everything said about it here is read off from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bot.domain.images import Image, size_of
from bot.domain.offers import (
    SESSION_HOURS,
    Offer,
    Rank,
    Rates,
    Sort,
    Wish,
    session_price,
    standing,
    value,
)
from bot.domain.replacement import Grudge

MOST_COMPARED = 3

SLOW_MBPS = 100
"""A line on which the image alone takes a quarter of an hour, and an archive as long."""

SHORT_TERM = timedelta(hours=24)
"""Who works today goes on tomorrow: a host that stops before then is worth a word."""

_SHARE = Decimal("0.8")  # of the line the host measured, as in `forecasts`


class Against(StrEnum):
    """What may speak against a machine."""

    FAILED = "failed"  # it failed us lately
    SLOW = "slow"  # its network is slow
    SHORT = "short"  # its host rents it out only a little longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing that speaks against an offer. `at` is when it failed, or ends."""

    against: Against
    at: datetime | None = None
    loads_in: timedelta | None = None  # the image; None where nobody knows, or only upload is slow


class Trait(StrEnum):
    """In what one offer may be better than those beside it."""

    PRICE = "price"  # of a usual session, transfer included
    SPEED = "speed"  # DLPerf
    VALUE = "value"  # DLPerf per dollar
    VRAM = "vram"
    RELIABILITY = "reliability"
    NETWORK = "network"  # download
    TERM = "term"  # until when it is for rent; nobody's where that is not known


def marks(
    offer: Offer, image: Image, now: datetime, *, failed: Grudge | None = None
) -> tuple[Mark, ...]:
    """What speaks against it, the worst first; `failed` is what we hold against its machine."""
    found: list[Mark] = []
    if failed is not None:
        found.append(Mark(against=Against.FAILED, at=failed.at))
    if offer.available_until is not None and offer.available_until - now < SHORT_TERM:
        found.append(Mark(against=Against.SHORT, at=offer.available_until))
    if offer.download_mbps < SLOW_MBPS:
        found.append(Mark(against=Against.SLOW, loads_in=loads_in(offer, image)))
    elif offer.upload_mbps < SLOW_MBPS:
        found.append(Mark(against=Against.SLOW))
    return tuple(found)


def loads_in(offer: Offer, image: Image) -> timedelta | None:
    """About how long the image takes over the host's line; None where its size is not known."""
    size = size_of(image)
    if size is None:
        return None
    return timedelta(seconds=math.ceil(size * 8 / (_line(offer.download_mbps) * 1_000_000)))


def why_first(
    ranked: Sequence[Offer], wish: Wish, image: Image, *, bad: Collection[int] = ()
) -> str:
    """One sentence on why the first of a ranking (`offers.rank`) stands before the second.

    It names the first part of their standing that differs, and what they are in it.
    """
    if len(ranked) < 2:
        return "It is the only one that fits." if ranked else ""
    ranks = [standing(one, wish, image, bad=bad) for one in ranked]
    return _reason(ranked, ranks, wish, image) + _passed(ranks)


def distinct(ranked: Sequence[Offer]) -> tuple[list[Offer], dict[int, int]]:
    """The ranking with one offer for those that are alike, and how many more there are of each.

    Hosts offer the GPUs of a machine one by one, at one price; which of them one gets is all one.
    """
    first: dict[tuple[int, str, int, Rates], Offer] = {}
    more: dict[int, int] = {}
    for offer in ranked:
        alike = first.setdefault((offer.machine_id, offer.gpu_name, offer.gpus, offer.rates), offer)
        if alike.id != offer.id:
            more[alike.id] = more.get(alike.id, 0) + 1
    return list(first.values()), more


def stand_in(ranked: Sequence[Offer], listed: Mapping[int, int], gone: int) -> Offer | None:
    """The offer that now has the place of one that is gone; the best where there is none there.

    `listed` are the places, from 1, that it and those beside it had, by their numbers.
    """
    rest = [one for one in ranked if one.id != gone]
    if not rest:
        return None
    there = {one.id for one in rest}
    had = listed.get(gone, 1)
    above = sum(at < had and id not in there for id, at in listed.items())
    place = had - 1 - above
    return rest[place] if 0 <= place < len(rest) else rest[0]


def best_in(offers: Sequence[Offer], wish: Wish, image: Image) -> Mapping[int, tuple[Trait, ...]]:
    """By the number of each offer the traits in which it alone is better than all the others."""
    won: dict[int, list[Trait]] = {one.id: [] for one in offers}
    if len(offers) > 1:
        for trait, figure in _figures(wish, image).items():
            ordered = sorted(offers, key=figure)
            if figure(ordered[0]) < figure(ordered[1]):
                won[ordered[0].id].append(trait)
    return {id: tuple(traits) for id, traits in won.items()}


def _figures(wish: Wish, image: Image) -> dict[Trait, Callable[[Offer], Decimal]]:
    """What is compared, the smaller the better."""
    return {
        Trait.PRICE: lambda one: session_price(one, wish, image).dollars,
        Trait.SPEED: lambda one: -one.dlperf,
        Trait.VALUE: lambda one: -value(one, wish),
        Trait.VRAM: lambda one: Decimal(-one.vram_gb),
        Trait.RELIABILITY: lambda one: -one.reliability,
        Trait.NETWORK: lambda one: -one.download_mbps,
        Trait.TERM: lambda one: (
            Decimal(-one.available_until.timestamp())
            if one.available_until is not None
            else Decimal(0)
        ),
    }


_MEASURE = {
    Sort.PRICE: "price",
    Sort.VALUE: "speed for a dollar",
    Sort.RELIABILITY: "reliability",
    Sort.VRAM: "VRAM",
}


def _reason(ranked: Sequence[Offer], ranks: Sequence[Rank], wish: Wish, image: Image) -> str:
    """What the first part that differs between the first two is."""
    first, second = ranks[:2]
    if first.failed != second.failed:
        return "It is the only one whose machine has not failed us lately."
    if first.order != second.order:
        return _by_order(ranked[0], ranked[1], wish, image)
    same = f"the same {_MEASURE[wish.sort]}"
    if first.price != second.price:
        saved = second.price - first.price
        return f"It has {same} as number 2, and {SESSION_HOURS} hours on it cost {saved} less."
    if first.downtime != second.downtime:
        up = _up(ranked[0], ranked[1])
        return f"It has {same} as number 2, and its host is up more of the time: {up}."
    return f"It and number 2 have {same} and are equally reliable."


def _by_order(first: Offer, second: Offer, wish: Wish, image: Image) -> str:
    """The reason where the sorted measure itself differs."""
    match wish.sort:
        case Sort.PRICE:
            prices = (session_price(one, wish, image).dollars for one in (first, second))
            ours, theirs = _apart(*prices, least=2)
            return (
                f"{SESSION_HOURS} hours on it cost about ${ours} with disk and transfer, "
                f"on number 2 ${theirs}."
            )
        case Sort.VALUE:
            ours, theirs = _apart(value(first, wish), value(second, wish))
            return (
                f"A dollar an hour buys a speed of {ours} (Vast's DLPerf) there, "
                f"and {theirs} on number 2."
            )
        case Sort.RELIABILITY:
            return f"Its host is up more of the time than that of number 2: {_up(first, second)}."
        case Sort.VRAM:
            if first.vram_gb == second.vram_gb:
                more = first.vram_mb - second.vram_mb
                return f"Each of its GPUs has {more:,} MB of VRAM more than those of number 2."
            return (
                f"Each of its GPUs has {first.vram_gb} GB of VRAM, "
                f"those of number 2 have {second.vram_gb} GB."
            )


def _passed(ranks: Sequence[Rank]) -> str:
    """What would stand before the first if its machine had not failed us."""
    count = sum(one.failed and not ranks[0].failed and one.order < ranks[0].order for one in ranks)
    if not count:
        return ""
    which = "One machine" if count == 1 else f"{count} machines"
    return f" {which} would come before it, but failed us lately."


def _up(first: Offer, second: Offer) -> str:
    ours, theirs = _apart(first.reliability * 100, second.reliability * 100, least=1)
    return f"{ours} % against {theirs} %"


def _apart(first: Decimal, second: Decimal, *, least: int = 0) -> tuple[str, str]:
    """Two figures with as few decimals as tell them apart."""
    for places in range(least, 7):
        shown = f"{first:,.{places}f}", f"{second:,.{places}f}"
        if shown[0] != shown[1]:
            break
    return shown


def _line(mbps: Decimal) -> Decimal:
    return max(mbps, Decimal(1)) * _SHARE
