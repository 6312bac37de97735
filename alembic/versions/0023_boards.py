"""Boards: the one message of a channel that says what the team runs.

Revision 0023, after 0020.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "boards",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=25), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("put_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("earlier_id", sa.BigInteger()),
        sa.Column("machines", sa.String(length=64), nullable=False),
        sa.Column("figures", sa.String(length=64), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True)),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_boards")),
        sa.UniqueConstraint("id", name=op.f("uq_boards_id")),
    )


def downgrade() -> None:
    op.drop_table("boards")
