"""Several processes as one installation: two of each role, any of which may be killed at any time.

The usual form takes one machine through its life while each role is killed once, and some more
through a shower of kills. `make crash` has the long one: 50 kills during 40 rentals. `CRASH_SEED`
sets the seed, which is printed.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.programs import offers, sandbox
from tests.e2e.team import Team, team
from tests.postgres import Postgres

LONG = "CRASH_LONG" in os.environ
SEED = int(os.environ.get("CRASH_SEED") or random.randrange(10**6))
RENTALS, KILLS = (40, 50) if LONG else (2, 4)
AT_ONCE = 4
QUICK = ("--load-s", "0.5", "--ssh-s", "0.3", "--list-lag-s", "0.2", "--offers", "600")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600 if LONG else 420)]


async def test_each_role_may_be_killed_and_the_others_go_on(
    tmp_path: Path, postgres: Postgres
) -> None:
    """From the wish to the end: the same Jupyter, the same session, one machine, one archive.

    And a relay that is asked to end does so in order.
    """
    with postgres.database() as database:
        async with (
            sandbox(tmp_path / "m", *QUICK) as market,
            team("roles", tmp_path / "home", market, postgres.url(database)) as set_up,
        ):
            await set_up.run()
            rental = await set_up.rent(str((await offers(market))[0]))
            await set_up.shows("· ready", 200)
            jupyter = _jupyters(tmp_path / "m")
            one, two = set_up.of("relay")
            inside = await set_up.enter(rental, one)
            for relay in (one, two):
                await set_up.answers(relay, "/api/status", inside, 200, 60)

            set_up.tending = False
            one.send(signal.SIGKILL)
            await one.ended()
            assert await set_up.ask(two, "/api/status", inside) == 200
            set_up.tending = True
            took = {role: await set_up.take_over(role) for role in ("bot", "worker")}
            began = time.monotonic()
            await set_up.answers(one, "/api/status", inside, 200, 90)
            took["relay, started anew"] = time.monotonic() - began

            assert _jupyters(tmp_path / "m") == jupyter
            await set_up.end(rental)
            await set_up.shows("Seen gone", 200)
            for relay in (one, two):
                assert await set_up.ask(relay, "/api/status", inside) in (401, 403, 404, 410)
            set_up.tending = False
            began = time.monotonic()
            two.send(signal.SIGTERM)
            code = await two.ended(30)
            took["relay, asked to end"] = time.monotonic() - began
            (machine,) = await set_up.machines()
            worked = "".join(each.log() for each in set_up.of("worker"))
            traces = [each.name for each in set_up.members.values() if "Traceback" in each.log()]

    sys.stdout.write("".join(f"{role}: {s:.1f} s\n" for role, s in took.items()))
    assert code == 0
    assert machine["destroyed_at"] is not None
    assert "**It cost $" in set_up.card
    assert "archived and proven as" in worked
    assert not traces


async def test_a_shower_of_kills_loses_doubles_and_leaks_nothing(
    tmp_path: Path, postgres: Postgres
) -> None:
    """Whoever is killed when: each wish is one machine and one card, and none is left."""
    sys.stdout.write(f"CRASH_SEED={SEED}\n")
    rng = random.Random(SEED)
    with postgres.database() as database:
        async with (
            sandbox(tmp_path / "m", "--no-machines", *QUICK) as market,
            team("shower", tmp_path / "home", market, postgres.url(database)) as set_up,
        ):
            if not LONG:
                del set_up.members["relay2"]  # nobody enters here
            await set_up.run()
            await set_up.chat.online(120)
            supply = await offers(market)
            killing = asyncio.ensure_future(_kill(set_up, rng))
            slots = asyncio.Semaphore(AT_ONCE)
            wishing = asyncio.Lock()  # who asks is told by the new card which rental is theirs

            async def live(offer: int) -> str:
                async with slots:
                    async with wishing:
                        rental = await set_up.rent(str(offer))
                    await _card_says(set_up, rental, "**Connecting**")
                    await set_up.end(rental)
                    await _card_says(set_up, rental, "Seen gone")
                    return rental

            rentals = await asyncio.gather(*(live(supply[n]) for n in range(RENTALS)))
            kills = await killing
            machines = await set_up.machines()
            cards = set_up.shown()
            traces = [each.name for each in set_up.members.values() if "Traceback" in each.log()]

    sys.stdout.write(f"{kills} kills during {len(rentals)} rentals\n")
    assert len(set(rentals)) == RENTALS
    assert sorted(one["label"].partition("/")[2] for one in machines) == sorted(rentals)
    assert all(one["destroyed_at"] is not None for one in machines)
    assert set(cards) == set(rentals)
    assert all("**It cost $" in text for text in cards.values())
    assert not traces


async def _kill(set_up: Team, rng: random.Random) -> int:
    """One of all at a time, whoever it is; whoever was killed is started again meanwhile."""
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(0.5, 4.0))
        there = [one for one in set_up.members.values() if one.alive]
        chosen = rng.choice(there)
        chosen.send(signal.SIGKILL)
        await chosen.ended()
    return KILLS


async def _card_says(set_up: Team, rental: str, text: str) -> None:
    await set_up.sees(
        lambda: text in set_up.shown().get(rental, ""), 400, f"a card of {rental} with {text!r}"
    )


def _jupyters(machines: Path) -> dict[str, str]:
    """The notebook server of each machine, as its process wrote it."""
    return {
        str(file.parents[2].name): file.read_text()
        for file in machines.glob("*/root/.bellhop/jupyter.json")
    }
