"""The clock's door: ticks come, and come where events may be set."""

from __future__ import annotations

import asyncio
import threading

from bot.schedule import Schedule, Tick


async def test_a_tick_is_given_in_the_loop_and_not_in_a_thread() -> None:
    """An event that is set from a thread does not wake the loop, which may then sleep for long."""
    came, threads = asyncio.Event(), set()

    def wake() -> None:
        threads.add(threading.get_ident())
        came.set()

    schedule = Schedule([Tick(name="often", every_s=0.05, wake=wake)])
    schedule.start()
    try:
        async with asyncio.timeout(20):
            await came.wait()
    finally:
        schedule.close()

    assert threads == {threading.get_ident()}
