"""Looking for the machines that wishes wait for: found ones are told about, or rented.

A tick looks for those that waited longest, one search for all that ask the same, so that Vast's
quota is left to people. What is found is rented by the way every rental begins, under the lookout's
own id, so it begins once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.access import Actor
from bot.domain.lookouts import Lookout, State, ended, in_turn
from bot.domain.offers import Offer
from bot.domain.rentals import Rental
from bot.errors import Chat, Provider, RateLimited, Refused, Stale, Undeliverable
from bot.log import bound
from bot.ports.books import Store
from bot.ports.chat import Tidings
from bot.ports.clock import Clock
from bot.services.desk import Desk
from bot.services.offers import Offers
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

SEARCHES = 4  # a tick; people search too, and Vast counts ten a minute for all of us
PAUSE_S = 60.0

_LONGEST = timedelta(minutes=10)
_AT_ONCE = 8


class Scout:
    def __init__(
        self, *, store: Store, desk: Desk, offers: Offers, tidings: Tidings, clock: Clock
    ) -> None:
        self._store = store
        self._desk = desk
        self._offers = offers
        self._tidings = tidings
        self._clock = clock
        self._not_before: datetime | None = None

    async def run(self, wake: Wake) -> None:
        """Look, then tell, at each tick; for ever."""
        while True:
            await self.pass_once()
            await self.deliver()
            await wake.wait(PAUSE_S)

    async def pass_once(self) -> None:
        """Look for those whose turn it is, and end those whose time is up."""
        now = self._clock.now()
        waiting = [await self._expire(one, now) for one in await self._store.open_lookouts()]
        if self._not_before is not None and now < self._not_before:
            return
        still = [one for one in waiting if one.state is State.OPEN]
        for group in in_turn(still, most=SEARCHES):
            try:
                await self._look(group)
            except RateLimited as error:
                self._not_before = now + (error.retry_after or timedelta(seconds=PAUSE_S))
                log.warning("looking out stops until %s: %s", self._not_before, error)
                return
            except Provider as error:
                log.warning("could not look out: %s", error)

    async def deliver(self) -> int:
        """Tell what is to be told; returns how many were. One that fails or hangs holds up no
        other."""
        now = self._clock.now()
        due = await self._store.lookouts_to_tell(now)
        told = await each(
            due, lambda one: self._tell(one, now), of=lambda one: one.id, at_once=_AT_ONCE
        )
        return sum(told)

    async def _expire(self, lookout: Lookout, now: datetime) -> Lookout:
        if now < lookout.until:
            return lookout
        return await self._keep(ended(lookout, State.EXPIRED, now)) or lookout

    async def _look(self, group: Sequence[Lookout]) -> None:
        """One search for all of them; of two that rent, each gets a machine of its own."""
        taken: set[int] = set()
        for lookout in group:
            found = await self._offers.fitting(lookout.wish, lookout.image)
            free = [offer for offer in found if offer.id not in taken]
            with bound(lookout=lookout.id):
                offer = free[0] if free else None
                if await self._found(lookout, offer) and offer is not None:
                    taken.add(offer.id)

    async def _found(self, lookout: Lookout, offer: Offer | None) -> bool:
        """Write what a search brought. True where the offer was taken."""
        now = self._clock.now()
        if offer is None and await self._store.rental(lookout.rental_id) is None:
            await self._keep(replace(lookout, looked_at=now, note=""))
            return False
        if not lookout.rents and offer is not None:
            log.info("there is a machine now: %s", offer.title)
            await self._keep(ended(lookout, State.TOLD, now, offer=offer))
            return False
        claimed = await self._keep(replace(lookout, looked_at=now, note=""))
        return claimed is not None and await self._rent(claimed, offer)

    async def _rent(self, lookout: Lookout, offer: Offer | None) -> bool:
        try:
            rental = await self._desk.fulfil(lookout, offer)
        except Refused as error:
            log.info("not rented: %s", error)
            await self._keep(replace(lookout, note=f"There is one, but: {error.public}"))
            return False
        now = self._clock.now()
        if await self._keep(ended(lookout, State.RENTED, now, offer=rental.offer)) is None:
            await self._undo(lookout, rental)
        return True

    async def _undo(self, lookout: Lookout, rental: Rental) -> None:
        """Its owner took it back while it was being rented."""
        newest = await self._store.lookout(lookout.id)
        if newest is not None and newest.state is State.CANCELLED:
            owner = Actor(id=rental.owner_id, guild_id=rental.guild_id, name=rental.owner_name)
            await self._desk.end(owner, rental.id)

    async def _tell(self, lookout: Lookout, now: datetime) -> bool:
        with bound(lookout=lookout.id):
            return await self._sent(lookout, now)

    async def _sent(self, lookout: Lookout, now: datetime) -> bool:
        tried = await self._keep(replace(lookout, tries=lookout.tries + 1))
        if tried is None:
            return False
        try:
            await self._tidings.tell(lookout)
        except Undeliverable as error:
            log.warning("the letter cannot be delivered: %s", error)
        except Chat as error:
            wait = min(timedelta(seconds=2 ** min(tried.tries, 10)), _LONGEST)
            log.warning("the letter waits for %s: %s", wait, error)
            await self._keep(replace(tried, tell_at=now + wait))
            return False
        await self._keep(replace(tried, tell_at=None))
        return True

    async def _keep(self, lookout: Lookout) -> Lookout | None:
        """Write it; None where somebody else was faster."""
        try:
            return await self._store.keep_lookout(lookout)
        except Stale:
            log.info("changed meanwhile; looked at again")
            return None
