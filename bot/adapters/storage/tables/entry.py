"""Who may enter: tickets, sessions, shares, SSH keys and links to downloads."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from bot.adapters.storage.tables.metadata import metadata, one_of
from bot.adapters.storage.types import UtcTime, Words
from bot.domain.shares import Ending

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
    Column("port", Integer),  # NULL is the notebook
    Column("share_id", String(12)),  # NULL is the owner
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
    Column("port", Integer),
    Column("share_id", String(12)),
)

# One share of a rental with a member is open at a time.
_OPEN = text("ended_at IS NULL")

shares = Table(
    "shares",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, nullable=False, index=True),
    Column("member_name", Words, nullable=False),
    Column("by_id", BigInteger, nullable=False),
    Column("view_only", Boolean, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("ended_by", BigInteger),
    Column("ending", String(16)),
    Column("tell_at", UtcTime, index=True),
    Column("tries", Integer, nullable=False),
    one_of("ending", Ending),
    Index(
        "ix_shares_open",
        "rental_id",
        "member_id",
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
)

ssh_keys = Table(
    "ssh_keys",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("member_id", BigInteger, nullable=False, index=True),
    Column("line", Text, nullable=False),
    Column("comment", Words, nullable=False),
    Column("added_at", UtcTime, nullable=False),
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
