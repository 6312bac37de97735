"""Looks at machines, and what the idle verdict remembers of each.

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_samples_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", "at", name=op.f("pk_samples")),
    )
    op.create_index(op.f("ix_samples_at"), "samples", ["at"])
    op.create_table(
        "idle",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_idle_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", name=op.f("pk_idle")),
    )


def downgrade() -> None:
    op.drop_table("idle")
    op.drop_table("samples")
