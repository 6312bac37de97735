"""Counts what is logged as a warning or worse, by the kind of error that came with it."""

from __future__ import annotations

import logging

from prometheus_client import Counter

PLAIN = "none"
"""The kind of a line that no error came with."""


class FaultCount(logging.Handler):
    """A handler that writes nothing. Class names are the only words it takes from a line."""

    def __init__(self, counter: Counter) -> None:
        super().__init__(logging.WARNING)
        self._counter = counter

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._counter.labels(level, _kind(record)).inc()


def _kind(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0] is not None:
        return record.exc_info[0].__name__
    given = record.args if isinstance(record.args, tuple) else ()
    return next((type(one).__name__ for one in given if isinstance(one, BaseException)), PLAIN)
