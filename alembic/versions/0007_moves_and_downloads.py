"""Moves from machine to machine, addresses that outlive a rental, links to downloads.

Revision 0007, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

_PHASES = ("renting", "loading", "connecting", "jupyter", "reachable", "restoring")
_REASONS = (
    *("released", "cancelled", "no_offer", "refused", "failed_start", "too_slow", "price_rose"),
    *("no_ssh", "no_notebook", "vanished", "idle", "not_restored"),
)
_OPEN_MOVE = sa.text("moves_from IS NOT NULL AND state <> 'closed'")


def upgrade() -> None:
    for table in ("quotes", "rentals"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("moves_from", sa.String(length=32)))
            batch.add_column(sa.Column("address", sa.String(length=32)))
            batch.add_column(sa.Column("forecast", sa.Text()))
    with op.batch_alter_table("rentals") as batch:
        batch.add_column(sa.Column("save_failed_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("cleared_at", sa.DateTime(timezone=True)))
    _checks(phases=(*_PHASES, "switching"), reasons=(*_REASONS, "moved", "not_moved"))
    op.create_index(
        op.f("uq_rentals_moves_from_open"),
        "rentals",
        ["moves_from"],
        unique=True,
        sqlite_where=_OPEN_MOVE,
        postgresql_where=_OPEN_MOVE,
    )
    op.create_table(
        "addresses",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_addresses_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_addresses")),
    )
    op.create_index(op.f("ix_addresses_rental_id"), "addresses", ["rental_id"])
    op.execute("INSERT INTO addresses (name, rental_id) SELECT id, id FROM rentals")
    op.create_table(
        "downloads",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("archive_id", sa.String(length=32), nullable=False),
        sa.Column("path", sa.Text()),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["archive_id"], ["archives.id"], name=op.f("fk_downloads_archive_id_archives")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_downloads")),
    )
    op.create_index(op.f("ix_downloads_archive_id"), "downloads", ["archive_id"])


def downgrade() -> None:
    op.drop_table("downloads")
    op.drop_table("addresses")
    op.drop_index(op.f("uq_rentals_moves_from_open"), "rentals")
    # What the older version has no word for: the nearest one that it knows.
    op.execute("UPDATE rentals SET phase = 'restoring' WHERE phase = 'switching'")
    op.execute("UPDATE rentals SET reason = 'released' WHERE reason = 'moved'")
    op.execute("UPDATE rentals SET reason = 'not_restored' WHERE reason = 'not_moved'")
    _checks(phases=_PHASES, reasons=_REASONS)
    for table in ("quotes", "rentals"):
        with op.batch_alter_table(table) as batch:
            for name in ("forecast", "address", "moves_from"):
                batch.drop_column(name)
    with op.batch_alter_table("rentals") as batch:
        for name in ("cleared_at", "save_failed_at"):
            batch.drop_column(name)


def _checks(*, phases: tuple[str, ...], reasons: tuple[str, ...]) -> None:
    """Replace the CHECKs whose words have changed."""
    with op.batch_alter_table("rentals") as batch:
        for name, words in (("phase", phases), ("reason", reasons)):
            listed = ", ".join(f"'{word}'" for word in words)
            batch.drop_constraint(op.f(f"ck_rentals_{name}"), type_="check")
            batch.create_check_constraint(op.f(f"ck_rentals_{name}"), f"{name} IN ({listed})")
