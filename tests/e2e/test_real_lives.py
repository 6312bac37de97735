"""Random lives of real rentals: faults of the market, deaths of the program; none leaks.

Several rentals share one program, one market and its mishaps; every one ends, as its owner wished
or because it could not be had, and when its card says so nothing of it is alive. `make crash` plays
200 of them, the usual form a few.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from tests.e2e.between import MUTATING, Trap
from tests.e2e.programs import control, offers, sandbox
from tests.e2e.scene import Scene, scene
from tests.postgres import Postgres

LONG = "CRASH_LONG" in os.environ
SEED = int(os.environ.get("CRASH_SEED") or random.randrange(10**6))
SCENES, EACH = (40, 5) if LONG else (2, 3)  # Vast takes ten searches a minute from one account
AT_ONCE = 3
DEATHS = 3 + EACH // 2
LIFE_S = 900.0
# Longer than a call may be under way and its machine unlisted: 3 s late, 2 s slow, and some.
DOUBT_S = 10.0
MARKET = ("--no-machines", "--load-s", "0.8", "--list-lag-s", "1", "--offers", "600")

# What may befall the next request or machine, whoever's it is.
MISHAPS = (
    {"fault": "late_list", "seconds": 3},
    {"fault": "lost_answer", "match": {"path": "/asks/"}},
    {"fault": "lost_answer", "match": {"method": "DELETE"}},
    {"fault": "cut", "match": {"method": "DELETE"}},
    {"fault": "cut", "match": {"path": "/instances"}},
    {"fault": "server_error", "status": 502, "match": {"path": "/instances"}},
    {"fault": "html", "match": {"path": "/instances"}},
    {"fault": "nonsense", "match": {"path": "/instances"}},
    {"fault": "rate_limited", "match": {"path": "/instances"}},
    {"fault": "slow", "seconds": 2},
    {"fault": "offer_gone"},
    {"fault": "bid_too_low"},
    {"fault": "price_changed", "factor": 1.5},
    {"fault": "dies_loading", "after_s": 0.5},
    {"fault": "dies_later", "after_s": 2},
    {"fault": "unknown_state"},
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(5400 if LONG else 600)]


async def test_no_random_life_leaks_a_machine(tmp_path: Path, postgres: Postgres) -> None:
    """Whatever befalls them: closed means that nothing runs, and each has one card."""
    sys.stdout.write(f"CRASH_SEED={SEED}\n")
    slots, faults = asyncio.Semaphore(AT_ONCE), []

    async def play(number: int) -> None:
        async with slots:
            try:
                await scene_of(number)
            except (AssertionError, TimeoutError) as error:
                faults.append(f"--- {number}: {error!r}\n{error}")

    async def scene_of(number: int) -> None:
        rng = random.Random(SEED + number)
        home = tmp_path / str(number)
        async with asyncio.timeout(LIFE_S):
            with postgres.database() as name:
                url = postgres.url(name) if number % 2 else None
                async with (
                    sandbox(tmp_path / f"m{number}", *MARKET) as market,
                    scene(f"r{number}", home, market, database=url, doubt_s=DOUBT_S) as set_up,
                ):
                    await _live(set_up, rng)

    await asyncio.gather(*(play(number) for number in range(SCENES)))

    assert not faults, "\n".join(faults)


async def _live(set_up: Scene, rng: random.Random) -> None:
    supply = await offers(set_up.market)
    meddling = asyncio.ensure_future(_meddle(set_up, rng))
    try:
        for offer in rng.sample(supply[: 4 * EACH], EACH):
            rental_id = await set_up.rent(str(offer))
            if rng.random() < 0.5:
                await asyncio.sleep(rng.uniform(0, 3))
                await set_up.end(rental_id)
        for rental_id in set_up.shown():
            await set_up.end(rental_id)
    finally:
        meddling.cancel()
        await asyncio.gather(meddling, return_exceptions=True)
    await set_up.sees(lambda: len(_over(set_up)) == EACH, LIFE_S, "every card at its end")

    alive = [one for one in await set_up.machines() if one["destroyed_at"] is None]
    assert alive == [], set_up.log()[-3000:]
    assert len(set_up.shown()) == EACH
    assert len(set(set_up.told())) == len(set_up.told()), set_up.told()


async def _meddle(set_up: Scene, rng: random.Random) -> None:
    """Mishaps and deaths, now and then, as long as somebody wants something."""
    while True:
        await asyncio.sleep(rng.uniform(0.5, 4))
        # On a slow machine, one that dies all the time never gets to do anything.
        fate = rng.random() if set_up.deaths < DEATHS else 1.0
        if fate < 0.2:
            set_up.kill()
        elif fate < 0.35:
            what, when = rng.choice([*MUTATING]), rng.choice(["before", "midway", "after"])
            set_up.between.traps.append(
                Trap(what, "kill", when, set_up.kill)  # type: ignore[arg-type]
            )
        else:
            await control(set_up.market, "/sandbox/faults", {"times": 1, **rng.choice(MISHAPS)})


def _over(set_up: Scene) -> list[str]:
    return [text for text in set_up.shown().values() if "· ended" in text]
