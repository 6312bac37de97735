"""The first tables: quotes, rentals and their events, the books, the outbox, the doors.

Revision 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _quotes()
    _rentals()
    _events()
    _ledger()
    _notices()
    _tickets()
    _sessions()


def downgrade() -> None:
    for table in ("sessions", "tickets", "notices", "ledger", "events", "rentals", "quotes"):
        op.drop_table(table)


def _quotes() -> None:
    op.create_table(
        "quotes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("hours", sa.Integer()),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotes")),
    )


def _rentals() -> None:
    op.create_table(
        "rentals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("quote_id", sa.String(length=32), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("agreed_per_hour", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.Integer()),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("tried", sa.Text(), nullable=False),
        sa.Column("contract", sa.BigInteger()),
        sa.Column("machine_id", sa.BigInteger()),
        sa.Column("rates", sa.Text()),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("phase_at", sa.DateTime(timezone=True)),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("running_at", sa.DateTime(timezone=True)),
        sa.Column("ready_at", sa.DateTime(timezone=True)),
        sa.Column("missing_since", sa.DateTime(timezone=True)),
        sa.Column("host_key", sa.Text()),
        sa.Column("addresses", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=16)),
        sa.Column("ended_by", sa.BigInteger()),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.Column("waived_by", sa.BigInteger()),
        sa.Column("destroyed_at", sa.DateTime(timezone=True)),
        sa.Column("absent_seen", sa.Integer(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("settled_until", sa.DateTime(timezone=True)),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("fails", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "phase IN ('renting', 'loading', 'connecting', 'jupyter', 'reachable')",
            name=op.f("ck_rentals_phase"),
        ),
        sa.CheckConstraint(
            "reason IN ('released', 'cancelled', 'no_offer', 'refused', 'failed_start',"
            " 'price_rose', 'too_slow', 'no_ssh', 'no_notebook', 'vanished')",
            name=op.f("ck_rentals_reason"),
        ),
        sa.CheckConstraint(
            "state <> 'closed' OR contract IS NULL OR gone_at IS NOT NULL",
            name=op.f("ck_rentals_closed_when_gone"),
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'creating', 'booting', 'ready', 'destroying', 'closed')",
            name=op.f("ck_rentals_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('destroying', 'closed') OR ready_at IS NULL OR waived_by IS NOT NULL"
            " OR coalesce(reason, '') = 'vanished'",
            name=op.f("ck_rentals_work_given_up"),
        ),
        sa.ForeignKeyConstraint(
            ["quote_id"], ["quotes.id"], name=op.f("fk_rentals_quote_id_quotes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rentals")),
        sa.UniqueConstraint("quote_id", name=op.f("uq_rentals_quote_id")),
    )
    op.create_index(
        op.f("ix_rentals_contract"),
        "rentals",
        ["contract"],
        unique=True,
        sqlite_where=sa.text("state <> 'closed'"),
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index(
        op.f("ix_rentals_guild_id_owner_id_requested_at"),
        "rentals",
        ["guild_id", "owner_id", "requested_at"],
    )
    op.create_index(op.f("ix_rentals_state"), "rentals", ["state"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('requested', 'creating', 'booting', 'ready', 'destroying', 'closed')",
            name=op.f("ck_events_state"),
        ),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_events_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", "version", name=op.f("pk_events")),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('gpu', 'storage')", name=op.f("ck_ledger_kind")),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_ledger_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", "kind", "period_start", name=op.f("pk_ledger")),
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=25), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("delivered_version", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_tried_at", sa.DateTime(timezone=True)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_notices_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notices")),
        sa.UniqueConstraint("id", name=op.f("uq_notices_id")),
    )
    op.create_index(op.f("ix_notices_rental_id"), "notices", ["rental_id"])


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_tickets_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tickets")),
    )
    op.create_index(op.f("ix_tickets_rental_id"), "tickets", ["rental_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("ticket", sa.String(length=64), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_sessions_rental_id_rentals")
        ),
        sa.ForeignKeyConstraint(
            ["ticket"], ["tickets.digest"], name=op.f("fk_sessions_ticket_tickets")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
        sa.UniqueConstraint("ticket", name=op.f("uq_sessions_ticket")),
    )
    op.create_index(op.f("ix_sessions_rental_id"), "sessions", ["rental_id"])
