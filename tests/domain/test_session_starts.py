"""How sparing we are with sessions: not at all, then evenly over the rest of the day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.session_starts import SPARE, Ration, pause

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("remaining", "wait"),
    [
        (1000, timedelta()),
        (SPARE + 1, timedelta()),
        (SPARE, DAY / SPARE),
        (1, DAY),
        (0, DAY),
    ],
)
def test_the_last_ones_are_spread_over_the_day(remaining: int, wait: timedelta) -> None:
    """With none left there is nothing but to wait for the new ones."""
    assert pause(Ration(remaining, DAY)) == wait
