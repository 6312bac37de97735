"""The books, what Vast says of them, and the limits of a month."""

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
)

from bot.adapters.storage.tables.metadata import metadata, one_of
from bot.adapters.storage.types import Money, UtcTime, Words
from bot.domain.budgets import Scope
from bot.domain.ledger import Kind

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
    one_of("kind", Kind),
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

budgets = Table(  # append-only: the newest of a subject holds
    "budgets",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", String(8), primary_key=True),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("set_at", UtcTime, primary_key=True),
    Column("amount", Money),
    Column("set_by", BigInteger, nullable=False),
    one_of("scope", Scope),
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
    one_of("scope", Scope),
)
