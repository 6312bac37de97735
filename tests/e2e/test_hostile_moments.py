"""Deaths and mishaps that the matrix does not play, over the real program.

SIGTERM and a database that is cut off while a machine is being rented, deaths while the database is
being migrated, and two programs that are started with one data folder.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.between import Trap, When
from tests.e2e.programs import offers, sandbox, until
from tests.e2e.scene import Scene, scene
from tests.postgres import Postgres, apart, cut_off

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MARKET = ("--no-machines", "--load-s", "0.8", "--list-lag-s", "0.3", "--offers", "600")
WITHIN_S = 250.0
LONG = "CRASH_LONG" in os.environ
WHENS: tuple[When, ...] = ("before", "midway", "after") if LONG else ("midway",)
DEATHS = 6 if LONG else 2


async def _lives_on(set_up: Scene) -> None:
    """From the card to the end: one machine, one card, nothing ended before it was asked for."""
    await set_up.shows("**Connecting**", WITHIN_S)
    (machine,) = await set_up.machines()
    assert machine["destroyed_at"] is None
    await set_up.end()
    await set_up.shows("Seen gone", WITHIN_S)
    (machine,) = await set_up.machines()
    assert machine["destroyed_at"] is not None
    assert len(set_up.shown()) == 1


def _traps(what: str, spring: Callable[[], None]) -> list[Trap]:
    return [Trap(what, "kill", when, spring) for when in WHENS]


async def test_sigterm_during_a_create_and_a_destroy_loses_nothing(tmp_path: Path) -> None:
    """It ends by itself within its ten seconds, with the try on the row."""
    async with (
        sandbox(tmp_path / "m", *MARKET) as market,
        scene("term", tmp_path / "h", market) as set_up,
    ):
        set_up.between.traps = [
            *_traps("rent", lambda: set_up.send(signal.SIGTERM)),
            *_traps("destroy", lambda: set_up.send(signal.SIGTERM)),
        ]

        await set_up.rent(str((await offers(market))[0]))
        await _lives_on(set_up)

        assert all(trap.sprung for trap in set_up.between.traps)
        assert "Traceback" not in set_up.log()
        assert set_up.codes
        assert set(set_up.codes) == {0}


async def test_a_database_that_is_cut_off_during_a_create_loses_nothing(
    tmp_path: Path, postgres: Postgres
) -> None:
    """PostgreSQL ends every connection of ours, that of the lease as well, at each moment."""
    with postgres.database() as name:
        url = postgres.url(name)
        async with (
            sandbox(tmp_path / "m", *MARKET) as market,
            scene("cut", tmp_path / "h", market, database=url) as set_up,
        ):
            set_up.between.traps = [
                *_traps("rent", lambda: apart(cut_off(url))),
                *_traps("destroy", lambda: apart(cut_off(url))),
            ]

            await set_up.rent(str((await offers(market))[0]))
            await _lives_on(set_up)

            assert all(trap.sprung for trap in set_up.between.traps)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_killed_while_it_migrates_it_begins_anew(
    kind: str, tmp_path: Path, postgres: Postgres
) -> None:
    """At several moments of its very first start, twice in a row."""
    with postgres.database() as name:
        url = postgres.url(name) if kind == "postgres" else None
        async with (
            sandbox(tmp_path / "m", *MARKET) as market,
            scene(f"migrate {kind}", tmp_path / "h", market, database=url) as set_up,
        ):
            data = tmp_path / "h" / "data"
            for number in range(DEATHS):
                await set_up.run()
                # Its folder is made, or looked at, just before the migration begins.
                await until(data.exists, WITHIN_S, "a data folder")
                await asyncio.sleep(0.3 * number)
                set_up.kill()
                await set_up.dead()

            await set_up.rent(str((await offers(market))[0]))
            await _lives_on(set_up)


async def test_a_second_program_with_the_same_data_does_nothing(tmp_path: Path) -> None:
    """It says who is in the way and ends; when the first one dies, it may take its place."""
    async with (
        sandbox(tmp_path / "m", *MARKET) as market,
        scene("two", tmp_path / "h", market) as set_up,
    ):
        await set_up.rent(str((await offers(market))[0]))

        second = await set_up.beside()
        code = await asyncio.wait_for(second.wait(), 120)

        assert code == 1
        assert set_up.alive
        await _lives_on(set_up)
