"""When the outside gives less: the real program says so, does what it can, and recovers by itself.

Of Discord: few sessions left for today, and messages that it refuses for a while. Of Vast: the
day's searches used up. Of the computer: a full disk, a clock that is set. Of the database: away for
longer than a moment. None of it ends the machine that is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.e2e.chat import words
from tests.e2e.programs import control, offers, sandbox, until
from tests.e2e.scene import Scene, scene
from tests.e2e.test_health import ask, ready
from tests.postgres import Postgres
from tests.verbs.test_check import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MARKET = ("--no-machines", "--load-s", "600")
HOURS_S = 3 * 3600
QUOTA_S = 20


async def condition(port: int, true: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
    """What readiness says, once it is so."""
    said: dict[str, Any] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(90):
            while True:
                said = json.loads((await ask(port, "/-/readyz"))[1])
                if said and true(said):
                    return said
                await asyncio.sleep(0.2)
    raise AssertionError(f"never {what}: {said}")


@contextlib.asynccontextmanager
async def a_rental(name: str, tmp_path: Path, **env: str) -> AsyncIterator[tuple[Scene, int, str]]:
    """The program with a machine that is being loaded, its port, and the market's address."""
    port = free_port()
    env |= {"BELLHOP_RELAY_LISTEN": f"127.0.0.1:{port}"}
    async with (
        sandbox(tmp_path / "town", *MARKET) as market,
        scene(name, tmp_path / "home", market, **env) as set_up,
    ):
        await set_up.run()
        await set_up.rent(str((await offers(market))[0]))
        await set_up.shows("The machine is ours.", 90)
        yield set_up, port, market
        (machine,) = await set_up.machines()
        assert machine["destroyed_at"] is None
        assert len(set_up.shown()) == 1
        assert "Traceback" not in set_up.log()


async def test_a_spent_quota_and_a_full_disk_are_said_and_pass(tmp_path: Path) -> None:
    """Searches are refused in words, then possible again; what cannot be written is not done."""
    async with a_rental("outside", tmp_path) as (set_up, port, market):
        fault = {"fault": "search_quota", "times": None, "seconds": QUOTA_S}
        await control(market, "/sandbox/faults", fault)
        refused = words(await set_up.chat.command("offers", disk=33))
        assert "Today's searches on Vast.ai are used up." in refused
        await condition(
            port, lambda said: "searches" in said.get("notes", {}) and said["ok"] is True, "noted"
        )
        await shown(set_up, "Searching for machines, since")
        await control(market, "/sandbox/faults", None, method="DELETE")
        await condition(port, lambda said: "notes" not in said, "over")
        assert "used up" not in words(await set_up.chat.command("offers", disk=33))

        hard = resource.prlimit(set_up.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(set_up.pid, resource.RLIMIT_FSIZE, (0, hard))
        try:
            said = await condition(port, lambda said: said["checks"]["disk"] != "ok", "full")
            assert said["checks"]["disk"].startswith("The data folder cannot be written")
            assert said["ok"] is False
            refused = words(await set_up.chat.command("keep", rental=set_up.rental_id, hours=1))
            assert "Our database is not answering." in refused
            await shown(set_up, "The disk of this service, since")
        finally:
            resource.prlimit(set_up.pid, resource.RLIMIT_FSIZE, (hard, hard))
        await ready(port, status=200)
        assert "The disk" not in words(await set_up.chat.command("status"))
        assert "Our database" not in words(await set_up.chat.command("offers", disk=34))


async def shown(set_up: Scene, text: str) -> None:
    """`/status` says so."""
    for _ in range(100):
        if text in (said := words(await set_up.chat.command("status"))):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(said)


async def test_a_clock_that_is_set_stops_and_ends_nothing(tmp_path: Path) -> None:
    """Three hours back, and later forward again: the loops go round, and people are told why."""
    off = tmp_path / "off"
    async with a_rental("clock", tmp_path, TEST_CLOCK=str(off), BELLHOP_WATCH_S="1") as (
        set_up,
        port,
        _,
    ):
        for moved, words_of_it in ((-HOURS_S, "-3.0 h"), (0, "+3.0 h")):
            before = await passes(port)
            off.write_text(str(moved))

            def noted(said: dict[str, Any], words_of_it: str = words_of_it) -> bool:
                told = said.get("notes", {}).get("clock", "")
                return said["ok"] is True and f"jumped by {words_of_it}" in told

            await condition(port, noted, "noted")
            for loop in ("reconciler", "notices"):
                await more_passes(port, loop, before[loop] + 4)
        await shown(set_up, "The clock of this service, since")


async def more_passes(port: int, loop: str, wanted: float) -> None:
    for _ in range(240):
        if (await passes(port))[loop] >= wanted:
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"{loop} stands still")


async def passes(port: int) -> dict[str, float]:
    page = (await ask(port, "/-/metrics"))[1].decode()
    lines = [line for line in page.splitlines() if line.startswith("bellhop_passes_total{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}


async def test_with_few_sessions_left_it_waits_and_says_so(tmp_path: Path) -> None:
    """Discord takes the token from whoever begins too many. What it refuses comes late, once."""
    port = free_port()
    env = {"BELLHOP_RELAY_LISTEN": f"127.0.0.1:{port}"}
    async with (
        sandbox(tmp_path / "town", *MARKET) as market,
        scene("sessions", tmp_path / "home", market, **env) as set_up,
    ):
        set_up.chat.sessions_left, set_up.chat.sessions_reset_s = 2, 24.0
        set_up.chat.refused_posts = 2
        await set_up.run()

        await condition(
            port, lambda said: "few more sessions" in said["checks"]["discord"], "waiting"
        )
        await set_up.chat.online(60)
        await ready(port, status=200)

        await set_up.rent(str((await offers(market))[0]))
        await until(lambda: set_up.chat.refused_posts == 0, 60, "two refusals")
        assert len(set_up.shown()) == 1


async def test_a_database_that_is_away_for_a_while_loses_nothing(
    tmp_path: Path, postgres: Postgres
) -> None:
    """It ends with one line each time its supervisor starts it, until the server lets it in."""
    with postgres.database() as name:
        url = postgres.url(name)
        async with (
            sandbox(tmp_path / "town", *MARKET) as market,
            scene("away", tmp_path / "home", market, database=url) as set_up,
        ):
            await set_up.rent(str((await offers(market))[0]))
            await set_up.shows("The machine is ours.", 90)
            known = dict(set_up.chat.messages)
            await let_in(postgres, name, allowed=False)
            await cut_off_all(postgres, name)
            ends = [await set_up.dead(60)]
            for _ in range(2):
                await set_up.run()
                ends.append(await set_up.dead(60))
            said = [line for line in set_up.log().splitlines() if line.startswith("bellhop: ")]
            await let_in(postgres, name, allowed=True)
            await set_up.run()
            await set_up.chat.online(60)
            await set_up.end()
            await set_up.shows("Seen gone", 120)

            (machine,) = await set_up.machines()
            assert machine["destroyed_at"] is not None
            assert ends == [1, 1, 1]
            assert len(said) == 3
            assert all("database" in line.lower() for line in said)
            assert set(known) <= set(set_up.chat.messages)
            assert len(set_up.shown()) == 1


async def let_in(postgres: Postgres, name: str, *, allowed: bool) -> None:
    await on_server(postgres, f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS {allowed}')


async def cut_off_all(postgres: Postgres, name: str) -> None:
    await on_server(
        postgres,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )


async def on_server(postgres: Postgres, statement: str) -> None:
    url = postgres.url("postgres").replace("+asyncpg", "")
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement, timeout=10)
    finally:
        await connection.close()
