"""All rows out of a database and into an empty one, of whichever kind either is.

Out: in one transaction that sees everything as it was at its beginning, beside a running service.
In: in one transaction, into the tables of the revision that the rows are of. Values travel as JSON
has them; times as ISO 8601 in UTC, and the column says that it is one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, DateTime, MetaData, Table, func, inspect, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.engine import copying_engine, file_of, migrating_engine, parsed
from bot.adapters.storage.migrate import demand_newest, make_at
from bot.adapters.storage.tables import metadata
from bot.adapters.storage.unit import translated
from bot.errors import Backup

BATCH = 500
_VERSION = "alembic_version"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of one table; a table without any has one batch without rows."""

    table: str
    columns: tuple[str, ...]
    rows: list[list[Any]]


async def rows_out(url: str) -> AsyncIterator[Batch]:
    """Every row there is, parents before children. Raises Store, also for an older schema."""
    address = parsed(url)
    path = file_of(address)
    if path is not None and not path.exists():
        raise Backup(f"no {path}", public=f"There is no database at {path}.")
    await demand_newest(url)
    engine = copying_engine(address)
    try:
        with translated():
            async with engine.connect() as connection:
                for table in await connection.run_sync(_ours):
                    async for batch in _batches(connection, table):
                        yield batch
    finally:
        await engine.dispose()


async def demand_empty(url: str) -> None:
    """Raise Backup unless a database has no row of ours, nor tables of somebody else's."""
    address = parsed(url)
    path = file_of(address)
    if path is not None and not path.exists():
        return
    engine = migrating_engine(address)
    try:
        with translated():
            async with engine.connect() as connection:
                full = await connection.run_sync(_full)
    finally:
        await engine.dispose()
    if full:
        raise Backup(
            f"rows in {full}",
            public="The database is not empty, so nothing is restored into it.",
            hint="Give an empty one (DATABASE_URL), or move the old one away.",
        )


async def rows_in(url: str, revision: str, batches: Iterable[Batch]) -> int:
    """Make the tables of a revision in an empty database and fill them; how many rows it were.

    Safe to repeat after it broke off: until all rows are in, there is none. Raises Store.
    """
    address = parsed(url)
    engine = migrating_engine(address)
    try:
        with translated():
            async with engine.begin() as connection:
                await connection.run_sync(_drop_empty)
        await make_at(url, revision)
        with translated():
            async with engine.begin() as connection:
                return await connection.run_sync(_fill, batches)
    finally:
        await engine.dispose()


async def _batches(connection: AsyncConnection, table: Table) -> AsyncIterator[Batch]:
    names = tuple(column.name for column in table.columns)
    result = await connection.stream(select(table).execution_options(yield_per=BATCH))
    some = False
    async for rows in result.partitions(BATCH):
        some = True
        yield Batch(table.name, names, [[_plain(value) for value in row] for row in rows])
    if not some:
        yield Batch(table.name, names, [])


def _ours(connection: Connection) -> list[Table]:
    """Our tables as the database has them: plain types, and no table of others."""
    found = MetaData()
    found.reflect(connection, only=list(metadata.tables))
    return found.sorted_tables


def _full(connection: Connection) -> str:
    """A table with rows in it, or one that is not ours; empty where there is neither."""
    for name in inspect(connection).get_table_names():
        if name == _VERSION:
            continue
        table = Table(name, MetaData(), autoload_with=connection)
        if name not in metadata.tables or connection.scalar(
            select(func.count()).select_from(table)
        ):
            return name
    return ""


def _drop_empty(connection: Connection) -> None:
    """What an earlier start or a restore that broke off has left: tables without rows."""
    found = MetaData()
    found.reflect(connection)
    if any(name not in metadata.tables and name != _VERSION for name in found.tables):
        raise Backup("other tables", public="The database holds tables of something else.")
    found.drop_all(connection)


def _fill(connection: Connection, batches: Iterable[Batch]) -> int:
    found = MetaData()
    found.reflect(connection)
    count = 0
    for batch in batches:
        table = found.tables.get(batch.table)
        if table is None or not set(batch.columns) <= {column.name for column in table.columns}:
            raise Backup(f"{batch.table} is no table", public="The backup was altered.")
        if batch.rows:
            rows = [_row(table, batch.columns, row) for row in batch.rows]
            connection.execute(table.insert(), rows)
            count += len(rows)
    if connection.dialect.name == "sqlite":
        if connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
            raise Backup("a row without its parent", public="The backup was altered.")
    else:
        _count_on(connection, found)
    return count


def _count_on(connection: Connection, found: MetaData) -> None:
    """Let numbers that PostgreSQL gives out go on after those that were brought in."""
    for table in found.sorted_tables:
        for column in table.primary_key:
            sequence = connection.scalar(
                select(func.pg_get_serial_sequence(table.name, column.name))
            )
            if sequence is not None:
                last = connection.scalar(select(func.max(column)))
                connection.execute(select(func.setval(sequence, last or 1, last is not None)))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat()
    return value


def _row(table: Table, columns: tuple[str, ...], row: list[Any]) -> dict[str, Any]:
    return {name: _value(table, name, one) for name, one in zip(columns, row, strict=True)}


def _value(table: Table, name: str, value: Any) -> Any:
    kind = table.columns[name].type
    if value is None:
        return None
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    return bool(value) if isinstance(kind, Boolean) else value
