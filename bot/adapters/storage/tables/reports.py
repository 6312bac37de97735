"""The team's daily and weekly reports that were due, said or not."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, String, Table

from bot.adapters.storage.tables.metadata import metadata, one_of
from bot.adapters.storage.types import UtcTime
from bot.domain.reports import Kind

reports = Table(
    "reports",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), primary_key=True),
    Column("day", String(10), primary_key=True),  # of the team's own zone, like 2026-11-23
    Column("due_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime, nullable=False),
    Column("said", Boolean, nullable=False),
    one_of("kind", Kind),
)
