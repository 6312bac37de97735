"""Transactions: how the rest of this folder enters the database and how its errors come out.

Inside `writing()` and `reading()` nothing is awaited but SQL: on SQLite everybody who writes waits
for the one connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.absence import away, damaged
from bot.adapters.storage.engine import (
    file_of,
    make_file,
    parsed,
    reading_engine,
    writing_engine,
)
from bot.errors import Away, Store
from bot.ports.clock import Clock

_DAMAGED = "Our database is damaged, or its file is no database."
_MEND = "Whoever runs Bellhop puts a backup in its place (`bellhop restore`)."


class Database:
    """One database. Raises Config when the address cannot be used; connects at the first use."""

    def __init__(self, url: str) -> None:
        address = parsed(url)
        path = file_of(address)
        if path is not None:
            make_file(path)
        self._writer = writing_engine(address)
        self._reader = reading_engine(address) if path is not None else self._writer

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end and rolled back by any error. Raises Store."""
        with translated():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads. Raises Store."""
        with translated():
            async with self._reader.connect() as connection:
                yield connection

    async def aclose(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


class Part:
    """What each part of the store stands on."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the drivers raise into Store: Away where trying again may help."""
    try:
        yield
    except IntegrityError as error:
        raise Store(_said(error), public="Our database refused that change.") from error
    except (SQLAlchemyError, OSError) as error:
        if damaged(error):
            raise Store(_said(error), public=_DAMAGED, hint=_MEND) from error
        raise (Away if away(error) else Store)(_said(error)) from error


async def insert_new(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert the rows whose keys are not there yet, and leave the others as they are."""
    if rows:
        await connection.execute(inserting(connection, table).on_conflict_do_nothing(), list(rows))


def inserting(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of the connection's dialect, which knows ON CONFLICT."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _said(error: Exception) -> str:
    """What went wrong in a line, without the statement and its values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return f"{type(cause).__name__}: {cause}"
