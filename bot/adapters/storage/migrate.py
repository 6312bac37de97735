"""Bringing a database to the newest schema, from the program itself.

The revisions lie in `alembic/` of a checkout and, in an installed package, in `bot/migrations`.
Alembic is run through its own commands, in a thread, because its `env.py` runs a loop.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection

import bot
from bot.adapters.storage.engine import COMMAND_S, file_of, make_file, migrating_engine, parsed
from bot.adapters.storage.unit import translated
from bot.errors import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What a migration did. `before` is None for a database that was empty."""

    before: str | None
    after: str
    copy: Path | None  # the SQLite file as it was, where there was something to lose


async def migrate(url: str, *, scripts: Path | None = None) -> Migrated:
    """Bring a database to the newest revision; an empty one gets its tables.

    An SQLite file is copied first, beside itself. Safe to repeat and, on PostgreSQL, to run in two
    processes at once; on SQLite the caller holds the lease. Raises Store, Config.
    """
    before = await current(url)
    after = await newest(scripts=scripts)
    if before == after:
        return Migrated(before=before, after=after, copy=None)
    await demand_known(url, scripts=scripts)
    copy = None
    path = file_of(parsed(url))
    if path is not None and before is not None:
        copy = await asyncio.to_thread(_copy, path, before)
        log.info("copied the database to %s", copy.name)
    await asyncio.to_thread(_upgrade, alembic_config(url, scripts=scripts))
    log.info("migrated the database from %s to %s", before or "nothing", after)
    return Migrated(before=before, after=after, copy=copy)


async def make_at(url: str, revision: str) -> None:
    """Give a database without tables those of one revision. Raises Store, Config."""
    await asyncio.to_thread(_upgrade, alembic_config(url), revision)


async def knows(revision: str, *, scripts: Path | None = None) -> bool:
    """Whether a revision is one of this code's, or from a newer one."""
    return await asyncio.to_thread(_knows, scripts or _folder(), revision)


async def newest(*, scripts: Path | None = None) -> str:
    """The revision this code is written for."""
    return await asyncio.to_thread(_head, scripts or _folder())


async def current(url: str) -> str | None:
    """The revision a database is at; None when it is empty. Raises Store, Config."""
    address = parsed(url)
    path = file_of(address)
    if path is not None:
        make_file(path)
    engine = migrating_engine(address)
    try:
        with translated():
            async with engine.connect() as connection:
                return await connection.run_sync(_revision)
    finally:
        await engine.dispose()


async def demand_newest(url: str) -> None:
    """Raise Store, with what to do, unless the database is exactly as this code needs it."""
    await demand_known(url)
    at = await current(url)
    if at != await newest():
        raise Store(
            f"the database is at revision {at}",
            public="The database is from an older Bellhop.",
            hint="Run `bellhop migrate`.",
        )


async def demand_known(url: str, *, scripts: Path | None = None) -> None:
    """Raise Store, with what to do, for a database that a newer Bellhop has migrated."""
    at = await current(url)
    if at is not None and not await knows(at, scripts=scripts):
        raise Store(
            f"the database is at revision {at}, which this code does not know",
            public="The database is from a newer Bellhop.",
            hint="Install that version again, or go back to a copy made before the upgrade.",
        )


def alembic_config(url: str, *, scripts: Path | None = None) -> AlembicConfig:
    """Alembic's own configuration for a database, for its commands."""
    config = AlembicConfig(stdout=io.StringIO())
    config.set_main_option("script_location", str(scripts or _folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url  # not an option: it may hold a password, and a percent sign
    return config


def _folder() -> Path:
    package = Path(bot.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "alembic"


def _upgrade(config: AlembicConfig, revision: str = "head") -> None:
    try:
        with translated():
            command.upgrade(config, revision)
    except (CommandError, Store) as error:
        # One transaction: what a step has done before another fails is taken back.
        raise Store(
            f"alembic: {error}",
            public="The database could not be upgraded, and is as it was before.",
            hint=f"Nothing runs on it until it is mended ({str(error).splitlines()[0][:200]}).",
        ) from error


def _head(scripts: Path) -> str:
    head = ScriptDirectory(str(scripts)).get_current_head()
    if head is None:
        raise Store(
            f"no revisions in {scripts}",
            public="This installation is incomplete.",
            hint="Install it again.",
        )
    return head


def _knows(scripts: Path, revision: str) -> bool:
    revisions = ScriptDirectory(str(scripts)).walk_revisions()
    return any(script.revision == revision for script in revisions)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _copy(path: Path, revision: str) -> Path:
    """A whole copy under a name of its own, put in place only when it is complete."""
    copy = path.with_name(f"{path.name}.before-{revision}")
    draft = path.with_name(f"{copy.name}.part")
    draft.unlink(missing_ok=True)
    make_file(draft)
    try:
        with closing(sqlite3.connect(path, timeout=COMMAND_S)) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
        os.replace(draft, copy)
    except (sqlite3.Error, OSError) as error:
        raise Store(
            f"no copy before the upgrade: {error}",
            public="The database could not be copied before its upgrade, so it was left as it is.",
            hint="There must be room beside it for a second one.",
        ) from error
    return copy
