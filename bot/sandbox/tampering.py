"""Faults in what is shown of a machine: rows that lie, lack something, or say it oddly."""

from __future__ import annotations

from bot.sandbox.contracts import Contract
from bot.sandbox.faults import Faults
from bot.sandbox.offers import Row

_LACKING = ("actual_status", "intended_status", "cur_state", "dph_base", "storage_cost")


def hidden(faults: Faults, contract: Contract, *, by_number: bool) -> bool:
    """Whether a living machine is kept back from this answer."""
    name = "null_by_number" if by_number else "not_listed"
    return faults.take(name, contract.facts()) is not None


def tampered(faults: Faults, contract: Contract, row: Row) -> Row:
    """The row as the faults in force show it."""
    facts = contract.facts()
    if (strange := faults.take("unknown_state", facts)) is not None:
        row = {**row, "actual_status": str(strange["state"])}
    if faults.take("negative_price", facts) is not None:
        row = {**row, "dph_base": -abs(row["dph_base"]), "dph_total": -abs(row["dph_total"])}
    if faults.take("missing_fields", facts) is not None:
        row = {name: value for name, value in row.items() if name not in _LACKING}
    if faults.take("text_numbers", facts) is not None:
        row = {name: _as_text(value) for name, value in row.items()}
    return row


def _as_text(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value
