"""Signs about a machine, and what follows from a host's offer that is about to end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain import outlook
from bot.domain.lifecycle import destroy_again_at
from bot.domain.limits import Limits
from bot.domain.omens import Sign
from bot.domain.rentals import ContractId, Rental, State, Status
from tests.builders import NOW, a_rental, an_instance, some_rates

HOUR = timedelta(hours=1)


def in_use(**changes: Any) -> Rental:
    facts = {"state": State.READY, "ready_at": NOW, "phase_at": NOW, "contract": ContractId(5)}
    return a_rental(**facts | changes)


def seen(rental: Rental, now: datetime, **shown: Any) -> Rental:
    return outlook.foreseen(rental, an_instance(rental, **shown), now)


def test_a_sign_keeps_its_beginning_and_goes_when_it_is_over() -> None:
    """So that a message says since when, and the row is not written at every look."""
    first = seen(in_use(), NOW, status=Status.LOST)
    second = seen(first, NOW + HOUR, status=Status.LOST)

    assert first.omens[0].since == NOW
    assert second == first
    assert seen(second, NOW + HOUR).omens == ()


def test_a_cent_is_no_raise() -> None:
    """What rounding may differ by is nobody's affair."""
    agreed = in_use().agreed_per_hour
    same = in_use(rates=some_rates(), agreed_per_hour=agreed)
    cheap = in_use(rates=some_rates(), agreed_per_hour=replace(agreed, micros=300_000))

    assert seen(same, NOW).omens == ()
    assert [one.sign for one in seen(cheap, NOW).omens] == [Sign.DEARER]


@pytest.mark.parametrize(
    ("left", "saved", "wish"),
    [
        (timedelta(hours=23), None, "nothing"),
        (timedelta(hours=6), None, "save"),
        (timedelta(hours=5), timedelta(hours=6), "nothing"),
        (timedelta(minutes=59), timedelta(hours=6), "save"),
        (timedelta(minutes=50), timedelta(minutes=58), "nothing"),
        (timedelta(minutes=30), timedelta(minutes=58), "end"),
        (timedelta(minutes=-5), None, "nothing"),
    ],
)
def test_a_host_that_ends_is_saved_before_and_ended_in_time(
    left: timedelta, saved: timedelta | None, wish: str
) -> None:
    """Six hours and one hour before; half an hour before it is the end. After it, too late."""
    ends_at = NOW + left
    rental = in_use(
        ready_at=NOW - 24 * HOUR,
        phase_at=NOW - HOUR,
        proven_at=ends_at - saved if saved is not None else None,
    )

    after = seen(rental, NOW, ends_at=ends_at)

    asked = "end" if after.released_at else "save" if after.save_asked_at else "nothing"
    assert asked == wish


def test_what_could_not_be_saved_is_not_asked_for_at_every_look() -> None:
    """A quarter of an hour later again."""
    failed = in_use(save_fails=1, phase_at=NOW)

    soon = seen(failed, NOW + timedelta(minutes=14), ends_at=NOW + 5 * HOUR)
    later = seen(failed, NOW + timedelta(minutes=15), ends_at=NOW + 5 * HOUR)

    assert (soon.save_asked_at, later.save_asked_at) == (None, NOW + timedelta(minutes=15))


def test_a_machine_that_is_not_in_use_is_not_ended_by_its_host() -> None:
    """One that is on its way up has other deadlines."""
    rental = in_use(state=State.BOOTING, ready_at=None)

    assert seen(rental, NOW, ends_at=NOW + timedelta(minutes=5)).released_at is None


def test_a_destroy_is_sent_again_later_each_time() -> None:
    """Every 20 seconds at first, every five minutes at last."""
    limits = Limits()
    rental = in_use(state=State.DESTROYING, destroyed_at=NOW)
    pauses = []
    for _ in range(12):
        again = destroy_again_at(rental, limits)
        assert rental.destroyed_at is not None
        pauses.append((again - rental.destroyed_at).total_seconds())
        rental = replace(rental, destroyed_at=again)

    assert pauses[0] == 20
    assert pauses == sorted(pauses)
    assert pauses[-1] == 300
