"""What several processes tell each other: who is there, ways to notebooks, what a relay carried.

Revision 0024, after 0023.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "house_keys",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_house_keys")),
    )
    op.create_table(
        "processes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_table(
        "routes",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_routes_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", name=op.f("pk_routes")),
    )
    op.create_table(
        "traffic",
        sa.Column("process_id", sa.String(length=32), nullable=False),
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("human_at", sa.DateTime(timezone=True)),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_traffic_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("process_id", "rental_id", name=op.f("pk_traffic")),
    )
    op.add_column(
        "recordings",
        sa.Column("keeper", sa.String(length=32), nullable=False, server_default=sa.text("''")),
    )


def downgrade() -> None:
    with op.batch_alter_table("recordings") as batch:
        batch.drop_column("keeper")
    op.drop_table("traffic")
    op.drop_table("routes")
    op.drop_table("processes")
    op.drop_table("house_keys")
