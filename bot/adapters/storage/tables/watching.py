"""What is looked at: samples, idle memory, machines that nobody owns, running cells."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text, text

from bot.adapters.storage.tables.metadata import metadata
from bot.adapters.storage.types import UtcTime, Words

samples = Table(
    "samples",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("at", UtcTime, primary_key=True, index=True),
    Column("sample", Words, nullable=False),
)

idle = Table(
    "idle",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("memory", Text, nullable=False),
    Column("report", Words),
)

# Machines on the account that no open rental owns.
sightings = Table(
    "sightings",
    metadata,
    Column("contract", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("missing_since", UtcTime),
    Column("destroy_sent_at", UtcTime),
)

recordings = Table(
    "recordings",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
    Column("number", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("keeper", String(32), nullable=False, server_default=text("''")),
)
