"""Whether the computer's clock can be trusted: it is compared with one that nobody can set.

Nothing has to be done about a jump: the loops wait by another clock, a look at a machine that comes
long after the one before counts as time in which nothing was seen (`domain/idle.py`), and bills are
corrected by Vast's. But people see odd times, and should know why. Sleep of the computer is no
jump: the other clock counts it too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.ports.clock import Clock

log = logging.getLogger(__name__)

JUMP = timedelta(seconds=30)
"""Less is a clock that is put right as it should be, a little at a time."""

TOLD_FOR = timedelta(minutes=15)


def uptime() -> float:
    """Seconds since the computer was started, its sleep included where the system tells."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Steady:
    """Looked at every few seconds, by the health's loop."""

    def __init__(self, *, clock: Clock, uptime: Callable[[], float] = uptime) -> None:
        self._clock = clock
        self._uptime = uptime
        self._began = self._started()
        self._jump = timedelta()
        self._until = float("-inf")

    def words(self) -> str:
        """That it jumped, for some minutes after it did; empty while all is well."""
        began = self._started()
        moved, self._began = began - self._began, began
        if abs(moved) >= JUMP:
            log.error("the computer's clock jumped by %s", _words(moved))
            self._jump, self._until = moved, self._uptime() + TOLD_FOR.total_seconds()
        if self._uptime() >= self._until:
            return ""
        return f"The computer's clock jumped by {_words(self._jump)}; times may look odd."

    def _started(self) -> datetime:
        """When the computer was started, by its own clock: the same as long as that is not set."""
        return self._clock.now() - timedelta(seconds=self._uptime())


def _words(span: timedelta) -> str:
    sign, seconds = ("-" if span < timedelta() else "+"), round(abs(span).total_seconds())
    if seconds < 120:
        return f"{sign}{seconds} s"
    return f"{sign}{seconds // 60} min" if seconds < 7200 else f"{sign}{seconds / 3600:.1f} h"
