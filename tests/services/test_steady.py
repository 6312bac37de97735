"""A clock that is set is noticed; one that is put right as it should be is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.services.steady import TOLD_FOR, Steady
from tests.builders import SetClock

HOUR = timedelta(hours=1)


class Pair:
    """The clock on the wall, and the one that nobody can set."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.up_s = 1000.0
        self.steady = Steady(clock=self.clock, uptime=lambda: self.up_s)

    def passes(self, span: timedelta, *, jump: timedelta = timedelta()) -> str:
        self.up_s += span.total_seconds()
        self.clock.turn(span + jump)
        return self.steady.words()


@pytest.mark.parametrize(
    ("jump", "said"),
    [(3 * HOUR, "+3.0 h"), (-3 * HOUR, "-3.0 h"), (timedelta(minutes=5), "+5 min")],
)
def test_a_jump_is_told_for_some_minutes(jump: timedelta, said: str) -> None:
    """By how much, forward or back; then it is over."""
    pair = Pair()
    assert pair.passes(HOUR) == ""

    assert f"jumped by {said};" in pair.passes(timedelta(seconds=5), jump=jump)
    assert f"jumped by {said};" in pair.passes(TOLD_FOR - timedelta(seconds=1))

    assert pair.passes(timedelta(seconds=2)) == ""


def test_time_and_small_corrections_are_no_jump() -> None:
    """Neither an hour in which nobody looked, nor a second a minute for hours."""
    pair = Pair()

    assert pair.passes(8 * HOUR) == ""
    for _ in range(600):
        assert pair.passes(timedelta(minutes=1), jump=timedelta(seconds=1)) == ""
