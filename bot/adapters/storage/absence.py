"""Which errors of the drivers mean that the database is away, and which that we did it wrong.

The first pass by themselves and are worth a line; the others are faults, and worth their trace.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncEngine

_ENDED = ("08", "57P")
"""PostgreSQL: the connection failed; the server stops, starts or ended our session."""

_PASSING = (*_ENDED, "40", "53", "55P03", "57014")
"""As well: two were in each other's way, no room or connection left, a lock, a statement's time.
Source: appendix A of its manual, "PostgreSQL Error Codes"."""

_BUSY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)


def away(error: Exception) -> bool:
    """Whether trying again later may help.

    A connection that is refused, or a statement that takes too long, reaches us as OSError (of
    which TimeoutError is one).
    """
    if isinstance(error, OSError | NoConnectionFree):
        return True
    if not isinstance(error, DBAPIError):
        return False
    number: int = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # without its details
    return error.connection_invalidated or _code(error.orig).startswith(_PASSING) or number in _BUSY


def damaged(error: Exception) -> bool:
    """Whether the file of an SQLite database is none, or not whole any more."""
    number: int = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0) & 0xFF
    return number in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def notice_the_end(engine: AsyncEngine) -> None:
    """Have a connection that the server ended thrown away at once, with all others of the pool.

    The library asks whether the connection is closed; right after the server's word it is not yet.
    """

    @event.listens_for(engine.sync_engine, "handle_error")
    def look(context: ExceptionContext) -> None:
        if _code(context.original_exception).startswith(_ENDED):
            context.is_disconnect = True


def _code(error: BaseException | None) -> str:
    """PostgreSQL's code for it; empty where there is none."""
    return str(getattr(error, "sqlstate", None) or "")
