"""What was foreseen with a price; reports that were due.

Revision 0018, after 0017.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("quotes", "rentals"):
        op.add_column(table, sa.Column("prospect", sa.Text()))
    op.create_table(
        "reports",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('daily', 'weekly')", name=op.f("ck_reports_kind")),
        sa.PrimaryKeyConstraint("guild_id", "kind", "day", name=op.f("pk_reports")),
    )


def downgrade() -> None:
    op.drop_table("reports")
    for table in ("quotes", "rentals"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("prospect")
