"""Wishes that wait for a machine."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from bot.adapters.storage.tables.metadata import metadata, one_of
from bot.adapters.storage.types import UtcTime, Words
from bot.domain.lookouts import State as LookoutState

lookouts = Table(
    "lookouts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("owner_name", Words, nullable=False),
    Column("wish", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("name", Words),
    Column("hours", Integer),
    Column("restore_id", String(32)),
    Column("rents", Boolean, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("looked_at", UtcTime),
    Column("offer", Text),
    Column("ended_at", UtcTime),
    Column("note", Words, nullable=False),
    Column("tell_at", UtcTime, index=True),  # a letter is due from then on; none: none is due
    Column("tries", Integer, nullable=False),
    Column("role_ids", Text, nullable=False, server_default="[]"),
    one_of("state", LookoutState),
    Index(None, "state"),
)
