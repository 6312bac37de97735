"""A rental's newest proven archive, and what is asked about archives.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATES = ("requested", "creating", "booting", "ready", "destroying", "closed")
_PHASES = ("renting", "loading", "connecting", "jupyter", "reachable")
_REASONS = (
    *("released", "cancelled", "no_offer", "refused", "failed_start", "too_slow", "price_rose"),
    *("no_ssh", "no_notebook", "vanished"),
)
_GIVEN_UP = (
    "state NOT IN ('destroying', 'closed') OR ready_at IS NULL OR waived_by IS NOT NULL"
    " OR coalesce(reason, '') = 'vanished'"
)
_SAVED = " OR (archive_id IS NOT NULL AND coalesce(proven_at >= released_at, false))"


def upgrade() -> None:
    with op.batch_alter_table("quotes") as batch:
        batch.add_column(sa.Column("restore_id", sa.String(length=32)))
    with op.batch_alter_table("rentals") as batch:
        batch.add_column(sa.Column("save_asked_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("archive_id", sa.String(length=32)))
        batch.add_column(sa.Column("proven_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("save_fails", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("restore_id", sa.String(length=32)))
        batch.add_column(sa.Column("restored_at", sa.DateTime(timezone=True)))
    _checks(
        states=(*_STATES, "archiving"),
        phases=(*_PHASES, "restoring"),
        reasons=(*_REASONS, "idle", "not_restored"),
        given_up=_GIVEN_UP + _SAVED,
    )


def downgrade() -> None:
    _checks(states=_STATES, phases=_PHASES, reasons=_REASONS, given_up=_GIVEN_UP)
    with op.batch_alter_table("quotes") as batch:
        batch.drop_column("restore_id")
    with op.batch_alter_table("rentals") as batch:
        for name in (
            *("restored_at", "restore_id", "save_fails", "proven_at", "archive_id"),
            "save_asked_at",
        ):
            batch.drop_column(name)


def _checks(
    *, states: tuple[str, ...], phases: tuple[str, ...], reasons: tuple[str, ...], given_up: str
) -> None:
    """Replace the CHECKs whose words have changed."""
    new = {
        "ck_rentals_state": f"state IN ({_listed(states)})",
        "ck_rentals_phase": f"phase IN ({_listed(phases)})",
        "ck_rentals_reason": f"reason IN ({_listed(reasons)})",
        "ck_rentals_work_given_up": given_up,
    }
    with op.batch_alter_table("rentals") as batch:
        for name, condition in new.items():
            batch.drop_constraint(op.f(name), type_="check")
            batch.create_check_constraint(op.f(name), condition)
    with op.batch_alter_table("events") as batch:
        batch.drop_constraint(op.f("ck_events_state"), type_="check")
        batch.create_check_constraint(op.f("ck_events_state"), new["ck_rentals_state"])


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
