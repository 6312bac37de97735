"""A clock that somebody sets while the program runs: that of the house, and the scheduler's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import apscheduler.schedulers.base
import apscheduler.triggers.interval

from bot.app.parts import SystemClock


def follow(file: Path) -> None:
    """From now on every clock is off by as many seconds as the file says at that moment."""

    def off() -> timedelta:
        try:
            return timedelta(seconds=float(file.read_text()))
        except (OSError, ValueError):
            return timedelta()

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + off()

    SystemClock.now = lambda self: datetime.now(UTC) + off()  # type: ignore[method-assign]
    apscheduler.schedulers.base.datetime = Moved
    apscheduler.triggers.interval.datetime = Moved
