"""What was tried before a machine was ready, hosts that failed, and wishes that wait.

Revision 0010, after 0005.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_PHASES = ("created", "opening")
_REASONS = ("no_path", "bad_image", "unanswered")
_STATES = ("draft", "open", "told", "rented", "expired", "cancelled")


def upgrade() -> None:
    with op.batch_alter_table("rentals") as batch:
        batch.add_column(
            sa.Column("replacing", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch.add_column(sa.Column("proposal", sa.Text()))
        batch.add_column(sa.Column("proposed_until", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("broken_since", sa.DateTime(timezone=True)))
    _choices({"phase": _words("phase") + _PHASES, "reason": _words("reason") + _REASONS})
    _tries()
    _grudges()
    _lookouts()


def downgrade() -> None:
    op.drop_table("lookouts")
    op.drop_table("grudges")
    op.drop_table("tries")
    _choices(
        {
            "phase": tuple(word for word in _words("phase") if word not in _PHASES),
            "reason": tuple(word for word in _words("reason") if word not in _REASONS),
        }
    )
    with op.batch_alter_table("rentals") as batch:
        for name in ("broken_since", "proposed_until", "proposal", "replacing"):
            batch.drop_column(name)


def _words(column: str) -> tuple[str, ...]:
    """The words a column's CHECK allows in this database, whichever revisions came before.

    PostgreSQL gives a CHECK back in words of its own; the quoted ones are the same everywhere.
    """
    checks = sa.inspect(op.get_bind()).get_check_constraints("rentals")
    (text,) = [one["sqltext"] for one in checks if one["name"] == f"ck_rentals_{column}"]
    return tuple(re.findall(r"'([a-z_]+)'", text))


def _choices(wanted: dict[str, tuple[str, ...]]) -> None:
    with op.batch_alter_table("rentals") as batch:
        for column, words in wanted.items():
            listed = ", ".join(f"'{word}'" for word in words)
            name = op.f(f"ck_rentals_{column}")
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, f"{column} IN ({listed})")


def _tries() -> None:
    op.create_table(
        "tries",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contract", sa.BigInteger()),
        sa.Column("machine_id", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("running_at", sa.DateTime(timezone=True)),
        sa.Column("gone_at", sa.DateTime(timezone=True)),
        sa.Column("gpu", sa.BigInteger(), nullable=False),
        sa.Column("storage", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "contract IS NULL OR gone_at IS NOT NULL", name=op.f("ck_tries_over_when_gone")
        ),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_tries_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", "number", name=op.f("pk_tries")),
    )


def _grudges() -> None:
    op.create_table(
        "grudges",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("contract", sa.BigInteger(), nullable=False),
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("host_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_grudges_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", "contract", name=op.f("pk_grudges")),
    )
    op.create_index(op.f("ix_grudges_at"), "grudges", ["at"])


def _lookouts() -> None:
    listed = ", ".join(f"'{state}'" for state in _STATES)
    op.create_table(
        "lookouts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("hours", sa.Integer()),
        sa.Column("restore_id", sa.String(length=32)),
        sa.Column("rents", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.Column("offer", sa.Text()),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("tell_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"state IN ({listed})", name=op.f("ck_lookouts_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookouts")),
    )
    op.create_index(op.f("ix_lookouts_state"), "lookouts", ["state"])
    op.create_index(op.f("ix_lookouts_tell_at"), "lookouts", ["tell_at"])
