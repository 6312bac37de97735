"""The receipt of a rental.

Revision 0017, after 0014.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None

_NEW = ("receipt",)


def upgrade() -> None:
    _kinds((*_known(), *_NEW))


def downgrade() -> None:
    listed = ", ".join(f"'{kind}'" for kind in _NEW)
    op.execute(f"DELETE FROM letters WHERE kind IN ({listed})")
    _kinds(tuple(kind for kind in _known() if kind not in _NEW))


def _known() -> tuple[str, ...]:
    """Those that this database allows, whichever revisions came before."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("letters")
    (text,) = [one["sqltext"] for one in checks if one["name"] == "ck_letters_kind"]
    return tuple(re.findall(r"'([a-z_]+)'", text))


def _kinds(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("letters") as batch:
        batch.drop_constraint(op.f("ck_letters_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_letters_kind"), f"kind IN ({listed})")
