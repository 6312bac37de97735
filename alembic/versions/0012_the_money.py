"""Entries by machine, of all five kinds; tabs of machines, Vast's bills for them, and budgets.

A wish that waits for a machine says whose budgets it counts for.

Revision 0012, after 0011.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OLD = ("gpu", "storage")
_KINDS = (*_OLD, "download", "upload", "adjustment")
_MONEY_LETTERS = ("bill_leads", "budget", "budget_leads")
_SUMS = ["period_start", "rental_id", "contract", "kind", "amount"]
_SUMS_INDEX = "ix_ledger_period_start_rental_id_contract_kind_amount"


def upgrade() -> None:
    with op.batch_alter_table("ledger") as batch:
        batch.add_column(sa.Column("contract", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("why", sa.Text()))
    _keys(("rental_id", "contract", "kind", "period_start"), _KINDS)
    op.create_index(op.f(_SUMS_INDEX), "ledger", _SUMS)
    _tabs()
    _bills()
    _budgets()
    _requests()
    _letters((*_letter_kinds(), *_MONEY_LETTERS))
    op.add_column("lookouts", sa.Column("role_ids", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    with op.batch_alter_table("lookouts") as batch:
        batch.drop_column("role_ids")
    listed = ", ".join(f"'{kind}'" for kind in _MONEY_LETTERS)
    op.execute(f"DELETE FROM letters WHERE kind IN ({listed})")
    _letters(tuple(kind for kind in _letter_kinds() if kind not in _MONEY_LETTERS))
    for table in ("budget_marks", "grants", "rental_roles", "purses", "budgets", "bills"):
        op.drop_table(table)
    op.drop_table("tabs")
    op.drop_index(op.f(_SUMS_INDEX), table_name="ledger")
    # The older books know two kinds, and one machine a rental.
    op.execute("DELETE FROM ledger WHERE kind NOT IN ('gpu', 'storage')")
    op.execute(
        "DELETE FROM ledger WHERE EXISTS (SELECT 1 FROM ledger AS one"
        " WHERE one.rental_id = ledger.rental_id AND one.kind = ledger.kind"
        " AND one.period_start = ledger.period_start AND one.contract < ledger.contract)"
    )
    _keys(("rental_id", "kind", "period_start"), _OLD)
    with op.batch_alter_table("ledger") as batch:
        batch.drop_column("why")
        batch.drop_column("contract")


def _keys(columns: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("ledger") as batch:
        batch.drop_constraint(op.f("ck_ledger_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_ledger_kind"), f"kind IN ({listed})")
        batch.drop_constraint(op.f("pk_ledger"), type_="primary")
        batch.create_primary_key(op.f("pk_ledger"), list(columns))


def _letter_kinds() -> tuple[str, ...]:
    """Those that this database allows, whichever revisions came before."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("letters")
    (text,) = [one["sqltext"] for one in checks if one["name"] == "ck_letters_kind"]
    return tuple(re.findall(r"'([a-z_]+)'", text))


def _letters(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("letters") as batch:
        batch.drop_constraint(op.f("ck_letters_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_letters_kind"), f"kind IN ({listed})")


def _tabs() -> None:
    op.create_table(
        "tabs",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("contract", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("tab", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_tabs_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", "contract", name=op.f("pk_tabs")),
    )
    op.create_index(op.f("ix_tabs_ended_at"), "tabs", ["ended_at"])


def _bills() -> None:
    amounts = ("total", "gpu", "storage", "download", "upload")
    op.create_table(
        "bills",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("contract", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in amounts),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_bills_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", "contract", name=op.f("pk_bills")),
    )


def _budgets() -> None:
    scope = "scope IN ('team', 'role', 'member')"
    op.create_table(
        "budgets",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("set_by", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(scope, name=op.f("ck_budgets_scope")),
        sa.PrimaryKeyConstraint(
            "guild_id", "scope", "subject_id", "set_at", name=op.f("pk_budgets")
        ),
    )
    op.create_table(
        "purses",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_purses")),
    )
    op.create_table(
        "budget_marks",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("percent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(scope, name=op.f("ck_budget_marks_scope")),
        sa.PrimaryKeyConstraint(
            *("guild_id", "scope", "subject_id", "month", "percent"), name=op.f("pk_budget_marks")
        ),
    )


def _requests() -> None:
    op.create_table(
        "rental_roles",
        sa.Column("rental_id", sa.String(length=32), nullable=False),
        sa.Column("role_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["rental_id"], ["rentals.id"], name=op.f("fk_rental_roles_rental_id_rentals")
        ),
        sa.PrimaryKeyConstraint("rental_id", "role_id", name=op.f("pk_rental_roles")),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quote_id", sa.String(length=32)),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> member_id",
            name=op.f("ck_grants_not_by_the_asker"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_guild_id_month"), "grants", ["guild_id", "month"])
