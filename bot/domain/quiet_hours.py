"""Hours of a day in some time zone: when nobody is to be disturbed, and when tomorrow begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from bot.errors import BadInput

MORNING = time(9)
"""“Tomorrow” is then, on the clock of whoever is asked."""

_HOURS = re.compile(r"([01]?\d|2[0-3])(?::([0-5]\d))?-([01]?\d|2[0-3])(?::([0-5]\d))?")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` of the local clock, over midnight where `start` is the later one."""

    start: time
    end: time
    zone: tzinfo

    def over_at(self, at: datetime) -> datetime:
        """When these hours are over as of `at`, in UTC; `at` itself where it is not in them."""
        local = at.astimezone(self.zone)
        clock = local.time()
        if self.start <= self.end:
            within, day = self.start <= clock < self.end, local.date()
        else:
            within = clock >= self.start or clock < self.end
            day = local.date() + timedelta(days=1 if clock >= self.start else 0)
        if not within:
            return at
        return datetime.combine(day, self.end, self.zone).astimezone(UTC)


def quiet_hours(text: str, zone: tzinfo) -> QuietHours:
    """From text like `22-8` or `22:30-07:00`. Raises BadInput."""
    return QuietHours(*_hours(text), zone)


def hours_text(text: str) -> str:
    """The same hours with their minutes: `22:00-08:00`. Raises BadInput."""
    start, end = _hours(text)
    return f"{start:%H:%M}-{end:%H:%M}"


def tomorrow(now: datetime, zone: tzinfo) -> datetime:
    """The next day's morning in that zone, in UTC."""
    day = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, MORNING, zone).astimezone(UTC)


def _hours(text: str) -> tuple[time, time]:
    match = _HOURS.fullmatch(text.replace(" ", "").replace("–", "-"))
    if match is None:
        raise BadInput(f"no hours: {text!r}", public="Write quiet hours like 22-8 or 22:30-07:00.")
    start, past, end, over = (int(part or 0) for part in match.groups())
    return time(start, past), time(end, over)
