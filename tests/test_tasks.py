"""Eternal work: its pulse is taken at its pauses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.tasks import Tasks, Wake, rest
from tests.e2e.programs import until


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    tasks = Tasks()
    yield tasks
    await tasks.aclose()


async def test_each_loop_has_a_pulse_of_its_own(tasks: Tasks) -> None:
    """Two may share a hint; each pass is the one's that paused."""
    hint, calm = Wake(), Wake()
    rounds = 0

    async def busy() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await hint.wait(60)

    async def quiet() -> None:
        while True:
            await calm.wait(60)

    tasks.forever("busy", busy)
    tasks.forever("quiet", quiet)
    while rounds < 3:
        hint.set()
        await asyncio.sleep(0)
    await asyncio.sleep(0)

    beats = tasks.beats()
    assert (beats["busy"].passes, beats["quiet"].passes) == (3, 1)
    assert beats["busy"].age_s >= 0


async def test_a_loop_that_only_sleeps_has_a_pulse_too(tasks: Tasks) -> None:
    """Else it would look stuck for ever."""
    rounds = 0

    async def work() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await rest(0)

    tasks.forever("sleeper", work)
    await until(lambda: rounds >= 3, 20, "three rounds")

    assert tasks.beats()["sleeper"].passes >= 2


async def test_a_pass_that_hangs_grows_old(tasks: Tasks) -> None:
    """Its age goes on from the last that ended, though the loop lives."""
    begun, wake = asyncio.Event(), Wake()

    async def work() -> None:
        await wake.wait(0)
        begun.set()
        await asyncio.Event().wait()

    tasks.forever("stuck", work)
    await begun.wait()
    first = tasks.beats()["stuck"].age_s
    await asyncio.sleep(0.02)

    beat = tasks.beats()["stuck"]
    assert beat.passes == 1
    assert beat.age_s > first


async def test_work_that_a_loop_starts_does_not_count_for_it(tasks: Tasks) -> None:
    """It inherits the loop's context, and pauses for itself."""
    done = asyncio.Event()

    async def errand() -> None:
        await Wake().wait(0)
        done.set()

    async def loop() -> None:
        tasks.once("errand", errand())
        await done.wait()
        await asyncio.Event().wait()

    tasks.forever("loop", loop)
    await done.wait()

    assert tasks.beats()["loop"].passes == 0
