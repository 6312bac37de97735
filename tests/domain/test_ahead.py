"""When a machine is archived though nobody asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ahead import SPREAD, due_at, night_after, wanted
from bot.domain.idle_memory import Asking, Question, begin
from bot.domain.idle_policy import Policy
from bot.domain.quiet_hours import QuietHours
from bot.domain.rentals import Rental, RentalId, State
from bot.domain.standing import Rules
from tests.domain.facts import rental

BERLIN = ZoneInfo("Europe/Berlin")
RULES = Rules(idle=Policy(), zone=BERLIN)
NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


def ready(**changes: object) -> Rental:
    return replace(rental(), state=State.READY, ready_at=NOON, **changes)  # type: ignore[arg-type]


@given(st.integers(min_value=0, max_value=365 * 86_400))
def test_a_night_is_never_further_than_a_day(second: int) -> None:
    """Also when the clocks change: a host that vanishes costs a day at most."""
    after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)

    at = night_after(ready(), after, RULES)

    assert after < at <= after + timedelta(hours=25)
    local = at.astimezone(BERLIN).replace(tzinfo=None)
    begins = datetime.combine(local.date(), time(2))
    # An hour more or less where the clocks change in that very night.
    assert begins - timedelta(hours=1) <= local <= begins + SPREAD + timedelta(hours=1)


def test_machines_begin_one_after_another() -> None:
    """At moments of their own, the same every night."""
    nights = {
        night_after(replace(ready(), id=RentalId(f"r{number}")), NOON, RULES)
        for number in range(50)
    }

    assert len(nights) > 40
    assert max(nights) - min(nights) > SPREAD / 2


def test_quiet_hours_say_when_the_night_begins() -> None:
    rules = replace(RULES, quiet=QuietHours(time(22), time(8), BERLIN))

    at = night_after(ready(), NOON, rules).astimezone(BERLIN)

    assert time(22) <= at.time() or at.time() <= time(1)


def test_a_question_is_reason_for_one_archive() -> None:
    """At once; and not again for the same question."""
    asked_at = NOON + timedelta(hours=3)
    memory = replace(
        begin(NOON), question=Question(kind=Asking.IDLE, asked_at=asked_at, deadline=None)
    )

    assert due_at(ready(), memory, RULES) == asked_at
    after = ready(ahead_at=asked_at + timedelta(minutes=1))
    assert due_at(after, memory, RULES) > asked_at + timedelta(hours=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.ARCHIVING},
        {"state": State.BOOTING},
        {"released_at": NOON},
        {"save_asked_at": NOON},
        {"held": "40 GB"},
    ],
)
def test_what_is_on_its_way_already_is_left_alone(changes: dict[str, object]) -> None:
    assert wanted(ready())
    assert not wanted(replace(ready(), **changes))  # type: ignore[arg-type]


def test_a_chosen_hour_is_that_of_quiet_hours_or_not() -> None:
    """The team's word is the last; each machine still has its own moment after it."""
    rules = replace(RULES, quiet=QuietHours(time(22), time(8), BERLIN), night=time(12))

    at = night_after(ready(), NOON, rules).astimezone(BERLIN)

    assert time(12) <= at.time() <= time(15)


def test_without_nights_only_a_question_is_a_reason() -> None:
    """A team may have none made; before an end that nobody asked for there still is one."""
    rules = replace(RULES, nightly=False)
    row = ready()
    asked_at = NOON + timedelta(hours=5)
    memory = replace(begin(NOON), question=Question(kind=Asking.IDLE, asked_at=asked_at))

    assert due_at(row, begin(NOON), rules) is None
    assert due_at(row, memory, rules) == asked_at
