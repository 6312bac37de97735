"""Moves: what another machine for a rental's work would cost, and the wish to go there.

Nothing here archives, rents or destroys. The wish is a new rental that names the old one; the
reconciler does the rest (`domain/moving.py`). `move` is what everything else that replaces a
machine stands on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.domain.access import Action, Actor
from bot.domain.forecasts import disk_needed_gb, moving
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import Quote, Rental, RentalId, State, new_id
from bot.errors import BeingMoved, BotError, NoOffer, NotReady
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.services.desk import Desk, Place
from bot.services.idle import remember_keep
from bot.services.offers import Offers

log = logging.getLogger(__name__)

MEASURE_S = 30.0
"""How long a look at the workspace may take before its newest archive's size has to do."""

Measure = Callable[[Rental], Awaitable[int]]
"""Bytes of the files in a rental's workspace. Raises BotError where that cannot be seen now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Where a rental's work can go."""

    rental: Rental
    wish: Wish  # with the disk that the work needs
    offers: list[Offer]
    larger: bool = False  # only those with more VRAM were asked for


class Moves:
    def __init__(
        self, *, store: Store, desk: Desk, offers: Offers, measure: Measure, clock: Clock
    ) -> None:
        self._store = store
        self._desk = desk
        self._offers = offers
        self._measure = measure
        self._clock = clock

    async def choices(self, actor: Actor, rental_id: str, *, larger: bool = False) -> Choices:
        """The cheapest machine of each kind that the work fits onto, cheapest first.

        With `larger` only of kinds with more VRAM on a GPU. Raises NotFound, NotYours, NotReady,
        Busy, NoOffer, and Provider.
        """
        rental = await self._movable(actor, rental_id)
        wish = self._wish(rental, await self._size(rental))
        if larger:
            wish = replace(wish, min_vram_gb=rental.offer.vram_gb + 1)
        kinds: dict[str, Offer] = {}
        for offer in await self._fitting(wish, rental, larger=larger):
            kinds.setdefault(offer.gpu_name, offer)
        others = [one for one in kinds.values() if one.machine_id != rental.offer.machine_id]
        if not others:
            raise NoOffer("only the machine it is on", hint="Try again in a few minutes.")
        return Choices(rental=rental, wish=wish, offers=others, larger=larger)

    async def quote(self, actor: Actor, place: Place, rental_id: str, offer_id: int) -> Quote:
        """What a move to that offer takes and costs, good for ten minutes; `Desk.rent` begins it.

        Raises NotFound, NotYours, NotReady, Busy, NoOffer, and Provider.
        """
        rental = await self._movable(actor, rental_id)
        size = await self._size(rental)
        wish = self._wish(rental, size, offer_id)
        offer = (await self._offers.find(wish, rental.image))[0]
        quote = Quote(
            id=new_id(12),
            guild_id=rental.guild_id,
            channel_id=place.channel_id,
            owner_id=actor.id,
            owner_name=actor.name,
            wish=wish,
            image=rental.image,
            offer=offer,
            name=rental.name,
            hours=None,
            made_at=self._clock.now(),
            moves_from=rental.id,
            address=rental.host_name,
            forecast=moving(size, old=rental.offer, old_per_hour=rental.per_hour, onto=offer),
        )
        quote = await self._desk.foreseen(actor, quote)
        await self._store.add_quote(quote)
        return quote

    async def move(self, actor: Actor, place: Place, rental_id: str, offer_id: int) -> Rental:
        """Have a rental's work taken to that offer; the new rental, whose card follows it.

        Raises what `quote` and `Desk.rent` raise.
        """
        quote = await self.quote(actor, place, rental_id, offer_id)
        return await self._desk.rent(actor, quote.id)

    async def _movable(self, actor: Actor, rental_id: str) -> Rental:
        rental = await self._desk.get(actor, rental_id, Action.MOVE)
        if rental.state is not State.READY or rental.released_at is not None:
            raise NotReady(
                f"{rental_id} is {rental.state}",
                public="Only a machine that is ready can be moved.",
                hint="What has ended is put onto another machine with /archives restore.",
            )
        # Whoever asks is there: an old question whether it is idle is answered by this.
        now = self._clock.now()
        await remember_keep(self._store, rental, now, now)
        for other in await self._store.readable_rentals():
            if other.moves_from == rental.id:
                raise BeingMoved(f"{rental_id} moves to {other.id}")
        return rental

    async def _fitting(self, wish: Wish, rental: Rental, *, larger: bool) -> list[Offer]:
        try:
            return await self._offers.find(wish, rental.image)
        except NoOffer as error:
            if not larger:
                raise
            raise NoOffer(
                f"nothing with {wish.min_vram_gb} GB of VRAM or more",
                public="No machine with more VRAM is free at the moment.",
                hint="Try again in a few minutes; a smaller batch may help until then.",
            ) from error

    async def _size(self, rental: Rental) -> int:
        """Bytes to carry: looked at now, else those of its newest archive."""
        try:
            async with asyncio.timeout(MEASURE_S):
                return await self._measure(rental)
        except (BotError, TimeoutError) as error:
            log.info("could not look at the size of %s: %s", rental.id, error)
        archived = await self._store.archives(rental_id=RentalId(rental.id))
        newest = next((one for one in archived if one.restorable), None)
        if newest is None:
            raise NotReady(
                f"the size of {rental.id} is not known",
                public="How large its work is cannot be seen at the moment.",
                hint="Try again in a minute, or archive it first with /save.",
            )
        return newest.bytes

    def _wish(self, rental: Rental, size: int, offer_id: int | None = None) -> Wish:
        """The disk it has, or a larger one where the work has outgrown it; any GPU."""
        disk = max(rental.wish.disk_gb, disk_needed_gb(size))
        return Wish(gpus=rental.wish.gpus, min_vram_gb=0, disk_gb=disk, offer_id=offer_id)
