"""Engines and transactions: set up safely, closed to others, errors translated."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import stat
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.adapters.storage import engine
from bot.adapters.storage.engine import parsed
from bot.adapters.storage.migrate import current
from bot.adapters.storage.store import open_store
from bot.adapters.storage.tables import quotes
from bot.adapters.storage.unit import Database
from bot.errors import Away, Config, Store
from tests.builders import SetClock, a_quote
from tests.postgres import Postgres, cut_off


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "is not the address of a database"),
        ("mysql+aiomysql://db/bellhop", "must begin with postgresql:// or sqlite:///"),
        ("sqlite+aiosqlite://", "must name a file"),
        ("sqlite+aiosqlite:///:memory:", "must name a file"),
        ("postgresql+asyncpg://db/bellhop?channel_binding=require", "understood: channel_binding"),
        ("postgresql+asyncpg://db/bellhop?sslmode=maybe", "sslmode must be one of disable"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(url: str, why: str) -> None:
    """The setting, and what to write there."""
    with pytest.raises(Config, match=why) as caught:
        Database(url)

    assert caught.value.name == "DATABASE_URL"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the reason, instead of "unable to open database file" at the first use."""
    with pytest.raises(Config, match=r"cannot write .*bellhop.db: No such file"):
        Database(f"sqlite+aiosqlite:///{tmp_path / 'absent' / 'bellhop.db'}")


def test_the_spelling_of_hosting_providers_is_understood() -> None:
    """`sslmode` is libpq's word; asyncpg would refuse it."""
    address = parsed("postgresql+asyncpg://ada:s3cret@db/bellhop?sslmode=require")

    assert dict(address.query) == {"ssl": "require"}
    assert address.password == "s3cret"


async def test_only_its_owner_reads_the_file(sqlite_url: str) -> None:
    """The file and what SQLite puts beside it."""
    path = Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    os.chmod(path, 0o644)

    async with open_store(sqlite_url, clock=SetClock()) as store:
        await store.add_quote(a_quote())
        modes = {
            name: stat.S_IMODE(os.stat(path.with_name(name)).st_mode)
            for name in os.listdir(path.parent)
        }

    assert modes == {"bellhop.db": 0o600, "bellhop.db-wal": 0o600, "bellhop.db-shm": 0o600}


async def test_sqlite_is_set_up_to_lose_nothing(sqlite_url: str) -> None:
    """On every connection of either kind (reference durability, 4)."""
    database = Database(sqlite_url)
    wanted = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 10_000, "foreign_keys": 1}

    async with database.writing() as writer, database.reading() as reader:
        for connection in (writer, reader):
            found = {
                name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
                for name in wanted
            }
            assert found == wanted
    await database.aclose()


async def test_a_reader_waits_for_nobody_and_sees_what_is_done(sqlite_url: str) -> None:
    """While a transaction writes, others read what was there before; then what is there."""
    database = Database(sqlite_url)
    count = text("SELECT count(*) FROM quotes")
    new = quotes.insert().values(
        **{name: getattr(a_quote(), name) for name in ("id", "guild_id", "channel_id", "owner_id")},
        owner_name="ada",
        wish="{}",
        image="{}",
        offer="{}",
        made_at=a_quote().made_at,
    )

    async with database.writing() as writer:
        await writer.execute(new)
        async with database.reading() as reader:
            before = (await asyncio.wait_for(reader.execute(count), 30)).scalar_one()
    async with database.reading() as reader:
        after = (await reader.execute(count)).scalar_one()

    assert (before, after) == (0, 1)
    await database.aclose()


async def test_a_reader_cannot_write(sqlite_url: str) -> None:
    """A change that takes the wrong door on SQLite is refused, not raced."""
    database = Database(sqlite_url)

    with pytest.raises(Store, match="readonly"):
        async with database.reading() as reader:
            await reader.execute(text("DELETE FROM quotes"))

    await database.aclose()


