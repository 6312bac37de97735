"""Who may enter: tickets, sessions and links to downloads."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from bot.adapters.storage.tables.metadata import metadata
from bot.adapters.storage.types import UtcTime

tickets = Table(
    "tickets",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
    Column("member_id", BigInteger, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("spent_at", UtcTime),
    Column("revoked_at", UtcTime),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("ticket", ForeignKey("tickets.digest"), nullable=False, unique=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
    Column("member_id", BigInteger, nullable=False),
    Column("began_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

downloads = Table(
    "downloads",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("archive_id", ForeignKey("archives.id"), nullable=False, index=True),
    Column("path", Text),  # hexadecimal, for names are bytes; NULL is the whole archive
    Column("member_id", BigInteger, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("spent_at", UtcTime),
)
