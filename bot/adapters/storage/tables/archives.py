"""The archives."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    text,
)

from bot.adapters.storage.tables.metadata import metadata, one_of
from bot.adapters.storage.types import UtcTime, Words
from bot.domain.archives import ArchiveState

archives = Table(
    "archives",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("name", Words, nullable=False),
    Column("state", String(16), nullable=False),
    Column("root", Words, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("touched_at", UtcTime, nullable=False),
    Column("parent", String(32)),  # no foreign key: the parent may be deleted before its child
    Column("proven_at", UtcTime),
    Column("entries", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("manifest", String(64), nullable=False),
    Column("loses_work", Boolean, nullable=False),
    Column("error", Words, nullable=False),
    Column("keep_until", UtcTime),
    one_of("state", ArchiveState),
    # What counts as an archive was proven, and its manifest is known by its digest.
    CheckConstraint(
        "state <> 'committed' OR (proven_at IS NOT NULL AND length(manifest) = 64)",
        name="proven",
    ),
    Index(None, "guild_id", "owner_id", "started_at"),
    # One run a rental at a time.
    Index(
        "uq_archives_rental_id_running",
        "rental_id",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)
