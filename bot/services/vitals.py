"""One look at how the house does, for the metrics: gathered when somebody asks, kept some seconds.

What cannot be found out in time is unknown, and left out. Nothing here changes anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from bot.domain import tabs
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import State
from bot.errors import BotError
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.ports.vitals import Carried, Snapshot
from bot.services.health import Health
from bot.tasks import Tasks

KEEP_S = 5.0
CREDIT_S = 60.0
WITHIN_S = 3.0

T = TypeVar("T")
CreditHours = Callable[[], Awaitable[Decimal | None]]


class Vitals:
    """Everything that is measured, in one place. `credit_hours` may be told by who knows better."""

    def __init__(
        self,
        *,
        store: Store,
        market: Market | None,
        tasks: Tasks,
        health: Health,
        carried: Callable[[], Carried],
        tunnels: Callable[[], int],
        free_bytes: Callable[[], int],
        clock: Clock,
        credit_hours: CreditHours | None = None,
    ) -> None:
        self._store = store
        self._market = market
        self._tasks = tasks
        self._health = health
        self._carried = carried
        self._tunnels = tunnels
        self._free_bytes = free_bytes
        self._clock = clock
        self._credit_hours = credit_hours
        self._turn = asyncio.Lock()
        self._kept: tuple[float, Snapshot] | None = None
        self._credit: tuple[float, Usd | None] | None = None
        self._began = asyncio.get_running_loop().time()

    async def snapshot(self) -> Snapshot:
        """As things are, or were some seconds ago."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._kept is None or now - self._kept[0] >= KEEP_S:
                self._kept = now, await self._look(now)
            return self._kept[1]

    async def _look(self, now: float) -> Snapshot:
        rentals, waiting, spend, credit, faults, free = await asyncio.gather(
            _known(self._states()),
            _known(self._store.waiting()),
            _known(self._spend()),
            self._credit_now(now),
            self._health.look(),
            _known(asyncio.to_thread(self._free_bytes)),
        )
        return Snapshot(
            rentals=rentals,
            waiting=waiting,
            spend_per_hour=spend,
            credit=credit,
            credit_hours=await self._hours(credit, spend),
            beats=self._tasks.beats(),
            carried=self._carried(),
            tunnels=self._tunnels(),
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

    async def _credit_now(self, now: float) -> Usd | None:
        if self._market is None:
            return None
        if self._credit is None or now - self._credit[0] >= CREDIT_S:
            account = await _known(self._market.account())
            self._credit = now, account.credit if account is not None else None
        return self._credit[1]

    async def _hours(self, credit: Usd | None, spend: Usd | None) -> Decimal | None:
        if self._credit_hours is not None:
            return await _known(self._credit_hours())
        if credit is None or spend is None or spend <= ZERO:
            return None
        return credit.dollars / spend.dollars


async def _known(look: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(WITHIN_S):
            return await look
    except (BotError, OSError, TimeoutError):
        return None
