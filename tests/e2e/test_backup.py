"""A backup of the running program, onto a new computer, with live machines: it goes on there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.storage.store import open_store
from bot.app.parts import SystemClock
from bot.domain.rentals import Rental, RentalId
from tests.e2e.programs import offers, sandbox
from tests.e2e.scene import scene
from tests.e2e.test_restart import _jupyters
from tests.postgres import Postgres

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

START_S = 180


async def bellhop(home: Path, *words: str, **env: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        cwd=home,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "BELLHOP_BACKUP_PASSPHRASE": "correct horse battery",
            "BELLHOP_INSTALLATION": "house",
            **env,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, out.decode()


@contextlib.contextmanager
def _database(kind: str, data: Path, postgres: Postgres) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{data / 'bellhop.db'}"
        return
    with postgres.database() as name:
        yield postgres.url(name)


@pytest.mark.parametrize(
    ("kind", "then"), [("sqlite", "sqlite"), ("postgres", "postgres"), ("sqlite", "postgres")]
)
async def test_a_restored_backup_goes_on_with_what_lives(
    kind: str, then: str, tmp_path: Path, postgres: Postgres
) -> None:
    """What the backup knows is reached again, the same notebook server under the same card; what
    was rented after it is taken in, archived and proven, and nothing is destroyed or rented."""
    home, new = tmp_path / "home", tmp_path / "new"
    new.mkdir()
    file = tmp_path / "bellhop.backup"
    with (
        _database(kind, home / "data", postgres) as old_url,
        _database(then, new / "data", postgres) as new_url,
    ):
        async with (
            sandbox(tmp_path / "m", "--load-s", "0.5", "--ssh-s", "0.2") as market,
            scene("house", home, market, database=old_url) as set_up,
        ):
            choice = await offers(market)
            await set_up.run()
            await set_up.chat.online(START_S)
            known = await set_up.rent(str(choice[0]))
            await set_up.shows("· ready", START_S)
            at = {"BELLHOP_DATA": str(home / "data"), "DATABASE_URL": old_url}
            code, said = await bellhop(home, "backup", str(file), **at)
            assert code == 0, said
            later = await set_up.rent(str(choice[1]))
            await set_up.shows("· ready", START_S)
            servers = _jupyters(tmp_path / "m")
            assert len(servers) == 2
            set_up.kill()
            await set_up.dead()
            shutil.move(home / "data", tmp_path / "lost")

            at = {"BELLHOP_DATA": str(new / "data"), "DATABASE_URL": new_url}
            code, said = await bellhop(new, "restore", str(file), **at)
            assert code == 0, said
            set_up._env.update(at)
            await set_up.run()
            adopted = await _adopted(new_url, RentalId(later))
            await set_up.sees(lambda: "· ready" in set_up.shown()[known], START_S, "the known card")
            machines = await set_up.machines()
            reached = _jupyters(tmp_path / "m")
            assert await set_up.stop() == 0

        assert reached == servers
        assert len(machines) == 2
        assert [one["destroyed_at"] for one in machines] == [None, None]
        assert adopted.archive_id is not None
        assert adopted.waived_by is None
        assert len(set_up.chat.cards(known)) == 1


async def _adopted(url: str, rental_id: RentalId) -> Rental:
    """The rental that was taken in, once its work is in a proven archive."""
    async with asyncio.timeout(START_S), open_store(url, clock=SystemClock()) as store:
        while True:
            rental = await store.rental(rental_id)
            if rental is not None and rental.adopted_at is not None and rental.proven_at:
                return rental
            await asyncio.sleep(0.3)
