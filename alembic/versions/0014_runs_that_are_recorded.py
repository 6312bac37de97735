"""Runs of cells whose output is kept until a notebook has it, over our own restarts.

Revision 0014, after 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_recordings_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_recordings")),
    )
    op.create_index(op.f("ix_recordings_rental_id"), "recordings", ["rental_id"])


def downgrade() -> None:
    op.drop_table("recordings")
