"""When an unanswered question ends a machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.idle_memory import Asking, Question, begin
from bot.domain.idle_policy import Policy
from bot.domain.letters import Kind, Letter, Writing
from bot.domain.quiet_hours import quiet_hours
from bot.domain.rentals import RentalId
from bot.domain.standing import Rules, standing

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("answer", [1, 10, 14, 16, 24])
@pytest.mark.parametrize("asked", range(0, 24, 3))
def test_no_end_falls_into_quiet_hours(asked: int, answer: int) -> None:
    """Nor into those of the next night; and there is the whole time to answer outside of them."""
    quiet = quiet_hours("22-8", UTC)
    at = MIDNIGHT + asked * HOUR
    question = Question(kind=Asking.IDLE, asked_at=at, deadline=at + answer * HOUR)
    letter = Letter(
        id="l",
        rental_id=RentalId("bc2345"),
        writing=Writing(kind=Kind.ASK, at=at, asked_at=at, ends=True),
        delivered_at=at,
    )
    rules = Rules(idle=Policy(answer=answer * HOUR), quiet=quiet)

    memory = replace(begin(at), question=question)

    ends_at = standing(memory, None, [letter], rules, at).ends_at

    assert ends_at is not None
    assert quiet.over_at(ends_at) == ends_at
    assert ends_at - at >= answer * HOUR
