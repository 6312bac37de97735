"""Archives that are tried again, asked about, made ahead of any end and kept longer.

Revision 0008, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KINDS = (
    *("ask", "ask_lease", "remind", "ask_leads", "cancel", "blind", "blind_leads", "seen"),
    *("saved", "save_failed", "save_failed_leads"),
)
_NEW = ("too_large", "too_large_leads", "ahead_failed", "expires", "expires_soon", "vanished")


def upgrade() -> None:
    with op.batch_alter_table("rentals") as batch:
        batch.add_column(sa.Column("save_next_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("held", sa.Text(), nullable=False, server_default=sa.text("''")))
        batch.add_column(sa.Column("held_at", sa.DateTime(timezone=True)))
        batch.add_column(
            sa.Column(
                "save_allowed", sa.String(length=16), nullable=False, server_default=sa.text("''")
            )
        )
        batch.add_column(sa.Column("ahead_id", sa.String(length=32)))
        batch.add_column(sa.Column("ahead_at", sa.DateTime(timezone=True)))
    with op.batch_alter_table("archives") as batch:
        batch.add_column(sa.Column("keep_until", sa.DateTime(timezone=True)))
    _kinds((*_KINDS, *_NEW))


def downgrade() -> None:
    new = ", ".join(f"'{kind}'" for kind in _NEW)
    op.execute(sa.text(f"DELETE FROM letters WHERE kind IN ({new})"))
    _kinds(_KINDS)
    with op.batch_alter_table("archives") as batch:
        batch.drop_column("keep_until")
    with op.batch_alter_table("rentals") as batch:
        for name in ("ahead_at", "ahead_id", "save_allowed", "held_at", "held", "save_next_at"):
            batch.drop_column(name)


def _kinds(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("letters") as batch:
        batch.drop_constraint(op.f("ck_letters_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_letters_kind"), f"kind IN ({listed})")
