"""What is to be said in the chat, and what was: cards, letters, bulletins, interactions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from bot.adapters.storage.tables.metadata import metadata, one_of
from bot.adapters.storage.types import UtcTime, Words
from bot.domain.letters import Kind as LetterKind

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
    one_of("kind", LetterKind),
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

# Clicks and commands that were carried out: Discord may bring one twice.
interactions = Table(
    "interactions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("taken_at", UtcTime, nullable=False, index=True),
)
