"""The team's policy and its changes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from bot.adapters.storage.tables.metadata import metadata
from bot.adapters.storage.types import UtcTime

policy = Table(
    "policy",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("value", Text, nullable=False),
)

policy_changes = Table(
    "policy_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("key", String(200), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("by", BigInteger),
)
