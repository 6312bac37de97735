"""Finding offers: what the market has for a wish, or why it has nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.choosing import distinct
from bot.domain.images import Image, choose, demand_allowed
from bot.domain.narrowing import Loosening, around, loosening
from bot.domain.offers import Offer, Wish, find_gpu, rank, suggest, tightest
from bot.domain.policy_keys import IMAGES
from bot.domain.policy_renting import GRUDGE
from bot.domain.replacement import Grudge
from bot.errors import BadInput, NoOffer
from bot.ports.books import Grudges
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.services.policy import Policies

MAX_DISK_GB = 2000
MAX_GPUS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A look at the market: what fits a wish, best first, and what is known beside it."""

    wish: Wish  # with the model's proper name
    image: Image
    offers: Sequence[Offer]  # one of those that are alike on a machine
    more: Mapping[int, int]  # and how many more there are just like it
    failed: Mapping[int, Grudge]  # machines that failed us lately
    at: datetime
    nothing: NoOffer | None = None  # where none fits: why, in words
    looser: Loosening | None = None  # and what fits if one limit is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the market has beside what fits: for the values of each limit."""

    pool: Sequence[Offer]
    models: Sequence[str]  # every one that Vast knows


class Offers:
    """The market, asked the way people ask."""

    def __init__(
        self,
        *,
        market: Market,
        grudges: Grudges,
        clock: Clock,
        policies: Policies,
    ) -> None:
        self._market = market
        self._grudges = grudges
        self._clock = clock
        self._policies = policies

    async def gpu_names(self) -> list[str]:
        return await self._market.gpu_names()

    async def find(self, wish: Wish, image: Image) -> list[Offer]:
        """The offers that fit, best first, those on machines that failed us last; at least one.

        Raises BadInput for a wish that makes no sense and NoOffer, with the limit to loosen.
        """
        wish = await self.checked(wish)
        fitting = await self.fitting(wish, image)
        if not fitting:
            raise _nothing(await self._without_limits(wish), wish, image)
        return fitting

    async def look(self, wish: Wish) -> Found:
        """What fits on the image that is used when none is named; perhaps nothing, and then why.

        Raises BadInput for a wish that makes no sense, and Provider.
        """
        wish, image = await self.checked(wish), await self.image()
        fitting, more = distinct(await self.fitting(wish, image))
        found = Found(
            wish=wish,
            image=image,
            offers=fitting,
            more=more,
            failed=await self.failed(),
            at=self._clock.now(),
        )
        if fitting:
            return found
        market = await self._without_limits(wish)
        looser = loosening(market, wish, image)
        return replace(found, nothing=_nothing(market, wish, image), looser=looser)

    async def around(self, wish: Wish) -> Around:
        """What there is for a wish whose limits are being chosen."""
        pool = await self._market.search(around(wish))
        return Around(pool=pool, models=await self._market.gpu_names())

    async def fitting(self, wish: Wish, image: Image) -> list[Offer]:
        """What fits a wish that was checked before, perhaps nothing; one search at most."""
        found = await self._market.search(wish, max_compute_cap=image.max_compute_cap)
        return rank(found, wish, image, bad=await self.failed())

    async def image(self, name: str | None = None) -> Image:
        """The image meant; unnamed, the first that the team allows. Raises BadInput."""
        allowed = await self._policies.value(IMAGES)
        chosen = choose(name or (allowed[0] if allowed else None))
        demand_allowed(chosen, allowed)
        return chosen

    async def failed(self) -> Mapping[int, Grudge]:
        """The machines that failed us lately, each with the newest failure."""
        remembered = await self._policies.value(GRUDGE)
        grudges = await self._grudges.grudges(since=self._clock.now() - remembered)
        return {one.machine_id: one for one in reversed(grudges)}

    async def checked(self, wish: Wish) -> Wish:
        """The wish with the model's proper name. Raises BadInput, with near names."""
        _sensible(wish)
        if wish.gpu is None:
            return wish
        known = await self._market.gpu_names()
        name = find_gpu(wish.gpu, known)
        if name is None:
            near = suggest(wish.gpu, known)
            hint = (
                f"Did you mean {' or '.join(near)}?" if near else "See /offers for what there is."
            )
            shown = wish.gpu[:40]
            raise BadInput(
                f"no such GPU: {shown!r}", public=f"There is no GPU called “{shown}”.", hint=hint
            )
        return replace(wish, gpu=name)

    async def _without_limits(self, wish: Wish) -> list[Offer]:
        """The market in which to find the limit that is in the way; empty for one single offer.

        Vast shows only the cheapest of many, so the wished model, or size, is looked for by itself.
        """
        if wish.offer_id is not None:
            return []
        everything = Wish(disk_gb=wish.disk_gb, gpus=wish.gpus, min_vram_gb=0)
        market = await self._market.search(everything)
        like = replace(everything, min_vram_gb=wish.min_vram_gb)
        if wish.gpu is not None:
            like = replace(everything, gpu=wish.gpu)
        if like != everything:
            market = [*market, *await self._market.search(like)]
        return list({one.id: one for one in market}.values())


def _nothing(market: Sequence[Offer], wish: Wish, image: Image) -> NoOffer:
    """Why nothing fits, with which of the limits keeps out most."""
    if wish.offer_id is not None:  # that one limit keeps out all others and says nothing
        return NoOffer(
            f"offer {wish.offer_id} is gone or does not fit",
            public="That offer is gone, or it does not fit the other limits.",
            hint="Choose another one with /offers.",
        )
    if rank(market, wish, replace(image, max_compute_cap=None)):
        return NoOffer(
            f"only the image {image.name} is in the way",
            hint=f"The image {image.name} does not run on GPUs that new. "
            "Try another image, or an older GPU.",
        )
    limit = tightest(market, wish, image)
    if limit is None:
        return NoOffer("nothing fits", hint="Try again in a few minutes.")
    return NoOffer(
        f"nothing fits, mostly for {limit}",
        hint=f"The limit that keeps out most machines is “{limit}”. Try without it.",
    )


def _sensible(wish: Wish) -> None:
    if not 1 <= wish.gpus <= MAX_GPUS:
        raise BadInput(public=f"Choose between 1 and {MAX_GPUS} GPUs.")
    if not 8 <= wish.disk_gb <= MAX_DISK_GB:
        raise BadInput(public=f"Choose a disk between 8 and {MAX_DISK_GB} GB.")
    if not 0 <= wish.min_vram_gb <= 1000:
        raise BadInput(public="Choose a minimum VRAM between 0 and 1000 GB.")
    if wish.max_price is not None and wish.max_price.micros <= 0:
        raise BadInput(public="The highest price must be above $0.")
    if wish.region is not None and not re.fullmatch(r"[A-Za-z]{2}", wish.region):
        raise BadInput(public="A region is a country's two letters.", hint="Like US, DE or SE.")
