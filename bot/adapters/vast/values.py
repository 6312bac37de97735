"""Single values as Vast writes them: numbers that may be strings, epochs, texts with newlines.

Every function answers None (or an empty text) for what cannot be read; what that means is for
`wire.py` to say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# No id, size or price of Vast's comes near; an int of "1e999999" would fill the memory.
_DIGITS = 18

Row = Mapping[str, object]
"""A JSON object, numbers with a point as Decimal."""


def parse(raw: bytes) -> object:
    """JSON with exact decimals. Raises ValueError for what is none, NaN and Infinity included."""
    try:
        value: object = json.loads(raw, parse_float=Decimal, parse_constant=_no_number)
        return value
    except (RecursionError, InvalidOperation) as error:
        raise ValueError(f"no JSON we can hold: {type(error).__name__}") from error


def number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        found = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    if found.is_zero():
        return Decimal(0)
    return found if found.is_finite() and abs(found.adjusted()) <= _DIGITS else None


def integer(value: object) -> int | None:
    """A whole number; 12.0 and "12" are 12, 12.5 is none."""
    found = number(value)
    return int(found) if found is not None and found == found.to_integral_value() else None


def text(value: object) -> str:
    """A text on one line without blanks at its ends; empty for anything else."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def moment(value: object) -> datetime | None:
    """Seconds since 1970 as aware UTC."""
    seconds = number(value)
    span = None if seconds is None else seconds_span(seconds)
    try:
        return None if span is None or span <= timedelta(0) else EPOCH + span
    except OverflowError:
        return None


def seconds_span(seconds: Decimal) -> timedelta | None:
    try:
        return timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        return None


def _no_number(word: str) -> object:
    raise ValueError(f"no JSON number: {word}")
