"""Frozen dataclasses as JSON text, by their own types, and back.

For values that are only ever read back whole. Text written by an older version must stay readable:
a field that is added later needs a default, one that was taken away is passed over.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def text_of(value: object) -> str:
    """JSON text; fields that hold their default are left out."""
    return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)


def read(kind: type[T], text: str) -> T:
    """The dataclass of that type which the text holds."""
    made = _made(kind, json.loads(text))
    assert isinstance(made, kind)
    return made


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        held = {field: getattr(value, field.name) for field in fields(value)}
        return {
            field.name: _plain(part)
            for field, part in held.items()
            if field.default is MISSING or part != field.default
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):  # or a datetime, which is one
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def _made(kind: Any, data: Any) -> Any:
    """A value of a type as it may be written in a dataclass of ours."""
    if isinstance(kind, UnionType):
        if data is None:
            return None
        return _made(next(part for part in get_args(kind) if part is not NoneType), data)
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        if parts[-1] is Ellipsis:
            return tuple(_made(parts[0], each) for each in data)
        return tuple(_made(part, each) for part, each in zip(parts, data, strict=True))
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(
            **{name: _made(hints[name], part) for name, part in data.items() if name in hints}
        )
    if kind is datetime:
        return datetime.fromisoformat(data)
    if kind is date:
        return date.fromisoformat(data)
    if kind is float:
        return float(data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    return data


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
