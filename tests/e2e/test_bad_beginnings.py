"""What the real program says to what it cannot work with: one line, and nothing is damaged."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from bot.adapters.storage.migrate import current, make_at, migrate, newest
from tests.e2e.programs import control, program, sandbox
from tests.e2e.scene import scene
from tests.postgres import Postgres
from tests.verbs.test_backup import rows

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
# Root may write anywhere; without this one capability it is like everybody else.
MERE = ("setpriv", "--bounding-set", "-dac_override", "--")


def run(data: Path, *words: str, mere: bool = False, **env: str) -> tuple[int, str]:
    """`bellhop run`, or another verb; its exit code, and the one line it ends with."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ran = subprocess.run(
        [*(MERE if mere else ()), sys.executable, "-m", "bot", *(words or ("run",))],
        cwd=data.parent,
        env={
            **clean,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DISCORD_TOKEN": "some.discord.token",
            "VAST_API_KEY": "sandbox",
            "BELLHOP_DATA": str(data),
            "BELLHOP_RELAY_LISTEN": "127.0.0.1:0",
            "BELLHOP_RELAY_URL": "http://{rental}.localhost:8642",
            **env,
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "Traceback" not in ran.stderr
    said = [line for line in ran.stderr.splitlines() if line.startswith("bellhop: ")]
    assert len(said) == 1, ran.stderr
    assert ran.stderr.splitlines()[-1] == said[0]
    return ran.returncode, said[0]


async def execute(url: str, *statements: str) -> None:
    """Something that no Bellhop would do to a database."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.partition(":///")[2])) as connection:
            for one in statements:
                connection.execute(one)
            connection.commit()
        return
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for one in statements:
            await connection.execute(one)
    finally:
        await connection.close()


async def test_a_database_of_a_newer_bellhop_is_left_alone(
    database_url: str, tmp_path: Path
) -> None:
    """Every verb that would touch it says what to do; not a row is changed."""
    await execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    before = await rows(database_url)

    for words in (("run",), ("run", "--no-migrate"), ("migrate",), ("policy",), ("sweep",)):
        code, said = run(tmp_path / "data", *words, DATABASE_URL=database_url)
        assert (code, said) == (
            1,
            "bellhop: The database is from a newer Bellhop. Install that version again, or go back "
            "to a copy made before the upgrade.",
        )

    assert await rows(database_url) == before


async def test_a_migration_that_fails_half_way_is_taken_back(bare_url: str, tmp_path: Path) -> None:
    """What stands in its way is named; once that is gone the same start brings it up."""
    await make_at(bare_url, "0011")
    await execute(bare_url, "CREATE TABLE recordings (left_over int)")

    code, said = run(tmp_path / "data", DATABASE_URL=bare_url)

    assert code == 1
    assert said.startswith("bellhop: The database could not be upgraded, and is as it was before.")
    assert "recordings" in said
    assert await current(bare_url) == "0011"
    await execute(bare_url, "DROP TABLE recordings")
    await migrate(bare_url)
    assert await current(bare_url) == await newest()
    assert all(not found for found in (await rows(bare_url)).values())


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """With the setting that chooses another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"

        code, said = run(tmp_path / "data", BELLHOP_RELAY_LISTEN=where)

    assert code == 2
    assert said == (
        f"bellhop: BELLHOP_RELAY_LISTEN: {where} cannot be used (Address already in use). Stop "
        "what uses it, or choose another port."
    )


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """One that cannot be made, one that is a file, one that belongs to somebody else."""
    (tmp_path / "file").write_text("")
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    mere = os.geteuid() == 0

    told = [
        run_in("/proc/bellhop", tmp_path),
        run_in(str(tmp_path / "file"), tmp_path),
        run_in(str(closed), tmp_path, mere=mere),
        run_in(str(closed / "data"), tmp_path, mere=mere),
    ]

    for code, said in told:
        assert code == 2
        assert said.startswith("bellhop: BELLHOP_DATA: cannot "), said
    assert list(closed.iterdir()) == []


def run_in(data: str, cwd: Path, *, mere: bool = False) -> tuple[int, str]:
    return run(cwd / "unused", mere=mere, BELLHOP_DATA=data)


async def test_a_token_that_was_reset_is_named_now_and_at_the_next_start(tmp_path: Path) -> None:
    """Online when it happens: it ends with the line, not with a trace; so does a start after it."""
    async with (
        sandbox(tmp_path / "town", "--no-machines") as market,
        scene("reset", tmp_path / "home", market) as set_up,
    ):
        await set_up.run()
        await set_up.chat.online(60)
        await set_up.chat.reset_token()
        first = await set_up.dead(60)
        ended = set_up.log()
        await set_up.run()
        second = await set_up.dead(60)
        again = set_up.log().removeprefix(ended)

    assert (first, second) == (2, 2)
    assert ended.splitlines()[-1] == (
        "bellhop: DISCORD_TOKEN: is no longer taken by Discord: it was reset. Copy the new one "
        "from the portal."
    )
    assert again.splitlines()[-1].startswith("bellhop: DISCORD_TOKEN: is refused by Discord.")
    assert "Traceback" not in ended + again


async def test_two_of_one_name_on_one_account_leave_each_other_alone(tmp_path: Path) -> None:
    """Each has its own key and books: neither destroys the other's machine, both tell it."""
    async with (
        sandbox(tmp_path / "town", "--no-machines", "--load-s", "600") as market,
        scene("twin", tmp_path / "one", market, doubt_s=1.0) as one,
        scene("twin", tmp_path / "two", market, doubt_s=1.0) as two,
    ):
        for each in (one, two):
            await each.run()
            await each.chat.online(90)
            await each.rent("")
        for each in (one, two):
            await each.sees(
                lambda each=each: any("Another Bellhop uses our name" in t for t in each.told()),
                90,
                "a word about the other one",
            )
        alive = [m for m in await one.machines() if m["destroyed_at"] is None]
        checked = await check_beside(two.folder, market)

    assert len(alive) == 2
    assert "1 machine of another Bellhop that is named twin, too." in checked


async def check_beside(home: Path, market: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "check"),
        cwd=home,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "VAST_URL": market,
            "VAST_API_KEY": "sandbox",
            "BELLHOP_INSTALLATION": "twin",
            "BELLHOP_DATA": str(home / "data"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    return " ".join(out.decode().split())


# The service with files of a megabyte at most: to the archive store it is a disk that is full.
CRAMPED = (
    "import resource, runpy; "
    "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]; "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard)); "
    "runpy.run_module('tests.e2e.service', run_name='__main__')"
)


