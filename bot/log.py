"""Logging: one line an event, ids bound once, secrets kept out.

The filter that hides secrets is the second lock; the first is not to log them.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import UTC, datetime

_BOUND: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("bound", default=())

_SECRETS = re.compile(
    r"(?i)(bearer\s+|token[=:\s\"']+|api_key[=:\s\"']+|/-/ticket/)[A-Za-z0-9._~+/-]{6,}=*"
)

_THROWS_AWAY = "sqlalchemy.pool"
"""It logs a connection that broke while it lay there or was given back, with a trace though nothing
is lost: whoever was using it gets an error, and the next one another connection."""


def bound(**ids: object) -> AbstractContextManager[None]:
    """Add ids (`rental`, `person`, `step`) to every line logged inside."""
    return _Bound(ids)


class _Bound:
    """By hand and not by `contextlib`: every request of the relay enters one."""

    __slots__ = ("_ids", "_token")

    def __init__(self, ids: dict[str, object]) -> None:
        self._ids = ids

    def __enter__(self) -> None:
        more = [(name, str(value)) for name, value in self._ids.items()]
        self._token = _BOUND.set((*_BOUND.get(), *more))

    def __exit__(self, *_: object) -> None:
        _BOUND.reset(self._token)


def bind(**ids: object) -> None:
    """Add ids to every line logged from here on in this task; one of the same name is replaced."""
    named = {**dict(_BOUND.get()), **{name: str(value) for name, value in ids.items()}}
    _BOUND.set(tuple(named.items()))


def hide(text: str, known: tuple[str, ...] = ()) -> str:
    """The text without what looks like a secret and without the secrets known by value."""
    for secret in known:
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    return _SECRETS.sub(lambda match: match.group(1) + "***", text)


class _Line(logging.Formatter):
    def __init__(self, known: tuple[str, ...]) -> None:
        super().__init__()
        self._known = known

    def message(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info and record.name.startswith(_THROWS_AWAY):
            text += f": {record.exc_info[1]!r}"
        elif record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return hide(text, self._known)

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        ids = " ".join(f"{name}={value}" for name, value in _BOUND.get())
        where = record.name.removeprefix("bot.")
        return (
            f"{at} {record.levelname:<7} {where}: {self.message(record)}{' ' if ids else ''}{ids}"
        )


class _Json(_Line):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "event": self.message(record),
            **dict(_BOUND.get()),
        }
        return json.dumps(line, ensure_ascii=False)


def set_up(form: str, *, secrets: tuple[str, ...] = (), level: int = logging.INFO) -> None:
    """Log to standard error as `text` or `json`; `secrets` never appear, whoever logs them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(secrets) if form == "json" else _Line(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Libraries that tell a line per request, job or key exchange.
    for noisy in ("apscheduler", "asyncssh", "discord", "aiohttp.access", "sqlalchemy", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, level))
