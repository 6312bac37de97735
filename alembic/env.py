"""How a migration runs: one transaction, alone, with the keys of SQLite checked before it ends.

This folder has no `__init__.py`, or it would be taken for the library of the same name.
"""

from __future__ import annotations

import asyncio
import os
from logging.config import fileConfig
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.util import CommandError
from dotenv import dotenv_values
from sqlalchemy import Connection, text

from bot import config as settings
from bot.adapters.storage.engine import migrating_engine, parsed
from bot.adapters.storage.tables import metadata
from bot.adapters.storage.types import Money, UtcTime, Words

PLAIN = {
    UtcTime: "sa.DateTime(timezone=True)",
    Money: "sa.BigInteger()",
    Words: "sa.Text()",
}
ONE_AT_A_TIME = 0x6D696772617465  # "migrate"; two containers may start at once


def address() -> str:
    """The database the program named, or the one in the settings."""
    named = context.config.attributes.get("url")
    if isinstance(named, str):
        return named
    env = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return settings.read({**env, **os.environ}).database_url


async def migrate() -> None:
    engine = migrating_engine(parsed(address()))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def run(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})"))
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=sqlite,
        render_item=render,
        compare_type=True,
        compare_server_default=True,
        transactional_ddl=True,
    )
    context.run_migrations()
    if sqlite:
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        if broken:
            raise CommandError(f"the migration would leave {len(broken)} rows without their parent")


def render(kind: str, item: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Our column types as the plain ones they are, so that a revision needs no product code."""
    return PLAIN.get(type(item), False) if kind == "type" else False


if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
if context.is_offline_mode():
    raise CommandError("Migrations need a database to look at; --sql is not offered.")
asyncio.run(migrate())
