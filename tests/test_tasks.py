"""Eternal work: its pulse is taken at its pauses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from bot import tasks as module
from bot.errors import Away, Store
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


@pytest.mark.parametrize(
    ("fault", "traced"), [(Away("cut off"), False), (Store("no such column"), True)]
)
async def test_a_database_that_is_away_is_a_line_and_a_fault_of_ours_a_trace(
    tasks: Tasks, caplog: pytest.LogCaptureFixture, fault: Store, traced: bool
) -> None:
    """For work that ends as for work that never should; both go on with what is next."""
    seen = asyncio.Event()

    async def errand() -> None:
        raise fault

    async def loop() -> None:
        seen.set()
        raise fault

    await tasks.once("errand", errand())
    tasks.forever("loop", loop)
    await seen.wait()
    await asyncio.sleep(0)

    said = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [str(fault) in one.getMessage() or bool(one.exc_info) for one in said] == [True, True]
    assert [bool(one.exc_info) for one in said] == [traced, traced]


async def test_work_that_went_well_for_long_starts_again_at_once(
    tasks: Tasks, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pauses grow only while it fails again and again, not with every fault of a long life."""
    monkeypatch.setattr(module, "_FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_DELAY_S", 0.04)
    lengths = iter([0.0, 0.0, 0.0, 0.2])
    over = asyncio.Event()

    async def loop() -> None:
        length = next(lengths, None)
        if length is None:
            over.set()
            await asyncio.Event().wait()
        await asyncio.sleep(length or 0.0)
        raise Away("cut off")

    tasks.forever("loop", loop)
    await asyncio.wait_for(over.wait(), 20)

    delays = [one.args[1] for one in caplog.records if isinstance(one.args, tuple)]
    assert delays == [0.01, 0.02, 0.04, 0.01]
