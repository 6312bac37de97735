"""How often each of Vast's endpoints is called: one limiter for the process, a key an endpoint.

Vast counts calls per endpoint and key and answers 429 to what comes too early (reference vast-api,
1.6). Here calls wait their turn before they leave, and a 429 closes its endpoint for as long as
Vast said, or for a growing while where it said nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from bot.errors import RateLimited


class Timer(Protocol):
    """A monotonic clock in seconds and a way to wait on it."""

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class RealTimer:
    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Endpoint(StrEnum):
    SEARCH = "search"
    NAMES = "gpu_names"
    LIST = "list"
    SHOW = "show"
    RENT = "rent"
    DESTROY = "destroy"
    ACCOUNT = "account"
    CHARGES = "charges"
    LIST_KEYS = "list_keys"
    ADD_KEY = "add_key"
    ATTACH_KEY = "attach_key"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `calls` in any `per_s` seconds; `penalty_s` is the first wait after a bare 429."""

    calls: int
    per_s: float
    penalty_s: float = 2.0


# The thresholds printed in Vast's OpenAPI files (August 2026), and a tenth of a second for the
# network, which may bring two calls closer together than they left.
PACES: Mapping[Endpoint, Pace] = {
    Endpoint.SEARCH: Pace(10, 60.0, penalty_s=6.0),
    Endpoint.NAMES: Pace(1, 1.1),
    Endpoint.LIST: Pace(1, 1.1),
    Endpoint.SHOW: Pace(1, 2.1),
    Endpoint.RENT: Pace(1, 4.6, penalty_s=12.0),
    Endpoint.DESTROY: Pace(1, 3.1, penalty_s=3.0),
    Endpoint.ACCOUNT: Pace(1, 1.1),
    Endpoint.CHARGES: Pace(1, 1.1),
    Endpoint.LIST_KEYS: Pace(1, 1.1),
    Endpoint.ADD_KEY: Pace(1, 1.1),
    Endpoint.ATTACH_KEY: Pace(1, 2.1),
    Endpoint.LOGS: Pace(1, 2.1),
}

LONGEST_PENALTY_S = 60.0


class Pacing:
    """The limiter. Calls of one endpoint leave in the order in which they asked."""

    def __init__(self, *, timer: Timer, paces: Mapping[Endpoint, Pace] = PACES) -> None:
        self._timer = timer
        self._paces = paces
        self._booked = {
            endpoint: deque[float](maxlen=pace.calls) for endpoint, pace in paces.items()
        }
        self._closed_until: dict[Endpoint, float] = {}
        self._strikes: dict[Endpoint, int] = {}
        self._why: dict[Endpoint, RateLimited] = {}

    async def turn(self, endpoint: Endpoint, *, patience_s: float) -> None:
        """Wait until a call may leave.

        Raises RateLimited, at once, when that takes longer than `patience_s` seconds: the call
        was not sent.
        """
        deadline = self._timer.monotonic() + patience_s
        leaves_at = self._book(endpoint, deadline)
        while (wait := leaves_at - self._timer.monotonic()) > 0:
            await self._timer.sleep(wait)
            # Another call may have been answered 429 while this one waited.
            if self._closed_until.get(endpoint, 0.0) > leaves_at:
                leaves_at = self._book(endpoint, deadline)

    def slow_down(
        self, endpoint: Endpoint, said: timedelta | None, why: RateLimited | None = None
    ) -> None:
        """Close an endpoint after a 429: as long as Vast `said`, else longer each time.

        Whoever comes meanwhile is told what `why` says.
        """
        if why is not None:
            self._why[endpoint] = why
        strikes = self._strikes[endpoint] = self._strikes.get(endpoint, 0) + 1
        if said is not None:
            pause_s = said.total_seconds()
        else:
            grown = self._paces[endpoint].penalty_s * 2 ** min(strikes - 1, 10)
            pause_s = min(grown, LONGEST_PENALTY_S) * random.uniform(1.0, 1.25)
        until = self._timer.monotonic() + pause_s
        self._closed_until[endpoint] = max(until, self._closed_until.get(endpoint, 0.0))

    def served(self, endpoint: Endpoint) -> None:
        """Note an answer that was no 429."""
        self._strikes.pop(endpoint, None)
        self._why.pop(endpoint, None)

    def closed(self, endpoint: Endpoint, *, longer_than_s: float) -> str:
        """Why an endpoint is closed, in words for people; a plain 429 only if it is for longer."""
        left_s = self._closed_until.get(endpoint, 0.0) - self._timer.monotonic()
        why = self._why.get(endpoint)
        said = why.public if why is not None else RateLimited.public
        passing = said == RateLimited.public and left_s <= longer_than_s
        return "" if left_s <= 0 or passing else said

    def _book(self, endpoint: Endpoint, deadline: float) -> float:
        """The next free moment, taken. Raises RateLimited when it is after the deadline."""
        pace, booked, now = self._paces[endpoint], self._booked[endpoint], self._timer.monotonic()
        leaves_at = max(now, self._closed_until.get(endpoint, 0.0))
        if len(booked) == pace.calls:
            leaves_at = max(leaves_at, booked[0] + pace.per_s)
        if leaves_at > deadline:
            wait = timedelta(seconds=leaves_at - now)
            why = self._why.get(endpoint)
            raise RateLimited(
                f"{endpoint}: not sent, our turn is in {wait}",
                retry_after=wait,
                public=why.public if why is not None else "",
                hint=why.hint if why is not None else None,
            )
        booked.append(leaves_at)
        return leaves_at
