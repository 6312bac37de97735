"""Archives: one row a run, one run a rental at a time, committed only when proven.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "archives",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parent", sa.String(length=32)),
        sa.Column("proven_at", sa.DateTime(timezone=True)),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("manifest", sa.String(length=64), nullable=False),
        sa.Column("loses_work", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'committed', 'failed', 'deleted')",
            name=op.f("ck_archives_state"),
        ),
        sa.CheckConstraint(
            "state <> 'committed' OR (proven_at IS NOT NULL AND length(manifest) = 64)",
            name=op.f("ck_archives_proven"),
        ),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_archives_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archives")),
    )
    op.create_index(op.f("ix_archives_rental_id"), "archives", ["rental_id"])
    op.create_index(
        op.f("ix_archives_guild_id_owner_id_started_at"),
        "archives",
        ["guild_id", "owner_id", "started_at"],
    )
    op.create_index(
        "uq_archives_rental_id_running",
        "archives",
        ["rental_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )


def downgrade() -> None:
    op.drop_table("archives")
