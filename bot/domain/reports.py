"""The team's daily digest and weekly report: when one is due, and of which days it tells.

A report is known by its server, its kind and its day on the team's own calendar: that is what makes
it one, over restarts, changed clocks and changed time zones. One that was missed is sent late, the
digest on the same day and the weekly report in the same week; after that the next one is near.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from bot.domain.money import Usd
from bot.domain.periods import Span, days_of
from bot.domain.pictures import Picture
from bot.domain.quiet_hours import QuietHours
from bot.domain.savings import Saved

_DAY = timedelta(days=1)


class Kind(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A report whose time has come. `day` is the one it appears on: a Monday for a week's."""

    kind: Kind
    day: date
    at: datetime
    span: Span  # what it tells of


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What somebody, or machines of one kind, cost within the days of a report."""

    name: str
    amount: Usd
    machines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A machine that is there while the report is written."""

    title: str
    owner: str
    per_hour: Usd
    since: datetime
    stopped: bool  # it does not run, and its disk is charged


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a report tells."""

    span: Span
    people: Sequence[Share]  # the dearest first
    kinds: Sequence[Share]  # of GPU, likewise
    standing: Sequence[Standing]
    saved: Saved
    before: Usd  # what the days before these cost, as many of them
    picture: Picture | None = None

    @property
    def total(self) -> Usd:
        return Usd.sum(one.amount for one in self.people)

    @property
    def silent(self) -> bool:
        """Whether there is nothing to tell. A machine that came after these days is no part of
        them: whoever starts today is not told that yesterday cost nothing."""
        there = any(one.since < self.span.end for one in self.standing)
        return not (self.people or there or self.saved.machines)


def daily(at: time, now: datetime, zone: tzinfo, quiet: QuietHours | None = None) -> Due | None:
    """The digest of yesterday, once it is time; never in quiet hours."""
    today = now.astimezone(zone).date()
    for day in (today, today - _DAY):  # quiet hours may carry one over midnight
        due = _moment(day, at, zone, quiet)
        if due <= now and due.astimezone(zone).date() == today:
            yesterday = today - _DAY  # of whoever reads it, though it was due the evening before
            span = days_of("yesterday", yesterday, yesterday, zone)
            return Due(kind=Kind.DAILY, day=day, at=due, span=span)
    return None


def weekly(at: time, now: datetime, zone: tzinfo, quiet: QuietHours | None = None) -> Due | None:
    """The report of the week before, from Monday at that time on."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    due = _moment(monday, at, zone, quiet)
    if due > now:
        return None
    span = days_of("last week", monday - 7 * _DAY, monday - _DAY, zone)
    return Due(kind=Kind.WEEKLY, day=monday, at=due, span=span)


def so_far(now: datetime, zone: tzinfo) -> Span:
    """The seven days up to now, for whoever asks for the week's report before it is due."""
    today = now.astimezone(zone).date()
    return days_of("the last seven days", today - 6 * _DAY, today, zone)


def earlier(span: Span) -> Span:
    """As many days before those."""
    first, last = span.days[0], span.days[-1]
    count = timedelta(days=len(span.days))
    return days_of("before", first - count, last - count, span.zone)


def _moment(day: date, at: time, zone: tzinfo, quiet: QuietHours | None) -> datetime:
    """A time of the day there, in UTC; an hour that a changed clock leaves out is the next one."""
    due = datetime.combine(day, at, zone).astimezone(UTC)
    return quiet.over_at(due) if quiet is not None else due
