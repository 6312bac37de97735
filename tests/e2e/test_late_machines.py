"""A machine whose rental is over before it shows: nothing may leave it running.

The program waits for a renting call without an answer as long as Vast's list may lag (4 s here).
What shows later is the sweep's, which ends it and says so once.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.between import Trap
from tests.e2e.programs import control, offers, sandbox
from tests.e2e.scene import Scene, scene

MARKET = ("--no-machines", "--load-s", "0.8", "--list-lag-s", "0.3", "--offers", "60")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def test_one_that_shows_in_time_is_ended_by_its_own_rental(tmp_path: Path) -> None:
    """Given up while it is in doubt: the card does not say "ended" before it is seen and gone."""
    async with sandbox(tmp_path / "m", *MARKET) as market, scene("a", tmp_path, market) as set_up:
        await _ended_in_doubt(set_up, shows_after_s=2)

        (machine,) = await set_up.machines()
        assert machine["destroyed_at"] is not None
        assert set_up.told() == []


async def test_one_that_shows_too_late_is_ended_by_the_sweep(tmp_path: Path) -> None:
    """Its card has ended long before; the leads are told once, and again when it is gone."""
    async with sandbox(tmp_path / "m", *MARKET) as market, scene("b", tmp_path, market) as set_up:
        await _ended_in_doubt(set_up, shows_after_s=14)
        (machine,) = await set_up.machines()
        assert machine["destroyed_at"] is None

        await _swept(set_up)


async def test_one_that_a_call_sent_twice_rented_does_not_stay(tmp_path: Path) -> None:
    """Something on the way repeats it: the answer is that the offer is gone, gone to ourselves."""
    async with sandbox(tmp_path / "m", *MARKET) as market, scene("c", tmp_path, market) as set_up:
        set_up.between.traps = [Trap("rent", "twice")]
        (offer, *_) = await offers(market)
        await set_up.rent(str(offer))
        await set_up.sees(lambda: bool(set_up.between.seen), 60, "a renting call")
        await set_up.end()
        await set_up.shows("· ended", 60)

        for _ in range(120):
            if all(one["destroyed_at"] is not None for one in await set_up.machines()):
                return
            await asyncio.sleep(0.5)
        raise AssertionError(set_up.log())


async def _ended_in_doubt(set_up: Scene, *, shows_after_s: float) -> None:
    late = {"fault": "late_list", "times": 1, "seconds": shows_after_s}
    await control(set_up.market, "/sandbox/faults", late)
    set_up.between.traps = [Trap("rent", "lost")]
    (offer, *_) = await offers(set_up.market)
    await set_up.rent(str(offer))
    await set_up.end()
    await set_up.shows("· ended", 60)


async def _swept(set_up: Scene) -> None:
    await set_up.sees(
        lambda: any("A stray machine was destroyed" in one for one in set_up.told()),
        90,
        "that the sweep has ended it",
    )
    (machine,) = await set_up.machines()
    assert machine["destroyed_at"] is not None
    assert len(set_up.told()) == 1
    assert len(set_up.shown()) == 1
