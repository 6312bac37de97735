"""A hand or a clock: widgets that poll are told from people who drag."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.rhythm import Rhythm, Rhythms

START = datetime(2026, 5, 1, 9, tzinfo=UTC)


def signs(gaps: Iterable[float], rhythm: Rhythm | None = None) -> list[datetime]:
    """When messages with these gaps, in seconds, were taken for a person's."""
    rhythm = rhythm or Rhythm()
    now, found = START, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if rhythm.beat(now):
            found.append(now)
    return found


def minutes(found: list[datetime]) -> float:
    return (found[-1] - START).total_seconds() / 60 if found else 0


@pytest.mark.parametrize("period_s", [0.1, 0.25, 1, 5, 30, 60])
def test_a_widget_that_polls_is_a_person_for_minutes_only(period_s: float) -> None:
    """Three hours of it, with the jitter of a network, are a person's for its beginning alone."""
    chance = random.Random(1)
    jitter = min(0.05, period_s / 10)
    gaps = [period_s + chance.uniform(-jitter, jitter) for _ in range(int(10_800 / period_s))]

    assert minutes(signs(gaps)) <= max(2, 9 * period_s / 60)


def test_a_widget_that_sends_two_messages_each_time_is_no_person() -> None:
    """What comes at once is one."""
    assert minutes(signs([5, 0.01] * 1000)) <= 2


def test_a_network_that_stutters_makes_no_person_of_a_clock() -> None:
    """A gap now and then is not a pause of a hand."""
    gaps = ([1.0] * 299 + [3.0]) * 20

    assert minutes(signs(gaps)) <= 2


@pytest.mark.parametrize("seed", range(20))
def test_a_person_who_drags_a_slider_is_always_seen(seed: int) -> None:
    """Bursts as even as a clock, with pauses between: never five minutes without a sign."""
    found = signs(_dragging(random.Random(seed)))
    gaps = [(b - a).total_seconds() for a, b in zip([START, *found], found, strict=False)]

    assert max(gaps) < 300


def test_a_person_at_a_widget_that_polls_is_seen() -> None:
    """Each widget has its own rhythm."""
    chance, rhythms, now = random.Random(5), Rhythms(), START
    touched, seen = 0, 0
    for second in range(3600):
        now = START + timedelta(seconds=second)
        rhythms.beat("comm_msg poll", now)
        if chance.random() < 0.02:
            touched += 1
            seen += rhythms.beat("comm_msg slider", now)

    assert seen == touched > 40
    assert not rhythms.beat("comm_msg poll", now + timedelta(seconds=1))


def test_a_clock_that_a_hand_joins_is_a_person_again() -> None:
    """The same widget polled for an hour, then somebody drags it."""
    rhythm = Rhythm()
    signs([2.0] * 1800, rhythm)
    now, seen = START + timedelta(seconds=3600), 0
    for gap in list(_dragging(random.Random(3)))[:600]:
        now += timedelta(seconds=gap)
        seen += rhythm.beat(now)

    assert seen > 300


def test_the_memory_is_bounded() -> None:
    """A page may make up as many names as it likes."""
    rhythms = Rhythms()
    for number in range(10_000):
        rhythms.beat(str(number), START)

    assert len(rhythms._senders) <= 256


def _dragging(chance: random.Random) -> Iterator[float]:
    """An hour: drags of one to five seconds, pauses of one to forty."""
    spent = 0.0
    while spent < 3600:
        pause = chance.uniform(1, 40)
        yield pause
        spent += pause
        for _ in range(chance.randrange(15, 80)):
            yield 0.065
            spent += 0.065
