"""The lease: one holder, the next one waits, nobody has to clean up after a crash."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from bot.adapters.storage import lease as lease_module
from bot.adapters.storage.lease import hold_lease
from bot.errors import Config, Store
from tests.postgres import Postgres, cut_off

HOLDER = """
import asyncio, sys
from bot.adapters.storage.lease import hold_lease

async def main():
    async with hold_lease(sys.argv[1]):
        print("held", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_second_holder_is_told_who_is_in_the_way(database_url: str) -> None:
    """After its patience, in a sentence that says what to do."""
    async with hold_lease(database_url):
        with pytest.raises(Store) as caught:
            async with hold_lease(database_url, patience_s=0.1):
                pass

    assert caught.value.public == "Another Bellhop is using this database."
    assert "DATABASE_URL" in caught.value.hint


async def test_a_second_holder_waits_for_the_first(database_url: str) -> None:
    """And has the lease soon after it is let go."""
    order: list[str] = []

    async def second() -> None:
        async with hold_lease(database_url, patience_s=None):
            order.append("second")

    async with hold_lease(database_url):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.3)
        order.append("first done")
    await asyncio.wait_for(waiting, 30)

    assert order == ["first done", "second"]


async def test_a_lease_may_be_held_again(database_url: str) -> None:
    """Letting go leaves nothing behind."""
    for _ in range(3):
        async with hold_lease(database_url, patience_s=0) as lease:
            assert not lease.lost.is_set()


async def test_a_process_that_is_killed_lets_go(database_url: str) -> None:
    """kill -9 leaves no lock: the next start does not wait for a person."""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await asyncio.wait_for(holder.stdout.readline(), 20) == b"held\n"
    with pytest.raises(Store):
        async with hold_lease(database_url, patience_s=0):
            pass

    holder.send_signal(signal.SIGKILL)
    await holder.wait()

    async with hold_lease(database_url, patience_s=5):
        pass


async def test_leases_on_two_databases_do_not_meet(
    postgres_url: str, bare_postgres_url: str
) -> None:
    """One server may serve two installations."""
    async with hold_lease(postgres_url), hold_lease(bare_postgres_url, patience_s=0):
        pass


async def test_a_lease_that_is_lost_is_noticed(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was restarted and has forgotten: the holder learns of it, and leaves quietly."""
    monkeypatch.setattr(lease_module, "_BEAT_S", 0.05)
    async with hold_lease(postgres_url) as lease:
        await cut_off(postgres_url)

        await asyncio.wait_for(lease.lost.wait(), 30)

    async with hold_lease(postgres_url, patience_s=1):
        pass


async def test_the_lock_of_a_file_is_private(sqlite_url: str) -> None:
    """Nobody else on the machine can hold us up."""
    async with hold_lease(sqlite_url):
        lock = sqlite_url.removeprefix("sqlite+aiosqlite:///") + ".lock"

        assert stat.S_IMODE(os.stat(lock).st_mode) == 0o600


async def test_a_lock_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    """The folder of the database is not there."""
    with pytest.raises(Config, match=r"DATABASE_URL: cannot write .*\.lock: No such file"):
        async with hold_lease(f"sqlite+aiosqlite:///{tmp_path / 'absent' / 'bellhop.db'}"):
            pass


async def test_a_server_that_is_away_gives_no_lease(postgres: Postgres, tmp_path: Path) -> None:
    """As any other question to it."""
    with pytest.raises(Store):
        async with hold_lease(f"postgresql+asyncpg://postgres@/bellhop?host={tmp_path}"):
            pass
    with pytest.raises(Store):
        async with hold_lease(postgres.url("absent")):
            pass


async def test_two_processes_share_out_what_there_is_to_hold(postgres_url: str) -> None:
    """One has the work and one the chat; whoever wants all of it waits for both."""
    async with hold_lease(postgres_url, on=("work",)), hold_lease(postgres_url, on=("chat",)):
        with pytest.raises(Store):
            async with hold_lease(postgres_url, patience_s=0.1):
                pass
        with pytest.raises(Store):
            async with hold_lease(postgres_url, patience_s=0.1, on=("chat",)):
                pass


async def test_whoever_wants_all_keeps_nothing_of_it_where_a_part_is_taken(
    postgres_url: str,
) -> None:
    """Else a process that gave up would keep others from the work."""
    async with hold_lease(postgres_url, on=("chat",)):
        with pytest.raises(Store):
            async with hold_lease(postgres_url, patience_s=0.1):
                pass
        async with hold_lease(postgres_url, patience_s=5, on=("work",)):
            pass
