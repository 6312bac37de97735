"""What goes on under a session ends with it: also at its hour, and where another process ended it.

A revocation in this process cuts at once (`Exchanges.end`). This is the look that misses nothing.
"""

from __future__ import annotations

import logging

from bot.errors import Store
from bot.ports.clock import Clock
from bot.relay.exchanges import Exchanges
from bot.relay.frames import Close
from bot.services.links import Links
from bot.tasks import rest

log = logging.getLogger(__name__)

LOOK_S = 5.0

SESSION_OVER = Close(1008, "This session has ended")
WAY_GONE = Close(1001, "The way to this machine has ended")


class Curfew:
    """Ends what goes on under sessions that are over."""

    def __init__(self, *, exchanges: Exchanges, links: Links, clock: Clock) -> None:
        self._exchanges = exchanges
        self._links = links
        self._clock = clock

    async def run(self) -> None:
        """For ever."""
        while True:
            await rest(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Once. While the books are away nothing is known, and only the hour counts."""
        unknown = False
        for session in self._exchanges.sessions():
            over = session.expires_at <= self._clock.now()
            if not over and not unknown:
                try:
                    over = not await self._links.holds(session)
                except Store as error:
                    log.warning("sessions were not looked at: %s", error)
                    unknown = True
            if over:
                log.info("a session is over: %s", session.rental_id)
                self._exchanges.end_session(session, SESSION_OVER)
