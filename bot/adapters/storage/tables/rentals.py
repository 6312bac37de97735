"""Quotes, rentals and what happened to them: tries, hosts that failed, addresses, events."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from bot.adapters.storage.tables.metadata import metadata, one_of
from bot.adapters.storage.types import Money, UtcTime, Words
from bot.domain.rentals import Phase, Reason, State

quotes = Table(
    "quotes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("owner_name", Words, nullable=False),
    Column("name", Words),
    Column("wish", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("offer", Text, nullable=False),
    Column("hours", Integer),
    Column("made_at", UtcTime, nullable=False),
    Column("restore_id", String(32)),
    Column("moves_from", String(32)),
    Column("address", String(32)),
    Column("forecast", Text),
    Column("prospect", Text),
)

rentals = Table(
    "rentals",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("quote_id", ForeignKey("quotes.id"), nullable=False, unique=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    Column("owner_id", BigInteger, nullable=False),
    Column("owner_name", Words, nullable=False),
    Column("name", Words),
    Column("wish", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("offer", Text, nullable=False),
    Column("agreed_per_hour", Money, nullable=False),
    Column("hours", Integer),
    Column("requested_at", UtcTime, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("sent_at", UtcTime),
    Column("tried", Text, nullable=False),
    Column("contract", BigInteger),
    Column("machine_id", BigInteger),
    Column("rates", Text),
    Column("phase", String(16), nullable=False),
    Column("phase_at", UtcTime),
    Column("detail", Words, nullable=False),
    Column("created_at", UtcTime),
    Column("running_at", UtcTime),
    Column("ready_at", UtcTime),
    Column("missing_since", UtcTime),
    Column("host_key", Words),
    Column("addresses", Text, nullable=False),
    Column("note", Words, nullable=False),
    Column("reason", String(16)),
    Column("ended_by", BigInteger),
    Column("released_at", UtcTime),
    Column("waived_by", BigInteger),
    Column("destroyed_at", UtcTime),
    Column("absent_seen", Integer, nullable=False),
    Column("gone_at", UtcTime),
    Column("closed_at", UtcTime),
    Column("settled_until", UtcTime),
    Column("next_at", UtcTime),
    Column("fails", Integer, nullable=False),
    Column("save_asked_at", UtcTime),
    Column("archive_id", String(32)),
    Column("proven_at", UtcTime),
    Column("save_fails", Integer, nullable=False, server_default="0"),
    Column("restore_id", String(32)),
    Column("restored_at", UtcTime),
    Column("omens", Words, nullable=False, server_default="{}"),
    Column("adopted_at", UtcTime),
    Column("replacing", Boolean, nullable=False, server_default=false()),
    Column("proposal", Text),
    Column("proposed_until", UtcTime),
    Column("broken_since", UtcTime),
    Column("save_next_at", UtcTime),
    Column("held", Words, nullable=False, server_default=text("''")),
    Column("held_at", UtcTime),
    Column("save_allowed", String(16), nullable=False, server_default=text("''")),
    Column("ahead_id", String(32)),
    Column("ahead_at", UtcTime),
    Column("save_failed_at", UtcTime),
    # No foreign key: SQLite makes this table anew in migrations, and would have to refer to itself.
    Column("moves_from", String(32)),
    Column("cleared_at", UtcTime),
    Column("address", String(32)),
    Column("forecast", Text),
    Column("prospect", Text),
    one_of("state", State),
    one_of("phase", Phase),
    one_of("reason", Reason),
    # A machine somebody worked on is not ended without a proven archive, or a word about the work
    # on it. Coalesced because a CHECK lets NULL pass.
    CheckConstraint(
        "state NOT IN ('destroying', 'closed') OR ready_at IS NULL OR waived_by IS NOT NULL"
        " OR coalesce(reason, '') = 'vanished'"
        " OR (archive_id IS NOT NULL AND coalesce(proven_at >= released_at, false))",
        name="work_given_up",
    ),
    # Only being seen gone closes a rental that had a machine.
    CheckConstraint(
        "state <> 'closed' OR contract IS NULL OR gone_at IS NOT NULL",
        name="closed_when_gone",
    ),
    Index(None, "state"),
    # Of the open rentals: a number may come back with another account, or another sandbox.
    Index(
        None,
        "contract",
        unique=True,
        sqlite_where=text("state <> 'closed'"),
        postgresql_where=text("state <> 'closed'"),
    ),
    Index(None, "guild_id", "owner_id", "requested_at"),
    # One move of a rental at a time.
    Index(
        "uq_rentals_moves_from_open",
        "moves_from",
        unique=True,
        sqlite_where=text("moves_from IS NOT NULL AND state <> 'closed'"),
        postgresql_where=text("moves_from IS NOT NULL AND state <> 'closed'"),
    ),
)

# The names under which notebooks are reached, and whose machine answers there now. A name outlives
# the rental that brought it in: a restore and a move go on under it.
addresses = Table(
    "addresses",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
)

tries = Table(
    "tries",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("offer", Text, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("words", Words, nullable=False),
    Column("began_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Column("contract", BigInteger),
    Column("machine_id", BigInteger),
    Column("created_at", UtcTime),
    Column("running_at", UtcTime),
    Column("gone_at", UtcTime),
    Column("gpu", Money, nullable=False),
    Column("storage", Money, nullable=False),
    # As with a rental: only being seen gone ends a try that had a machine.
    CheckConstraint("contract IS NULL OR gone_at IS NOT NULL", name="over_when_gone"),
)

# Hosts that failed us. Rows are never changed; they are read as far back as memory shall go.
grudges = Table(
    "grudges",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("contract", BigInteger, primary_key=True),
    Column("machine_id", BigInteger, nullable=False),
    Column("host_id", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
)

events = Table(
    "events",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("event", Words, nullable=False),
    one_of("state", State),
)
