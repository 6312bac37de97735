"""Engines for SQLite and PostgreSQL, set up the way each of them is safe.

SQLite as it comes begins a transaction only at the first write, and two that read and then write
lose updates without an error; so the one writing connection begins IMMEDIATE. Readers have
connections of their own and, in WAL mode, never wait for the writer (reference durability, 4).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine import URL, Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from bot.adapters.storage.absence import notice_the_end
from bot.errors import Config

CONNECT_S = 5
COMMAND_S = 10
"""How long PostgreSQL may take to answer one statement, and SQLite to get hold of its lock."""
QUEUE_S = 40
"""How long one of us may wait for its turn: after a start all rentals write at once, and on a slow
disk each of their commits takes its time. A step whose write fails has to be taken again."""
MIGRATION_S = 600

_PRAGMAS = (
    f"busy_timeout = {COMMAND_S * 1000}",
    "journal_mode = WAL",
    "synchronous = FULL",  # with NORMAL a power cut may take back the intent to rent
)
_OPTIONS = frozenset({"host", "port", "ssl", "sslmode"})
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_KEEPALIVE = {
    # A cable that was pulled is noticed by the server within half a minute.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def parsed(url: str) -> URL:
    """The address of a database that can be used here. Raises Config for any other."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:  # the latter for a port that is no number
        raise Config("DATABASE_URL", "is not the address of a database.") from error
    if address.drivername not in ("sqlite+aiosqlite", "postgresql+asyncpg"):
        raise Config("DATABASE_URL", "must begin with postgresql:// or sqlite:///.")
    if address.drivername == "sqlite+aiosqlite" and address.database in (None, "", ":memory:"):
        raise Config("DATABASE_URL", "must name a file, like sqlite:////var/lib/bellhop.db.")
    if unknown := set(address.query) - _OPTIONS:
        # The driver would stumble over it much later, with a TypeError.
        raise Config("DATABASE_URL", f"has an option that is not understood: {min(unknown)}.")
    return _with_ssl(address)


def file_of(address: URL) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    if address.get_backend_name() != "sqlite" or address.database is None:
        return None
    return Path(address.database)


def make_file(path: Path) -> None:
    """Make an empty database file that only its owner can read. Raises Config if it cannot be."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise Config("DATABASE_URL", f"cannot write {path}: {error.strerror}.") from error


def writing_engine(address: URL) -> AsyncEngine:
    """SQLite: one connection, begun IMMEDIATE, for which writers queue. PostgreSQL: a pool."""
    if file_of(address) is None:
        return _postgres(address, pool_size=5, max_overflow=10, pool_pre_ping=True)
    return _sqlite(address, begin="BEGIN IMMEDIATE", pool_size=1, max_overflow=0)


def reading_engine(address: URL) -> AsyncEngine:
    """For SQLite: connections that cannot write, each with a snapshot of its own."""
    return _sqlite(
        address, begin="BEGIN", pragmas=("query_only = ON",), pool_size=4, max_overflow=0
    )


def migrating_engine(address: URL) -> AsyncEngine:
    """One connection without a pool, foreign keys off on SQLite.

    A batch migration there drops and renames tables; with foreign keys on that fails, or empties
    the tables that refer to them. Migrations check the keys before they commit.
    """
    if file_of(address) is None:
        return _postgres(address, command_s=MIGRATION_S, poolclass=NullPool)
    return _sqlite(address, begin="BEGIN IMMEDIATE", foreign_keys=False, poolclass=NullPool)


def copying_engine(address: URL) -> AsyncEngine:
    """One connection that reads, and sees everything as it was at its first look."""
    if file_of(address) is not None:
        return reading_engine(address)
    return _postgres(
        address, command_s=MIGRATION_S, poolclass=NullPool, isolation_level="REPEATABLE READ"
    )


def lone_engine(address: URL) -> AsyncEngine:
    """PostgreSQL: one connection for a lock that lasts, outside any transaction."""
    return _postgres(address, settings=_KEEPALIVE, poolclass=NullPool, isolation_level="AUTOCOMMIT")


def _postgres(
    address: URL,
    *,
    command_s: float | None = None,
    settings: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncEngine:
    connecting = {
        "timeout": CONNECT_S,
        "command_timeout": command_s or COMMAND_S,
        "server_settings": {"application_name": "bellhop", "timezone": "UTC", **(settings or {})},
    }
    if "poolclass" not in options:
        options["pool_timeout"] = COMMAND_S
    # Values stay out of errors, and so out of the log.
    engine = create_async_engine(address, connect_args=connecting, hide_parameters=True, **options)
    notice_the_end(engine)
    return engine


def _sqlite(
    address: URL,
    *,
    begin: str,
    foreign_keys: bool = True,
    pragmas: tuple[str, ...] = (),
    **options: Any,
) -> AsyncEngine:
    if "poolclass" not in options:
        options["pool_timeout"] = QUEUE_S
    engine = create_async_engine(address, hide_parameters=True, **options)
    wanted = (*_PRAGMAS, f"foreign_keys = {'ON' if foreign_keys else 'OFF'}", *pragmas)

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # else the driver begins when it likes
        cursor = connection.cursor()
        for pragma in wanted:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "close")
    def take_back(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        driver: Any = connection.driver_connection
        # In the driver's queue, behind the statement that is under way and before the closing.
        driver._tx.put_nowait((None, lambda: _roll_back(driver)))

    @event.listens_for(engine.sync_engine, "begin")
    def begin_now(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _roll_back(driver: Any) -> None:
    """End the transaction of a connection that is thrown away because its task was cancelled.

    SQLite only pretends to close one of which a cursor is left: with its lock it lives on until
    Python finds the cursor in its garbage, and nobody can write.
    """
    with contextlib.suppress(sqlite3.Error, ValueError):  # it was closed already
        driver._conn.rollback()


def _with_ssl(address: URL) -> URL:
    """The libpq spelling `sslmode`, as hosting providers hand it out, under asyncpg's name."""
    mode = address.query.get("sslmode", address.query.get("ssl"))
    if mode is None:
        return address
    if mode not in _SSL_MODES:
        raise Config("DATABASE_URL", f"sslmode must be one of {', '.join(_SSL_MODES)}.")
    return address.difference_update_query(["sslmode"]).update_query_dict({"ssl": str(mode)})
