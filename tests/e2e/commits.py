"""Counting the commits of another process from outside, to kill it right after one of them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg

_LOOK_S = 0.001

Count = Callable[[], Awaitable[int]]


@contextlib.asynccontextmanager
async def each_commit(database: str | Path, struck: Callable[[int], None]) -> AsyncIterator[None]:
    """Call `struck` with 1, 2, 3 … whenever something was committed, as long as the block lasts."""
    counting = _of_file(database) if isinstance(database, Path) else _of_server(database)
    async with counting as count:
        watching = asyncio.ensure_future(_watch(count, struck))
        try:
            yield
        finally:
            watching.cancel()
            failed = (await asyncio.gather(watching, return_exceptions=True))[0]
            if isinstance(failed, Exception):
                raise failed


async def _watch(count: Count, struck: Callable[[int], None]) -> None:
    before, number = await count(), 0
    while True:
        await asyncio.sleep(_LOOK_S)
        now = await count()
        if now > before:
            before, number = now, number + 1
            struck(number)


@contextlib.asynccontextmanager
async def _of_file(path: Path) -> AsyncIterator[Count]:
    """SQLite tells every connection when another one has committed."""
    connection: sqlite3.Connection | None = None

    async def count() -> int:
        nonlocal connection
        if connection is None:
            with contextlib.suppress(sqlite3.OperationalError):  # while there is no such file
                connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.05)
        with contextlib.suppress(sqlite3.OperationalError, AttributeError):
            version: int = connection.execute("PRAGMA data_version").fetchone()[0]  # type: ignore[union-attr]
            return version
        return 0

    try:
        yield count
    finally:
        if connection is not None:
            connection.close()


@contextlib.asynccontextmanager
async def _of_server(url: str) -> AsyncIterator[Count]:
    """PostgreSQL numbers the transactions that write; between two of them none is under way."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    last = 0

    async def count() -> int:
        nonlocal last
        row = await connection.fetchrow(
            "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text"
            " FROM pg_current_snapshot() AS s"
        )
        if row[0] == row[1]:
            last = int(row[1])
        return last

    try:
        yield count
    finally:
        await connection.close()
