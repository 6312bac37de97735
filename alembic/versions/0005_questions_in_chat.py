"""Letters beside the card, the newest verdict for people, and the team's policy.

Revision 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KINDS = (
    *("ask", "ask_lease", "remind", "ask_leads", "cancel", "blind", "blind_leads", "seen"),
    *("saved", "save_failed", "save_failed_leads"),
)


def upgrade() -> None:
    op.add_column("idle", sa.Column("report", sa.Text()))
    listed = ", ".join(f"'{kind}'" for kind in _KINDS)
    op.create_table(
        "letters",
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("id", sa.String(length=25), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("writing", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(f"kind IN ({listed})", name=op.f("ck_letters_kind")),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_letters_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_letters")),
        sa.UniqueConstraint("id", name=op.f("uq_letters_id")),
    )
    op.create_index(op.f("ix_letters_rental_id"), "letters", ["rental_id"])
    op.create_index(op.f("ix_letters_done_at"), "letters", ["done_at"])
    op.create_table(
        "policy",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_policy")),
    )


def downgrade() -> None:
    op.drop_table("policy")
    op.drop_table("letters")
    with op.batch_alter_table("idle") as batch:
        batch.drop_column("report")
