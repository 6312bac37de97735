"""What several processes of one installation tell each other through rows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from bot.adapters.storage.tables.metadata import metadata
from bot.adapters.storage.types import UtcTime, Words

# Bellhop's own keys, sealed with the installation's secret.
house_keys = Table(
    "house_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("made_at", UtcTime, nullable=False),
)

processes = Table(
    "processes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("address", Words, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)

# Where each notebook listens on its machine; the worker writes it, relays read it.
routes = Table(
    "routes",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("target", Text, nullable=False),
    Column("token", Text, nullable=False),
)

# What each relay carried; relays write it, the worker reads it.
traffic = Table(
    "traffic",
    metadata,
    Column("process_id", String(32), primary_key=True),
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("human_at", UtcTime),
    Column("bytes", BigInteger, nullable=False),
    Column("kept", Text, nullable=False),
)
