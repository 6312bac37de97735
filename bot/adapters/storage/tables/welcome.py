"""The greeting of a server: when, to whom, and whether its first choices are made."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table

from bot.adapters.storage.tables.metadata import metadata
from bot.adapters.storage.types import UtcTime, Words

greetings = Table(
    "greetings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("joined_at", UtcTime, nullable=False),
    Column("person_id", BigInteger),
    Column("greeted_at", UtcTime),
    Column("next_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Words, nullable=False),
    Column("unlimited", Boolean, nullable=False),
    Column("settled_at", UtcTime),
)
