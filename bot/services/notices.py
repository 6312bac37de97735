"""Delivering notices: the outbox rows become messages, and stay due until they are.

A notice says "the card of this rental is to be shown"; what it shows is read when it is delivered,
so a late card is never an old one.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.errors import Chat, Undeliverable
from bot.log import bound
from bot.ports.books import Notice, Store
from bot.ports.chat import Post
from bot.ports.clock import Clock
from bot.services.paces import Paces
from bot.services.rounds import each
from bot.services.standing import look_up
from bot.services.tallies import tally_of
from bot.tasks import Wake

log = logging.getLogger(__name__)

FALLBACK_S = 15.0
_LONGEST = timedelta(minutes=5)
_AT_ONCE = 8


class Notices:
    def __init__(self, *, store: Store, post: Post, news: Wake, clock: Clock) -> None:
        self._store = store
        self._post = post
        self._news = news
        self._clock = clock
        self._paces = Paces(store=store, clock=clock)

    async def run(self) -> None:
        """Deliver what is due, at each hint and at each tick; for ever."""
        while True:
            await self.deliver()
            await self._news.wait(FALLBACK_S)

    async def deliver(self) -> int:
        """One round; returns how many were delivered. One that fails or hangs holds up no other."""
        if not self._post.ready():
            return 0
        due = await self._store.due(self._clock.now())
        done = await each(due, self._one, of=lambda notice: notice.rental_id, at_once=_AT_ONCE)
        return sum(done)

    async def _one(self, notice: Notice) -> bool:
        with bound(rental=notice.rental_id):
            try:
                return await self._deliver(notice)
            except (
                Exception
            ) as error:  # a card that cannot be made: ours, and not the others' fault
                log.exception("the card cannot be made")
                await self._later(notice, error)
                return False

    async def _deliver(self, notice: Notice) -> bool:
        rental = await self._store.rental(notice.rental_id)
        if rental is None:
            await self._store.delivered(notice, self._clock.now())
            return False
        standing = await look_up(self._store, rental, self._clock.now())
        tally = await tally_of(self._store, rental, self._clock.now())
        pace = await self._paces.of(rental)
        await self._store.trying(notice, self._clock.now())
        try:
            message_id = await self._post.card(rental, notice, standing, tally, pace)
        except Undeliverable as error:
            log.warning("the card cannot be delivered: %s", error)
            await self._store.delivered(notice, self._clock.now())
            return False
        except Chat as error:
            await self._later(notice, error)
            return False
        if message_id != rental.message_id:
            await self._store.card_posted(rental.id, message_id)
        await self._store.delivered(notice, self._clock.now())
        return True

    async def _later(self, notice: Notice, error: Exception) -> None:
        wait = min(timedelta(seconds=2 ** min(notice.tries + 1, 9)), _LONGEST)
        log.warning("the card was not delivered, tried again in %s: %s", wait, error)
        await self._store.failed(notice, next_at=self._clock.now() + wait, error=str(error))