async def test_writers_of_two_processes_lose_nothing(sqlite_url: str) -> None:
    """Reading and then writing is one transaction from its first statement on.

    As SQLite's driver comes, it begins at the write, and most of these increments are lost.
    """
    databases = [Database(sqlite_url), Database(sqlite_url)]
    async with databases[0].writing() as connection:
        await connection.execute(text("CREATE TABLE counter AS SELECT 0 AS n"))

    async def add(database: Database) -> None:
        for _ in range(25):
            async with database.writing() as connection:
                seen = (await connection.execute(text("SELECT n FROM counter"))).scalar_one()
                await connection.execute(text("UPDATE counter SET n = :n"), {"n": seen + 1})

    await asyncio.gather(*(add(database) for database in databases for _ in range(2)))

    async with databases[1].reading() as connection:
        assert (await connection.execute(text("SELECT n FROM counter"))).scalar_one() == 100
    for database in databases:
        await database.aclose()


async def test_a_writer_waits_longer_for_others_of_ours_than_for_the_database(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a start with many rentals all write at once; none is turned away for a long queue."""
    monkeypatch.setattr(engine, "COMMAND_S", 0.05)
    database = Database(sqlite_url)
    done = []

    async def write(number: int) -> None:
        async with database.writing() as connection:
            await connection.execute(text("DELETE FROM quotes"))
            await asyncio.sleep(0.05)
        done.append(number)

    await asyncio.gather(*(write(number) for number in range(8)))
    await database.aclose()

    assert sorted(done) == list(range(8))


async def test_an_error_rolls_the_transaction_back(database_url: str) -> None:
    """All of it or nothing."""
    database = Database(database_url)

    async def break_off() -> None:
        async with database.writing() as connection:
            await connection.execute(text("CREATE TABLE half (id INTEGER)"))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await break_off()

    with pytest.raises(Store, match="half"):
        async with database.reading() as connection:
            await connection.execute(text("SELECT * FROM half"))
    await database.aclose()


async def test_a_refused_change_does_not_show_its_values(database_url: str) -> None:
    """An error goes to the log; the values of a statement do not belong there."""
    quote = a_quote(owner_name="never to be logged")
    async with open_store(database_url, clock=SetClock()) as store:
        await store.add_quote(quote)

        with pytest.raises(Store) as caught:
            await store.add_quote(quote)

    assert caught.value.public == "Our database refused that change."
    assert "never to be logged" not in str(caught.value)
    assert "never to be logged" not in str(caught.value.__cause__)


async def test_a_server_that_is_away_is_a_store_error(tmp_path: Path) -> None:
    """Nothing listens there: a sentence for the person, the cause for the log."""
    url = f"postgresql+asyncpg://postgres@/bellhop?host={tmp_path}"
    async with open_store(url, clock=SetClock()) as store:
        with pytest.raises(Store) as caught:
            await store.open_rentals()

    assert caught.value.public == "Our database is not answering."
    assert caught.value.__cause__ is not None


async def test_a_database_that_does_not_exist_is_a_store_error(postgres: Postgres) -> None:
    """What the server says is in the log line."""
    async with open_store(postgres.url("absent"), clock=SetClock()) as store:
        with pytest.raises(Store, match="absent"):
            await store.open_rentals()


async def test_a_statement_that_takes_too_long_is_given_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver has a deadline, and the way is free again afterwards."""
    monkeypatch.setattr(engine, "COMMAND_S", 0.2)
    database = Database(postgres_url)

    with pytest.raises(Store, match="TimeoutError"):
        async with database.writing() as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))

    async with database.writing() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    await database.aclose()


async def test_the_store_outlives_its_connections(postgres_url: str) -> None:
    """The server was restarted: the next question is asked on a new connection."""
    async with open_store(postgres_url, clock=SetClock()) as store:
        quote = a_quote()
        await store.add_quote(quote)
        await cut_off(postgres_url)

        assert await store.quote(quote.id) == quote


