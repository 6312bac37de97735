"""Vast's query language over rows: columns with operators, orders, limits, virtual columns.

One filter language serves the offers and, over fewer columns, the list of instances. Numbers may
arrive as strings (the CLI sends them so) and are compared as numbers where the column holds one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.offers import Row, driver_number
from bot.sandbox.refusal import Refusal, invalid

MAX_OFFERS = 64  # however high the asked limit is (observed in 2026)
DEFAULT_STORAGE_GB = 5.0

Filters = Mapping[str, Mapping[str, Any]]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_OPERATORS = frozenset({"eq", "neq", "in", "notin", *_COMPARE})
_ALIASES = {
    "reliability2": "reliability",
    "dphtotal": "dph_total",
    "gpu_totalram": "gpu_total_ram",
    "ubuntu_version": "os_version",
    "driver_version": "driver_vers",
    "target_reliability": "expected_reliability",
    "allocated_storage": "disk_space",
}
_THOUSANDS = {"gpu_totalram_GB": "gpu_total_ram", "cpu_ram_GB": "cpu_ram", "gpu_ram_GB": "gpu_ram"}
_VIRTUAL = frozenset({"verified", "datacenter", *_ALIASES, *_THOUSANDS})
_TYPES = {
    "on-demand": False,
    "ondemand": False,
    "reserved": False,
    "bid": True,
    "interruptible": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    filters: Filters
    order: tuple[tuple[str, bool], ...]  # column, descending
    bid: bool
    limit: int
    storage_gb: float
    rented_too: bool


def parse(body: Mapping[str, Any], columns: frozenset[str]) -> Query:
    """The body of a search. Raises Refusal, naming the field, for one that Vast does not know."""
    rest = dict(body)
    kind = rest.pop("type", "on-demand")
    if kind not in _TYPES:
        raise invalid(f"type {kind!r} is not one of {', '.join(_TYPES)}")
    order = tuple(_order(entry, columns) for entry in rest.pop("order", [["score", "desc"]]))
    limit = int(number(rest.pop("limit", MAX_OFFERS), "limit"))
    rest.pop("disable_bundling", None)
    storage = DEFAULT_STORAGE_GB
    if not isinstance(rest.get("allocated_storage"), Mapping):
        storage = number(rest.pop("allocated_storage", storage), "allocated_storage")
    filters = check_filters(rest, columns | _VIRTUAL)
    return Query(
        filters=filters,
        order=order,
        bid=_TYPES[kind],
        limit=max(1, min(limit, MAX_OFFERS)),
        storage_gb=storage,
        rented_too=_asks(filters, "rented", True) or _asks(filters, "rentable", False),
    )


def find(rows: Iterable[Row], query: Query) -> list[Row]:
    """The rows that fit, in the asked order.

    By `id` Vast finds nothing; `ask_contract_id` is the column to ask for (observed in 2026).
    """
    if "id" in query.filters:
        return []
    fitting = [row for row in rows if matches(row, query.filters)]
    return ordered(fitting, query.order)[: query.limit]


def matches(row: Row, filters: Filters) -> bool:
    return all(
        _holds(name, value, found)
        for column, tests in filters.items()
        for found in [_value(row, column)]
        for name, value in _wanted(column, tests).items()
    )


def ordered(rows: Sequence[Row], order: Iterable[tuple[str, bool]]) -> list[Row]:
    """Sorted by the first column, then the next; nulls come last either way."""
    result = list(rows)
    for column, descending in reversed(tuple(order)):
        present = [row for row in result if row.get(column) is not None]
        absent = [row for row in result if row.get(column) is None]
        present.sort(key=lambda row: row[column], reverse=descending)
        result = present + absent
    return result


def check_filters(filters: object, columns: frozenset[str]) -> Filters:
    """Raises Refusal for unknown columns and operators, and for filters that are no objects."""
    if not isinstance(filters, Mapping):
        raise Refusal(400, "bad_request", "q: Input should be a valid dictionary")
    for column, tests in filters.items():
        if column not in columns:
            raise invalid(f"unknown field {column!r}")
        if not isinstance(tests, Mapping):
            raise Refusal(400, "bad_request", f"q.{column}: Input should be a valid dictionary")
        for name, value in tests.items():
            if name not in _OPERATORS:
                raise invalid(f"unknown operator {name!r} for {column}")
            if name in ("in", "notin") and not isinstance(value, list):
                raise invalid(f"{column} {name} needs a list")
    return filters


def number(value: object, name: str) -> float:
    """A number that may be written as a string. Raises Refusal."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise invalid(f"{name} is not a number: {value!r}") from None


def _order(entry: object, columns: frozenset[str]) -> tuple[str, bool]:
    column, direction = entry if isinstance(entry, list) and len(entry) == 2 else (entry, "asc")
    column = _ALIASES.get(str(column), str(column))
    if column not in columns or direction not in ("asc", "desc"):
        raise invalid(f"order {entry!r} cannot be used")
    return column, direction == "desc"


def _asks(filters: Filters, column: str, wanted: bool) -> bool:
    tests = filters.get(column, {})
    return "eq" in tests and _truth(tests["eq"]) is wanted


def _value(row: Row, column: str) -> Any:
    """The row's value for a column or virtual column."""
    match column:
        case "verified":
            return row["verification"] == "verified"
        case "datacenter":
            return row["hosting_type"] == 1
        case "geolocation":
            return row["geolocation"].rsplit(",", 1)[-1].strip()
        case "gpu_name":
            return row["gpu_name"].replace("_", " ")
        case "cpu_ram" | "cpu_ram_GB":
            return row["cpu_ram"] * row["gpu_frac"]
    return row.get(_THOUSANDS.get(column, _ALIASES.get(column, column)))


def _wanted(column: str, tests: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is asked for, in the unit and spelling of the row."""
    if column in _THOUSANDS:
        return {name: number(value, column) * 1000 for name, value in tests.items()}
    if column == "gpu_name":
        return {name: _spaces(value) for name, value in tests.items()}
    if column == "driver_version":
        return {name: _driver(value) for name, value in tests.items()}
    if column in ("allocated_storage", "target_reliability"):
        return {"gte" if name == "eq" else name: value for name, value in tests.items()}
    return tests


def _holds(name: str, wanted: Any, found: Any) -> bool:
    if name == "in":
        return any(_same(found, each) for each in wanted)
    if name == "notin":
        return not any(_same(found, each) for each in wanted)
    if name == "eq":
        return _same(found, wanted)
    if name == "neq":
        return not _same(found, wanted)
    if found is None or wanted is None:
        return False
    if isinstance(found, int | float):
        return _COMPARE[name](found, number(wanted, name))
    return _COMPARE[name](str(found), str(wanted))


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, str):
        return found == str(wanted)
    if isinstance(found, bool) or _truth(wanted) is not None:
        return bool(found) is bool(_truth(wanted))
    if isinstance(found, int | float) and wanted is not None:
        return abs(found - number(wanted, "value")) < 1e-9
    return bool(found == wanted)


def _truth(value: Any) -> bool | None:
    """A boolean, also as the CLI's and the exporters' strings; None for anything else."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _spaces(value: Any) -> Any:
    if isinstance(value, list):
        return [_spaces(each) for each in value]
    return value.replace("_", " ") if isinstance(value, str) else value


def _driver(value: Any) -> Any:
    return driver_number(value) if isinstance(value, str) and value.count(".") else value
