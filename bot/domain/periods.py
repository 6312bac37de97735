"""Spans of days that spending is looked at in, in the team's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import assert_never

from bot.domain.budgets import month_of


class Period(StrEnum):
    TODAY = "today"
    WEEK = "week"
    MONTH = "month"
    LAST_MONTH = "last month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Span:
    """From midnight to midnight of the zone; `start` and `end` are UTC, the end is not in it."""

    name: str
    start: datetime
    end: datetime
    zone: tzinfo

    @property
    def days(self) -> list[date]:
        first = self.start.astimezone(self.zone).date()
        last = (self.end - timedelta(microseconds=1)).astimezone(self.zone).date()
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()


def span_of(period: Period, now: datetime, zone: tzinfo) -> Span:
    """The span of that name which the moment is in, or comes after."""
    today = now.astimezone(zone).date()
    match period:
        case Period.TODAY:
            return days_of("today", today, today, zone)
        case Period.WEEK:
            return days_of("in seven days", today - timedelta(days=6), today, zone)
        case Period.MONTH:
            month = month_of(now, zone)
            return Span(f"in {today:%B}", month.start, month.end, zone)
        case Period.LAST_MONTH:
            month = month_of(month_of(now, zone).start - timedelta(days=1), zone)
            return Span(f"in {month.start.astimezone(zone):%B}", month.start, month.end, zone)
        case Period.YEAR:
            return days_of("in a year", today - timedelta(days=364), today, zone)
        case _:
            assert_never(period)


def days_of(name: str, first: date, last: date, zone: tzinfo) -> Span:
    """From the first of these days to the last, both in it."""

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), zone).astimezone(UTC)

    return Span(name, midnight(first), midnight(last + timedelta(days=1)), zone)
