"""How late the loop is: what holds it up is told."""

from __future__ import annotations

import asyncio
import time

from bot.services.lag import LagWatch
from tests.e2e.programs import until


class Told:
    def __init__(self) -> None:
        self.late_s: list[float] = []

    def lagged(self, late_s: float) -> None:
        self.late_s.append(late_s)


async def test_what_holds_the_loop_is_told_as_lateness() -> None:
    """A call that blocks for half a second makes everything late by nearly that."""
    told = Told()
    watching = asyncio.ensure_future(LagWatch(observer=told).run())
    await until(lambda: bool(told.late_s), 20, "a first measure")
    before = len(told.late_s)

    time.sleep(0.5)  # noqa: ASYNC251 - the fault that is looked for

    await until(lambda: len(told.late_s) > before, 20, "the next")
    watching.cancel()

    assert told.late_s[before] > 0.3
    assert min(told.late_s) >= 0
