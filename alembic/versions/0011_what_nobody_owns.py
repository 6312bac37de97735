"""What nobody owns, what has changed outside, and which clicks were carried out.

`sightings` are machines on the account without a rental, `bulletins` what is told of them and of
other things to the leads, `interactions` the commands and clicks that were taken. A rental holds
the signs about its machine (`omens`) and when it was taken in by the sweep (`adopted_at`).

Revision 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rentals", sa.Column("omens", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("rentals", sa.Column("adopted_at", sa.DateTime(timezone=True)))
    op.create_table(
        "bulletins",
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("id", sa.String(length=25), nullable=False),
        sa.Column("bulletin", sa.Text(), nullable=False),
        sa.Column("rental_id", sa.String(length=32)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("shown_version", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("shown_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_bulletins_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_bulletins")),
        sa.UniqueConstraint("id", name=op.f("uq_bulletins_id")),
    )
    op.create_index(op.f("ix_bulletins_rental_id"), "bulletins", ["rental_id"])
    op.create_table(
        "sightings",
        sa.Column("contract", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("missing_since", sa.DateTime(timezone=True)),
        sa.Column("destroy_sent_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("contract", name=op.f("pk_sightings")),
    )
    op.create_table(
        "interactions",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interactions")),
    )
    op.create_index(op.f("ix_interactions_taken_at"), "interactions", ["taken_at"])


def downgrade() -> None:
    op.drop_table("interactions")
    op.drop_table("sightings")
    op.drop_table("bulletins")
    with op.batch_alter_table("rentals") as batch:
        batch.drop_column("adopted_at")
        batch.drop_column("omens")
