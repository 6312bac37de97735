"""The clock's door: which tick, how often. A tick is a hint; the rows are the schedule.

APScheduler keeps no jobs in the database (reference durability, 1): its memory store, three
defaults that matter, and callbacks that only wake somebody. The woken loops do not depend on it:
each also looks by itself after a few missed ticks, so a clock that jumps back stops nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    name: str
    every_s: float
    wake: Callable[[], None]


class Schedule:
    """The heartbeat of the house."""

    def __init__(self, ticks: list[Tick]) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        for tick in ticks:
            self._scheduler.add_job(
                _beat(tick.wake), "interval", seconds=tick.every_s, id=tick.name
            )

    def start(self) -> None:
        self._scheduler.start()

    def close(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _beat(wake: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    """The tick as a coroutine: a plain function would be run in a thread, where an event may not
    be set (the loop sleeps on), and behind whatever else the threads have to do."""

    async def beat() -> None:
        wake()

    return beat
