"""The one board of a channel: where it stands, and what it says there."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from bot.adapters.storage.tables.metadata import metadata
from bot.adapters.storage.types import UtcTime, Words

boards = Table(
    "boards",
    metadata,
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(25), nullable=False, unique=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("put_up_at", UtcTime, nullable=False),
    Column("message_id", BigInteger),
    Column("earlier_id", BigInteger),
    Column("machines", String(64), nullable=False),
    Column("figures", String(64), nullable=False),
    Column("shown_at", UtcTime),
    Column("next_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Words, nullable=False),
)
