"""What kernels say of memory that ran out, written where the cards read it, within a second.

The minute's look keeps it there as long as it is news (`domain/shortages.py`). What is heard before
the first look at a machine waits for that.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from bot.domain.rentals import RentalId
from bot.domain.shortages import LASTING, Kind, Shortage, heard
from bot.errors import Stale
from bot.errors import Store as StoreDown
from bot.log import bound
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.tasks import Wake

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""How soon what waits for the first look at a machine is tried again."""
FALLBACK_S = 15.0
_TRIES = 5


class Shortages:
    """`hear` is called where the relay listens; `run` writes."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._wake = Wake()
        self._waiting: dict[RentalId, Shortage] = {}

    def hear(self, rental_id: RentalId, kernel_id: str, kind: Kind) -> None:
        """Note what a kernel said; it is written as soon as `run` comes to it."""
        new = Shortage(kind, self._clock.now(), kernel_id)
        self._waiting[rental_id] = heard(self._waiting.get(rental_id), new)
        self._wake.set()

    async def run(self, news: Wake) -> None:
        """Write what is heard, at each hint; for ever. `news` is told of cards to be shown anew."""
        while True:
            pause_s = FALLBACK_S
            try:
                if await self.write():
                    news.set()
                if self._waiting:
                    pause_s = AGAIN_S
            except StoreDown as error:
                log.warning("a shortage of memory was not written down: %s", error)
            await self._wake.wait(pause_s)

    async def write(self) -> int:
        """Write all that waits; how many cards change because of it. Raises Store."""
        changed = 0
        for rental_id, shortage in list(self._waiting.items()):
            with bound(rental=rental_id):
                changed += await self._write(rental_id, shortage)
        return changed

    async def _write(self, rental_id: RentalId, shortage: Shortage) -> bool:
        for _ in range(_TRIES):
            known = await self._store.remembered(rental_id)
            if known is None or known.report is None:
                if self._clock.now() - shortage.at >= LASTING:
                    self._done(rental_id, shortage)
                return False
            told = heard(known.report.shortage, shortage)
            if told == known.report.shortage:
                self._done(rental_id, shortage)
                return False
            try:
                await self._store.remember(
                    rental_id,
                    known.memory,
                    version=known.version,
                    report=replace(known.report, shortage=told),
                    show=True,
                )
            except Stale:
                continue  # a look was faster: read what it wrote
            log.info("noted of a kernel: %s", shortage.kind)
            self._done(rental_id, shortage)
            return True
        return False

    def _done(self, rental_id: RentalId, shortage: Shortage) -> None:
        """Forget what is written, unless something newer was heard meanwhile."""
        if self._waiting.get(rental_id) == shortage:
            del self._waiting[rental_id]