async def test_a_disk_that_is_full_in_the_middle_of_an_archive_ends_nothing(
    tmp_path: Path, postgres: Postgres
) -> None:
    """The machine stays, the line says why, and once there is room the same run is proven."""
    with postgres.database() as name:
        async with sandbox(tmp_path / "machines", "--load-s", "0.5", "--ssh-s", "0.2") as url:
            env = {
                "VAST_URL": url,
                "VAST_API_KEY": "sandbox",
                "DATABASE_URL": postgres.url(name),  # its files are not the program's
                "BELLHOP_DATA": str(tmp_path / "bellhop"),
                "BELLHOP_RELAY_LISTEN": "127.0.0.1:0",
                "BELLHOP_RELAY_URL": "http://{rental}.localhost:8642",
                "BELLHOP_POLL_S": "1",
            }
            async with program("-c", CRAMPED, "rent", "end", env=env) as cramped:
                await cramped.line(lambda line: line.startswith("ready"), within_s=90)
                (work,) = (tmp_path / "machines").glob("*/workspace")
                (work / "weights.bin").write_bytes(os.urandom(5_000_000))
                (tmp_path / "bellhop" / "go").touch()
                await cramped.line(lambda line: "its disk is full" in line, within_s=60)
                await cramped.kill()
            (machine,) = (await control(url, "/sandbox/books"))["instances"]
            assert machine["destroyed_at"] is None

            async with program("-m", "tests.e2e.service", env=env) as roomy:
                await roomy.line(lambda line: line.startswith("closed"), within_s=120)
            (machine,) = (await control(url, "/sandbox/books"))["instances"]

    assert machine["destroyed_at"] is not None
