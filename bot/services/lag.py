"""How late the event loop is: everything here runs in one loop, so a late one is late for all.

A sleep of a known length is measured many times a second. What it takes longer is the time for
which something else held the loop, or the computer gave the process no turn.
"""

from __future__ import annotations

import asyncio

from bot.ports.vitals import LagObserver
from bot.tasks import rest

EVERY_S = 0.05


class LagWatch:
    def __init__(self, *, observer: LagObserver) -> None:
        self._observer = observer

    async def run(self) -> None:
        """Measure, for ever."""
        now = asyncio.get_running_loop().time
        while True:
            due = now() + EVERY_S
            await rest(EVERY_S)
            self._observer.lagged(max(now() - due, 0.0))
