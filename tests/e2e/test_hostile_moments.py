"""Deaths and mishaps that the matrix does not play, over the real program.

SIGTERM and a database that is cut off while a machine is being rented, commits whose answer is
lost, deaths while a message is on its way to Discord or while the database is being migrated, and
two programs that are started with one data folder.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.between import Trap, When
from tests.e2e.cable import cable
from tests.e2e.chat import Doom, Writing
from tests.e2e.programs import offers, sandbox, until
from tests.e2e.scene import Scene, scene
from tests.postgres import Postgres, apart, cut_off

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MARKET = ("--no-machines", "--load-s", "0.8", "--list-lag-s", "0.3", "--offers", "600")
WITHIN_S = 250.0
LONG = "CRASH_LONG" in os.environ
WHENS: tuple[When, ...] = ("before", "midway", "after") if LONG else ("midway",)
DEATHS = 6 if LONG else 2
SAID: Sequence[tuple[Writing, bool]] = (
    *((("message", False), ("edit", True)) if LONG else ()),
    ("message", True),
    ("message", True),
    ("edit", False),
)


async def _lives_on(set_up: Scene) -> None:
    """From the card to the end: one machine, one card, nothing ended before it was asked for."""
    await set_up.shows("**Connecting**", WITHIN_S)
    (machine,) = await set_up.machines()
    assert machine["destroyed_at"] is None
    await set_up.end()
    await _ends(set_up)


async def _ends(set_up: Scene) -> None:
    await set_up.shows("Seen gone", WITHIN_S)
    (machine,) = await set_up.machines()
    assert machine["destroyed_at"] is not None
    assert len(set_up.shown()) == 1
    assert "Traceback" not in set_up.log(), set_up.log()[-6000:]


async def _rented_by_hand(market: str, offer: int) -> None:
    """A machine that somebody has at Vast past us."""
    headers = {"Authorization": "Bearer sandbox"}
    order = {"image": "pytorch/pytorch", "disk": 10, "label": "somebody's"}
    async with (
        aiohttp.ClientSession(market, headers=headers) as vast,
        vast.put(f"/api/v0/asks/{offer}/", json=order) as answer,
    ):
        assert answer.status == 200


def _traps(when: When, spring: Callable[[], None]) -> list[Trap]:
    """One moment for each life: a call that came through midway is not made again."""
    return [Trap(what, "kill", when, spring) for what in ("rent", "destroy")]


@pytest.mark.parametrize("when", WHENS)
async def test_sigterm_during_a_create_and_a_destroy_loses_nothing(
    when: When, tmp_path: Path
) -> None:
    """It ends by itself within its ten seconds, with the try on the row."""
    async with (
        sandbox(tmp_path / "m", *MARKET) as market,
        scene("term", tmp_path / "h", market) as set_up,
    ):
        set_up.between.traps = _traps(when, lambda: set_up.send(signal.SIGTERM))

        await set_up.rent(str((await offers(market))[0]))
        await _lives_on(set_up)

        assert all(trap.sprung for trap in set_up.between.traps)
        assert set_up.codes
        assert set(set_up.codes) == {0}


@pytest.mark.parametrize("when", WHENS)
async def test_a_database_that_is_cut_off_during_a_create_loses_nothing(
    when: When, tmp_path: Path, postgres: Postgres
) -> None:
    """PostgreSQL ends every connection of ours, that of the lease as well, at each moment."""
    with postgres.database() as name:
        url = postgres.url(name)
        async with (
            sandbox(tmp_path / "m", *MARKET) as market,
            scene("cut", tmp_path / "h", market, database=url) as set_up,
        ):
            set_up.between.traps = _traps(when, lambda: apart(cut_off(url)))

            await set_up.rent(str((await offers(market))[0]))
            await _lives_on(set_up)

            assert all(trap.sprung for trap in set_up.between.traps)


async def test_commits_that_get_lost_repeat_nothing(tmp_path: Path, postgres: Postgres) -> None:
    """What was written may stand though its writer was told otherwise: every third, for a while.

    The program lives on, with its lease: it looks again at what it does not know.
    """
    with postgres.database() as name:
        async with (
            cable(postgres.url(name)) as line,
            sandbox(tmp_path / "m", *MARKET) as market,
            scene("lost", tmp_path / "h", market, database=line.url) as set_up,
        ):
            await set_up.rent(str((await offers(market))[0]))
            line.fates = itertools.cycle(["answer", None, None, "commit", None, None])
            await set_up.shows("**Connecting**", WITHIN_S)
            line.fates = iter(
                ()
            )  # a person is told to try again in a minute, and this one does not
            await set_up.end()
            line.fates = itertools.cycle(["commit", None, None, "answer", None, None])
            await _ends(set_up)

            assert {"answer", "commit"} <= set(line.lost)
            assert set_up.codes == []
            assert len(set(set_up.told())) == len(set_up.told()) <= 1


async def test_killed_while_a_message_is_on_its_way_nothing_is_said_twice(tmp_path: Path) -> None:
    """A card, its edit, and word of a machine that is not ours: before Discord has it, and after,
    with nobody told."""
    async with (
        sandbox(tmp_path / "m", *MARKET) as market,
        scene("said", tmp_path / "h", market) as set_up,
    ):
        ours, theirs = (await offers(market))[:2]
        await _rented_by_hand(market, theirs)
        set_up.chat.dooms = [Doom(writing, taken, set_up.kill) for writing, taken in SAID]

        await set_up.rent(str(ours))
        await set_up.sees(lambda: len(set_up.told()) > 0, WITHIN_S, "word of the other one")
        await _lives_on(set_up)

        assert all(doom.sprung for doom in set_up.chat.dooms)
        assert set_up.deaths == len(SAID)
        assert len(set_up.told()) == 1


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
