"""Who leaves the server leaves the notebooks: sessions of members who are gone are ended.

We ask for no privileged right, so Discord does not tell us who leaves; whoever is let in anywhere
is looked for, again and again. A look that failed is not an absence.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.rentals import Rental, RentalId
from bot.errors import Chat, Store
from bot.ports.books import Pass
from bot.ports.clock import Clock
from bot.services.links import Links
from bot.services.rounds import each
from bot.tasks import rest

log = logging.getLogger(__name__)


class Books(Protocol):
    """What is needed of the database."""

    async def living_sessions(self, now: datetime) -> list[Pass]: ...

    async def rental(self, rental_id: RentalId) -> Rental | None: ...


class Members(Protocol):
    async def member(self, guild_id: int, member_id: int) -> object | None:
        """None where they are not in that server. Raises Unavailable where that is unknown."""
        ...


class Departures:
    """Ends the sessions of members who are not in their server any more."""

    def __init__(
        self, *, store: Books, members: Members, links: Links, clock: Clock, every: timedelta
    ) -> None:
        self._store = store
        self._members = members
        self._links = links
        self._clock = clock
        self._every = every

    async def run(self) -> None:
        """Look after look, for ever."""
        while True:
            await rest(self._every.total_seconds())
            try:
                await self.look()
            except Store as error:
                log.warning("sessions were not looked at: %s", error)

    async def look(self) -> None:
        """Once, at everybody who is let in anywhere. Raises Store."""
        living = await self._store.living_sessions(self._clock.now())
        pairs = dict.fromkeys((one.rental_id, one.member_id) for one in living)
        await each(pairs, self._look_at, of=lambda pair: pair, at_once=1)

    async def _look_at(self, pair: tuple[RentalId, int]) -> None:
        rental_id, member_id = pair
        rental = await self._store.rental(rental_id)
        if rental is not None and await self._has_left(rental.guild_id, member_id):
            ended = await self._links.revoke_member(rental_id, member_id)
            log.info("%s has left the server: ended %s ways into %s", member_id, ended, rental_id)

    async def _has_left(self, guild_id: int, member_id: int) -> bool:
        try:
            return await self._members.member(guild_id, member_id) is None
        except Chat as error:
            log.info("whether %s is still there is not known: %s", member_id, error)
            return False
