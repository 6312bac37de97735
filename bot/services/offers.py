"""Finding offers: what the market has for a wish, or why it has nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.images import Image
from bot.domain.offers import Offer, Wish, find_gpu, rank, suggest, tightest
from bot.domain.policy_renting import GRUDGE
from bot.domain.replacement import Grudge
from bot.errors import BadInput, NoOffer
from bot.ports.books import Grudges
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.services.policy import Policies

MAX_DISK_GB = 2000
MAX_GPUS = 16


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
            raise await self._nothing(wish, image)
        return fitting

    async def fitting(self, wish: Wish, image: Image) -> list[Offer]:
        """What fits a wish that was checked before, perhaps nothing; one search at most."""
        found = await self._market.search(wish, max_compute_cap=image.max_compute_cap)
        return rank(found, wish, image, bad=await self.failed())

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

    async def _nothing(self, wish: Wish, image: Image) -> NoOffer:
        """Look at the market without limits, to say which of them keeps out most."""
        if wish.offer_id is not None:  # that one limit keeps out all others and says nothing
            return NoOffer(
                f"offer {wish.offer_id} is gone or does not fit",
                public="That offer is gone, or it does not fit the other limits.",
                hint="Choose another one with /offers.",
            )
        everything = Wish(disk_gb=wish.disk_gb, gpus=wish.gpus, min_vram_gb=0)
        market = await self._market.search(everything)
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
    if wish.region is not None and not (len(wish.region) == 2 and wish.region.isalpha()):
        raise BadInput(public="A region is a country's two letters.", hint="Like US, DE or SE.")
