"""The lease: one process works on a database, a second one waits.

What a process may have to itself is named: the work on rentals, and the session in the chat, which
two processes may share out between them on PostgreSQL. On SQLite one process has all of it.

On SQLite it is a lock on `<database>.lock`, on PostgreSQL an advisory lock on a connection of its
own. Both are let go by the system when the process ends, however it ends. Nothing is correct only
because of the lease; guarded changes and unique keys see to that, the lease saves work.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.adapters.storage.engine import file_of, lone_engine, parsed
from bot.adapters.storage.unit import translated
from bot.errors import Config, Store

log = logging.getLogger(__name__)

PATIENCE_S = 15.0
"""Longer than a clean stop takes, so that a restart may overlap with it."""

_KEY = 0x62656C6C686F70  # "bellhop"; an advisory lock belongs to one database of the server
_KEYS = {"work": _KEY, "chat": _KEY + 1}
_LOOK_S = 0.2
_BEAT_S = 5.0


class Lease:
    """A lease that is held. `lost` is set when the database no longer knows of it."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()


@asynccontextmanager
async def hold_lease(
    url: str, *, patience_s: float | None = PATIENCE_S, on: Sequence[str] = ("work", "chat")
) -> AsyncIterator[Lease]:
    """Hold the lease on a database for the length of a block, `on` all or a part of it.

    Waits `patience_s` seconds for another holder, or for ever with None; then raises Store, with
    a sentence that says who is in the way. Raises Config when the lock cannot be made.
    """
    address = parsed(url)
    path = file_of(address)
    holding = (
        _file_lock(path, patience_s)
        if path is not None
        else _server_lock(address, patience_s, [_KEYS[name] for name in on])
    )
    async with holding as lease:
        yield lease


@asynccontextmanager
async def _file_lock(path: Path, patience_s: float | None) -> AsyncIterator[Lease]:
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Config("DATABASE_URL", f"cannot write {lock}: {error.strerror}.") from error

    async def take() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        await _wait(take, patience_s)
        yield Lease()
    finally:
        os.close(handle)


@asynccontextmanager
async def _server_lock(
    address: URL, patience_s: float | None, keys: Sequence[int]
) -> AsyncIterator[Lease]:
    engine = lone_engine(address)
    try:
        connection = await _first_connection(engine)

        async def take(key: int) -> bool:
            with translated():
                return bool(await _ask(connection, f"SELECT pg_try_advisory_lock({key})"))

        try:
            for key in keys:
                await _wait(functools.partial(take, key), patience_s)
            lease = Lease()
            beat = asyncio.create_task(_watch(connection, lease), name="lease")
            try:
                yield lease
            finally:
                beat.cancel()
                await asyncio.gather(beat, return_exceptions=True)
        finally:
            # The lock ends with the connection; one that is broken is beyond closing.
            with contextlib.suppress(Store), translated():
                await connection.close()
    finally:
        await engine.dispose()


async def _first_connection(engine: AsyncEngine) -> AsyncConnection:
    """The first thing that is asked of a server: whoever starts us can mend what is wrong."""
    try:
        with translated():
            return await engine.connect()
    except Store as error:
        raise Store(
            str(error),
            hint=f"See that its server runs and that DATABASE_URL is right ({error}).",
        ) from error


async def _wait(take: Callable[[], Awaitable[bool]], patience_s: float | None) -> None:
    now = asyncio.get_running_loop().time
    until = None if patience_s is None else now() + patience_s
    if await take():
        return
    log.info("another Bellhop holds the database; waiting for it to let go")
    while until is None or now() < until:
        await asyncio.sleep(_LOOK_S)
        if await take():
            return
    raise Store(
        f"the lease was not free within {patience_s} s",
        public="Another Bellhop is using this database.",
        hint="Stop that one first, or give this one a database of its own (DATABASE_URL).",
    )


async def _watch(connection: AsyncConnection, lease: Lease) -> None:
    """Ask for a sign of life until there is none."""
    try:
        while True:
            await asyncio.sleep(_BEAT_S)
            with translated():
                await _ask(connection, "SELECT 1")
    except Store as error:
        log.error("lost the lease on the database: %s", error)
        lease.lost.set()


async def _ask(connection: AsyncConnection, question: str) -> object:
    return (await connection.execute(text(question))).scalar_one()