@pytest.mark.parametrize("work", ["SELECT 1", "SELECT pg_sleep(30)"])
async def test_a_connection_that_the_server_ends_is_away(postgres_url: str, work: str) -> None:
    """Before a statement, and in the middle of one: worth trying again, and worth no trace."""
    database = Database(postgres_url)

    async def read() -> None:
        async with database.reading() as connection:
            await connection.execute(text("SELECT 1"))
            reached.set()
            await cut.wait()
            await connection.execute(text(work))

    reached, cut = asyncio.Event(), asyncio.Event()
    reading = asyncio.ensure_future(read())
    await reached.wait()
    if work != "SELECT 1":
        cut.set()
        await _under_way(postgres_url, work)
    await cut_off(postgres_url)
    cut.set()

    with pytest.raises(Away):
        await reading
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    await database.aclose()


async def test_a_connection_that_ends_during_the_commit_is_away(postgres_url: str) -> None:
    """Whether it is written is not known; whoever wrote it looks again."""
    database = Database(postgres_url)

    async def write() -> None:
        async with database.writing() as connection:
            await connection.execute(text("DELETE FROM quotes"))
            await cut_off(postgres_url)

    with pytest.raises(Away):
        await write()
    await database.aclose()


async def test_a_database_that_is_locked_is_away(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds it for longer than we wait."""
    monkeypatch.setattr(engine, "_PRAGMAS", ("busy_timeout = 50", "journal_mode = WAL"))
    ours, theirs = Database(sqlite_url), Database(sqlite_url)

    async def write() -> None:
        async with ours.writing() as connection:
            await connection.execute(text("DELETE FROM quotes"))

    async with theirs.writing() as connection:
        await connection.execute(text("DELETE FROM quotes"))
        with pytest.raises(Away, match="locked"):
            await write()
    await ours.aclose()
    await theirs.aclose()


async def test_a_write_that_is_cancelled_leaves_no_lock_behind(sqlite_url: str) -> None:
    """Whenever it is: a browser that hangs up cancels what is done for it, a deadline as well.

    Without the garbage collector, which the service seldom runs, a lock once left would stay.
    """
    rng = random.Random(1)
    gc.disable()
    try:
        async with open_store(sqlite_url, clock=SetClock()) as store:
            began = time.monotonic()
            for number in range(10):
                await store.change_policy({"idle": str(60 + number)}, by=1)
            takes = (time.monotonic() - began) / 10
            for number in range(150):
                writing = asyncio.ensure_future(
                    store.change_policy({"idle": str(100 + number)}, by=1)
                )
                await asyncio.sleep(rng.random() * takes * 1.5)
                writing.cancel()
                ended, _ = await asyncio.wait({writing}, timeout=8)  # a lock is waited for for 10 s
                assert ended, number
            await store.change_policy({"idle": "999"}, by=1)
            assert await store.policy() == {"idle": "999"}
    finally:
        gc.enable()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """Trying again in a minute, which is the advice for one that is away, would never help."""
    (tmp_path / "bellhop.db").write_bytes(b"no database" * 100)

    with pytest.raises(Store, match="file is not a database") as caught:
        await current(f"sqlite+aiosqlite:///{tmp_path / 'bellhop.db'}")

    assert not isinstance(caught.value, Away)
    assert "damaged" in caught.value.public
    assert "bellhop restore" in caught.value.hint
    assert (tmp_path / "bellhop.db").read_bytes() == b"no database" * 100


async def test_what_is_wrong_with_our_statement_is_not_away(database_url: str) -> None:
    """Trying again would not help: it keeps its trace."""
    database = Database(database_url)

    with pytest.raises(Store) as caught:
        async with database.reading() as connection:
            await connection.execute(text("SELECT nothing FROM nowhere"))

    assert not isinstance(caught.value, Away)
    await database.aclose()


async def _under_way(url: str, statement: str) -> None:
    """Wait until the server works on it."""
    database = Database(url)
    question = text("SELECT count(*) FROM pg_stat_activity WHERE query = :q AND state = 'active'")
    async with database.reading() as connection:
        for _ in range(3000):
            if (await connection.execute(question, {"q": statement})).scalar_one():
                break
            await asyncio.sleep(0.01)
    await database.aclose()
