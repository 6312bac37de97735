"""One look at how the house does, for the metrics: gathered when somebody asks, kept some seconds.

What cannot be found out in time is unknown, and left out. Nothing here changes anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from bot.domain import tabs
from bot.domain.money import Usd
from bot.domain.rentals import State
from bot.errors import BotError
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.vitals import Carried, Snapshot
from bot.services.credit import Known
from bot.services.health import Health
from bot.tasks import Aside, Tasks

KEEP_S = 5.0
WITHIN_S = 3.0

T = TypeVar("T")


class Vitals:
    """Everything that is measured, in one place. `credit` is what the credit's watch knows."""

    def __init__(
        self,
        *,
        store: Store,
        tasks: Tasks,
        health: Health,
        carried: Callable[[], Carried],
        tunnels: Callable[[], int],
        notebooks: Callable[[], int],
        free_bytes: Callable[[], int],
        credit: Callable[[], Known],
        clock: Clock,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._health = health
        self._carried = carried
        self._tunnels = tunnels
        self._notebooks = notebooks
        self._free_bytes = Aside(free_bytes)
        self._credit = credit
        self._clock = clock
        self._turn = asyncio.Lock()
        self._kept: tuple[float, Snapshot] | None = None
        self._began = asyncio.get_running_loop().time()

    async def snapshot(self) -> Snapshot:
        """As things are, or were some seconds ago."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._kept is None or now - self._kept[0] >= KEEP_S:
                self._kept = now, await self._look(now)
            return self._kept[1]

    async def _look(self, now: float) -> Snapshot:
        rentals, waiting, spend, faults, free = await asyncio.gather(
            _known(self._states()),
            _known(self._store.waiting()),
            _known(self._spend()),
            self._health.look(),
            _known(self._free_bytes.result()),
        )
        known = self._credit()
        seen = known.funds if known.unknown_since is None else None
        return Snapshot(
            rentals=rentals,
            waiting=waiting,
            spend_per_hour=spend,
            credit=seen.credit if seen is not None else None,
            credit_hours=_hours(seen.left) if seen is not None else None,
            beats=self._tasks.beats(),
            carried=self._carried(),
            tunnels=self._tunnels(),
            notebooks=self._notebooks(),
            lease_s=now - self._began,
            faults=faults,
            free_bytes=free,
            at=self._clock.now(),
        )

    async def _states(self) -> Mapping[State, int]:
        counts = Counter(rental.state for rental in await self._store.readable_rentals())
        return {state: counts[state] for state in State if state is not State.CLOSED}

    async def _spend(self) -> Usd:
        return Usd.sum(tabs.per_hour(tab) for tab in await self._store.open_tabs())


def _hours(left: timedelta | None) -> Decimal | None:
    """None where nothing burns: then it lasts for ever."""
    return None if left is None else Decimal(left // timedelta(seconds=1)) / 3600


async def _known(look: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(WITHIN_S):
            return await look
    except (BotError, OSError, TimeoutError):
        return None
