"""The tables, as the code sees them; `alembic/versions` is how a database gets them.

Values that are searched for, or that an audit asks for, are columns; what is only read back whole
(an offer, a wish) is JSON text, written by `wire.py`. Nothing is deleted with its parent: the
books, the events and the notices of a rental outlive every mistake.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

from bot.adapters.storage.types import Money, UtcTime, Words
from bot.domain.archives import ArchiveState
from bot.domain.budgets import Scope
from bot.domain.ledger import Kind
from bot.domain.letters import Kind as LetterKind
from bot.domain.lookouts import State as LookoutState
from bot.domain.rentals import Phase, Reason, State

# Every constraint has a name, or SQLite's batch migrations could not drop it.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, choices: type[StrEnum]) -> CheckConstraint:
    values = ", ".join(f"'{choice.value}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({values})", name=column)


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
    _one_of("state", State),
    _one_of("phase", Phase),
    _one_of("reason", Reason),
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
    _one_of("state", LookoutState),
    Index(None, "state"),
)

events = Table(
    "events",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("event", Words, nullable=False),
    _one_of("state", State),
)

ledger = Table(
    "ledger",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("contract", BigInteger, primary_key=True, autoincrement=False, server_default="0"),
    Column("kind", String(16), primary_key=True),
    Column("period_start", UtcTime, primary_key=True),
    Column("period_end", UtcTime, nullable=False),
    Column("amount", Money, nullable=False),
    Column("why", Words),
    Column("written_at", UtcTime, nullable=False),
    _one_of("kind", Kind),
    # Sums of a period read this alone.
    Index(None, "period_start", "rental_id", "contract", "kind", "amount"),
)

tabs = Table(
    "tabs",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("contract", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("ended_at", UtcTime, index=True),
    Column("tab", Text, nullable=False),
)

budgets = Table(  # append-only: the newest of a subject holds
    "budgets",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", String(8), primary_key=True),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("set_at", UtcTime, primary_key=True),
    Column("amount", Money),
    Column("set_by", BigInteger, nullable=False),
    _one_of("scope", Scope),
)

purses = Table(  # one row a server: locked while something is begun on its money
    "purses",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("begun", Integer, nullable=False),
)

rental_roles = Table(
    "rental_roles",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("role_id", BigInteger, primary_key=True, autoincrement=False),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("member_id", BigInteger, nullable=False),
    Column("amount", Money, nullable=False),
    Column("month", String(7), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("quote_id", String(32)),
    Column("decided_at", UtcTime),
    Column("decided_by", BigInteger),
    Column("approved", Boolean, nullable=False),
    CheckConstraint("decided_by IS NULL OR decided_by <> member_id", name="not_by_the_asker"),
    Index(None, "guild_id", "month"),
)

budget_marks = Table(
    "budget_marks",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", String(8), primary_key=True),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("month", String(7), primary_key=True),
    Column("percent", Integer, primary_key=True, autoincrement=False),
    Column("told_at", UtcTime, nullable=False),
    _one_of("scope", Scope),
)

bills = Table(
    "bills",
    metadata,
    Column("rental_id", ForeignKey("rentals.id"), primary_key=True),
    Column("contract", BigInteger, primary_key=True, autoincrement=False),
    Column("total", Money, nullable=False),
    Column("gpu", Money, nullable=False),
    Column("storage", Money, nullable=False),
    Column("download", Money, nullable=False),
    Column("upload", Money, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
)

notices = Table(
    "notices",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("id", String(25), nullable=False, unique=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("delivered_version", Integer, nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("first_tried_at", UtcTime),
    Column("delivered_at", UtcTime),
    Column("error", Words, nullable=False),
)

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

letters = Table(
    "letters",
    metadata,
    Column("key", String(96), primary_key=True),
    Column("id", String(25), nullable=False, unique=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("writing", Words, nullable=False),
    Column("written_at", UtcTime, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("shown", Text, nullable=False),
    Column("delivered_at", UtcTime),
    Column("done_at", UtcTime, index=True),
    Column("error", Words, nullable=False),
    _one_of("kind", LetterKind),
)

bulletins = Table(
    "bulletins",
    metadata,
    Column("key", String(96), primary_key=True),
    Column("id", String(25), nullable=False, unique=True),
    Column("bulletin", Words, nullable=False),
    Column("rental_id", ForeignKey("rentals.id"), index=True),
    Column("version", Integer, nullable=False),
    Column("shown_version", Integer, nullable=False),
    Column("told_at", UtcTime, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("shown_at", UtcTime),
    Column("error", Words, nullable=False),
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

# Clicks and commands that were carried out: Discord may bring one twice.
interactions = Table(
    "interactions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("taken_at", UtcTime, nullable=False, index=True),
)

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

recordings = Table(
    "recordings",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("rental_id", ForeignKey("rentals.id"), nullable=False, index=True),
    Column("number", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
)

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
    _one_of("state", ArchiveState),
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
