"""Which spans a change of a rental ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.durations import ARCHIVING, DESTROYING, START, spans
from bot.domain.rentals import Phase, State
from tests.builders import NOW, a_rental

MINUTE = timedelta(minutes=1)


def test_a_phase_ends_when_the_next_begins() -> None:
    """Its time is from when it began to the change."""
    before = replace(a_rental(), state=State.BOOTING, phase=Phase.LOADING, phase_at=NOW - MINUTE)

    assert spans(before, replace(before, phase=Phase.CONNECTING), NOW) == [("loading", MINUTE)]
    assert spans(before, replace(before, detail="pulling"), NOW) == []


def test_an_end_that_is_over_tells_its_parts() -> None:
    """Archiving from the release on, destroying from what Vast took until it was seen gone."""
    archiving = replace(a_rental(), state=State.ARCHIVING, released_at=NOW - 2 * MINUTE)
    destroying = replace(archiving, state=State.DESTROYING, destroyed_at=NOW - MINUTE)

    assert spans(archiving, destroying, NOW) == [(ARCHIVING, 2 * MINUTE)]
    assert spans(destroying, replace(destroying, state=State.CLOSED), NOW) == [(DESTROYING, MINUTE)]


def test_what_was_adopted_had_no_start_of_ours() -> None:
    """And a clock that jumped back makes no negative time."""
    taken = replace(a_rental(), state=State.ARCHIVING, adopted_at=NOW)
    booting = replace(a_rental(), state=State.BOOTING, phase_at=NOW + MINUTE)

    assert spans(taken, replace(taken, state=State.READY, ready_at=NOW), NOW) == []
    told = dict(spans(booting, replace(booting, state=State.READY, ready_at=NOW), NOW))
    assert told["renting"] == timedelta()
    assert START in told
