"""Keeps the lists of SSH keys on the machines as they are to be.

What was put on a machine is remembered for some minutes, as something else may write there too, and
no longer than this process lives.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bot.domain.rentals import Rental, RentalId
from bot.errors import BotError
from bot.log import bound
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.machines import Tunnels
from bot.ports.sharing import KeyLists
from bot.services.rounds import each
from bot.services.ssh import Ssh
from bot.tasks import Wake

log = logging.getLogger(__name__)

ROUND_S = 10.0
AGAIN = timedelta(minutes=10)
_AT_ONCE = 8


class KeyRounds:
    """One machine that cannot be reached holds up no other."""

    def __init__(
        self,
        *,
        ssh: Ssh,
        store: Store,
        tunnels: Tunnels,
        lists: KeyLists,
        clock: Clock,
        wake: Wake,
    ) -> None:
        self._ssh = ssh
        self._store = store
        self._tunnels = tunnels
        self._lists = lists
        self._clock = clock
        self._wake = wake
        self._there: dict[RentalId, tuple[tuple[str, ...], datetime]] = {}

    async def run(self) -> None:
        """Round after round, at each hint and every few seconds; for ever."""
        while True:
            await self.once()
            await self._wake.wait(ROUND_S)

    async def once(self) -> int:
        """Put right every connected machine; how many lists were written or looked at."""
        rentals = [
            rental
            for rental in await self._store.readable_rentals()
            if rental.ready_at is not None and self._tunnels.connected(rental.id)
        ]
        connected = {rental.id for rental in rentals}
        self._there = {key: put for key, put in self._there.items() if key in connected}
        if not rentals:
            return 0
        lines, now = await self._ssh.lines(rentals), self._clock.now()
        due = [rental for rental in rentals if self._due(rental, lines[rental.id], now)]

        async def put(rental: Rental) -> bool:
            return await self._put(rental, lines[rental.id])

        return sum(await each(due, put, of=lambda rental: rental.id, at_once=_AT_ONCE))

    def _due(self, rental: Rental, lines: tuple[str, ...], now: datetime) -> bool:
        there = self._there.get(rental.id)
        return there is None or there[0] != lines or now - there[1] >= AGAIN

    async def _put(self, rental: Rental, lines: tuple[str, ...]) -> bool:
        there = self._there.get(rental.id)
        with bound(rental=rental.id):
            try:
                await self._lists.put(self._tunnels.shell(rental.id), lines)
            except BotError as error:
                log.warning("the list of SSH keys was not written: %s", error)
                return False
            if there is None or there[0] != lines:
                log.info("the machine takes %d SSH keys of people", len(lines))
        self._there[rental.id] = (lines, self._clock.now())
        return True
