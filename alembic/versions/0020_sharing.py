"""Notebooks shared with teammates, ports with origins of their own, and people's SSH keys.

A ticket and the session it becomes are for one port (NULL is the notebook) and, where somebody else
than the owner enters, by one share.

Revision 0020, after 0018.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

_ENDINGS = ("revoked", "expired", "over", "left", "role", "replaced")


def upgrade() -> None:
    listed = ", ".join(f"'{ending}'" for ending in _ENDINGS)
    op.create_table(
        "shares",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("member_name", sa.Text(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("view_only", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_by", sa.BigInteger()),
        sa.Column("ending", sa.String(length=16)),
        sa.Column("tell_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"ending IN ({listed})", name=op.f("ck_shares_ending")),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_shares_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
    )
    op.create_index(op.f("ix_shares_rental_id"), "shares", ["rental_id"])
    op.create_index(op.f("ix_shares_member_id"), "shares", ["member_id"])
    op.create_index(op.f("ix_shares_tell_at"), "shares", ["tell_at"])
    op.create_index(
        "ix_shares_open",
        "shares",
        ["rental_id", "member_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    for table in ("tickets", "sessions"):
        op.add_column(table, sa.Column("port", sa.Integer()))
        op.add_column(table, sa.Column("share_id", sa.String(length=12)))
    op.create_table(
        "ssh_keys",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_ssh_keys")),
    )
    op.create_index(op.f("ix_ssh_keys_member_id"), "ssh_keys", ["member_id"])


def downgrade() -> None:
    op.drop_table("ssh_keys")
    # An older version would take them for the owner's way into the notebook.
    others = "port IS NOT NULL OR share_id IS NOT NULL"
    op.execute(f"DELETE FROM sessions WHERE {others}")
    op.execute(f"DELETE FROM tickets WHERE {others}")
    for table in ("sessions", "tickets"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("share_id")
            batch.drop_column("port")
    op.drop_table("shares")
