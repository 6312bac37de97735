"""Quiet hours and tomorrow, by local clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.domain.quiet_hours import quiet_hours, tomorrow
from bot.errors import BadInput

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "over"),
    [("20:59", "20:59"), ("21:00", "07:00"), ("03:00", "07:00"), ("07:00", "07:00")],
)
def test_hours_over_midnight_end_in_the_morning(at: str, over: str) -> None:
    """22 to 8 in Berlin, which in winter is 21 to 7 in UTC."""
    moment = datetime.fromisoformat(f"2026-11-22T{at}:00+00:00")

    assert f"{quiet_hours('22-8', BERLIN).over_at(moment):%H:%M}" == over


def test_tomorrow_is_nine_in_the_morning_there() -> None:
    """Of the next day by the clock of that place, summer time included."""
    late = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # 00:30 on the 29th in Berlin

    assert tomorrow(late, UTC) == datetime(2026, 3, 29, 9, tzinfo=UTC)
    assert tomorrow(late, BERLIN) == datetime(2026, 3, 30, 7, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "22", "25-8", "22:60-8", "a-b"])
def test_what_is_no_span_of_hours_is_refused(text: str) -> None:
    """With the way to write it."""
    with pytest.raises(BadInput, match="no hours"):
        quiet_hours(text, UTC)
