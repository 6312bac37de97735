"""What happens to shares by itself: they end, and letters about them are sent."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from bot.domain.rentals import Rental
from bot.domain.shares import Share
from bot.errors import Chat, Undeliverable
from bot.log import bound
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.sharing import Invitations, Members
from bot.services.rounds import each
from bot.services.sharing import Sharing
from bot.tasks import Wake

log = logging.getLogger(__name__)

ROUND_S = 5.0
"""How late a share ends at most when its time is over."""
MEMBERS_EVERY = timedelta(minutes=2)
"""How often Discord is asked whether those who are in are still in the server."""

_LONGEST = timedelta(minutes=5)


class ShareRounds:
    """`wake` is a hint that a share began or ended."""

    def __init__(
        self,
        *,
        sharing: Sharing,
        store: Store,
        members: Members,
        invitations: Invitations,
        clock: Clock,
        wake: Wake,
    ) -> None:
        self._sharing = sharing
        self._store = store
        self._members = members
        self._invitations = invitations
        self._clock = clock
        self._wake = wake
        self._members_at = clock.now()

    async def run(self) -> None:
        """Round after round, at each hint and every few seconds; for ever."""
        while True:
            await self.once()
            await self._wake.wait(ROUND_S)

    async def once(self) -> None:
        await self._sharing.end_what_is_over()
        now = self._clock.now()
        if now >= self._members_at:
            self._members_at = now + MEMBERS_EVERY
            await self._sharing.end_for_those_who_left(self._members)
        await self.tell()

    async def tell(self) -> None:
        """Send the letters that are due."""
        if not self._invitations.ready():
            return
        due = await self._store.shares_to_tell(self._clock.now())
        await each(due, self._tell, of=lambda share: share.id, at_once=1)

    async def _tell(self, share: Share) -> None:
        rental = await self._store.rental(share.rental_id)
        if rental is not None:
            with bound(rental=rental.id):
                await self._deliver(share, rental)

    async def _deliver(self, share: Share, rental: Rental) -> None:
        now = self._clock.now()
        # Noted before the call: a try that got through unheard is looked for in the next one.
        wait = min(timedelta(seconds=2 ** min(share.tries + 2, 9)), _LONGEST)
        await self._store.share_told(share, next_at=now + wait, tries=share.tries + 1)
        try:
            await self._invitations.tell(share, rental)
        except Undeliverable as error:
            log.warning("the letter about share %s cannot be delivered: %s", share.id, error)
        except Chat as error:
            log.warning("the letter about share %s waits: %s", share.id, error)
            return
        told = replace(share, tries=share.tries + 1)
        await self._store.share_told(told, next_at=None, tries=0)
