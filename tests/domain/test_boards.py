"""When a board is written anew, and how a machine on it is used."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain import boards
from bot.domain.boards import APART, MOMENT, REFRESH, SIGN_OF_LIFE, Board, Life, Said
from bot.domain.idle_memory import Asking, Memory, Question, begin
from bot.domain.rentals import State
from bot.domain.standing import Name, Report
from tests.builders import CHANNEL, GUILD, NOW, a_rental

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
WAS = Said("three machines", "$1")
STANDING = Board(
    id="a" * 24,
    guild_id=GUILD,
    channel_id=CHANNEL,
    message_id=5,
    said=WAS,
    shown_at=NOW,
    next_at=NOW,
)
READY = a_rental(state=State.READY, ready_at=NOW)
LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("saying", "after"),
    [
        (Said("two machines", "$1"), APART),
        (Said("three machines", "$2"), REFRESH),
        (WAS, SIGN_OF_LIFE),
    ],
)
def test_a_board_is_edited_when_its_time_has_come_and_not_before(
    saying: Said, after: timedelta
) -> None:
    """Machines soon, figures each minute, and now and then as a sign of life."""
    assert not boards.due(STANDING, saying, NOW + after - SECOND)
    assert boards.due(STANDING, saying, NOW + after)


def test_a_board_that_nobody_sees_yet_is_due_at_once_unless_it_waits() -> None:
    """A failure puts it off, whatever has changed."""
    unsent = replace(STANDING, message_id=None, shown_at=None)

    assert boards.due(unsent, WAS, NOW)
    assert not boards.due(replace(unsent, tries=1, next_at=NOW + SECOND), WAS, NOW)
    changed = Said("none", "")
    assert not boards.due(replace(STANDING, tries=1, next_at=LATER + SECOND), changed, LATER)


def test_a_clock_that_was_put_back_stops_no_board() -> None:
    """What was shown, or put off, in the future is shown anew."""
    assert boards.due(STANDING, WAS, NOW - SECOND)
    assert boards.due(replace(STANDING, tries=1, next_at=NOW + SECOND), WAS, NOW - 2 * HOUR)


def test_failures_wait_longer_each_time_and_end() -> None:
    """An hour at most; after some two days nobody tries any more."""
    waits = [boards.wait(tries) for tries in range(boards.MOST_TRIES + 1)]

    assert waits[0] == timedelta(seconds=2)
    assert waits[-1] is None
    known = [one for one in waits if one is not None]
    assert known == sorted(known)
    assert max(known) == timedelta(hours=1)


def life(memory: Memory | None, name: Name = Name.QUIET, at: datetime = LATER) -> Life | None:
    seen = boards.watched(READY, memory, Report(at, name), None, at)
    return seen.life if seen is not None else None


def test_a_machine_is_idle_only_after_a_pause_that_was_seen() -> None:
    """Not after a moment, not while it is used, kept or unseen, nor before the first look."""
    memory = begin(NOW)

    assert life(memory) is Life.IDLE
    assert life(memory, at=NOW + MOMENT - SECOND) is Life.USED
    assert life(memory, Name.ACTIVE) is Life.USED
    assert life(replace(memory, kept_until=LATER + SECOND)) is Life.KEPT
    assert life(replace(memory, blind_since=NOW)) is Life.UNSEEN
    assert life(None) is Life.NEW


def test_who_was_asked_about_work_without_a_person_is_not_called_idle() -> None:
    """The lease asks about machines that work."""
    idle = replace(begin(NOW), question=Question(kind=Asking.IDLE, asked_at=LATER))
    lease = replace(begin(NOW), question=Question(kind=Asking.LEASE, asked_at=LATER))

    first = boards.watched(READY, idle, None, LATER, LATER)
    second = boards.watched(READY, lease, None, None, LATER)

    assert first == boards.Watched(life=Life.ASKED, since=NOW, ends_at=LATER)
    assert second == boards.Watched(life=Life.ASKED)


def test_a_machine_that_comes_or_goes_is_not_watched() -> None:
    """Its phase says enough."""
    coming = replace(READY, state=State.BOOTING)
    going = replace(READY, released_at=NOW)

    for rental in (coming, going):
        assert boards.watched(rental, begin(NOW), None, None, LATER) is None
