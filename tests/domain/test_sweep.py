"""What is done about machines that no open rental owns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain import sweep
from bot.domain.limits import Limits
from bot.domain.rentals import ContractId, Instance, Rental, RentalId, State, Status
from bot.domain.sweep import Adopt, Foreign, Hold, Remove, Verdict, Wait
from tests.builders import NOW, a_rental, an_instance

OURS, OTHERS = "a" * 16, "b" * 16
LIMITS = Limits()
LONG_AGO = NOW - timedelta(hours=3)


def a_stray(**changes: Any) -> Instance:
    return an_instance(**{"label": "bellhop/k7m2xp", "created_at": LONG_AGO} | changes)


def judged(machine: Instance, known: Rental | None = None, **changes: Any) -> Verdict:
    facts: dict[str, Any] = {
        "installation": "bellhop",
        "mark": OURS,
        "first_seen": NOW - timedelta(minutes=5),
        "now": NOW,
        "limits": LIMITS,
    }
    return sweep.judge(machine, known, **facts | changes)


def closed(machine: Instance, **changes: Any) -> Rental:
    """The closed rental of a machine."""
    facts = {
        "id": RentalId("k7m2xp"),
        "state": State.CLOSED,
        "contract": machine.contract,
        "requested_at": LONG_AGO,
        "sent_at": LONG_AGO,
    }
    return a_rental(**facts | changes)


@pytest.mark.parametrize("label", ["", "ada", "other/k7m2xp", "bellhop", "bellhop/", "bellhop/A b"])
def test_another_label_is_somebody_elses(label: str) -> None:
    """Told, and never touched."""
    assert judged(a_stray(label=label)) == Foreign()


def test_the_mark_of_another_key_is_another_bellhop() -> None:
    """Two installations with one name on one account leave each other's machines alone."""
    fresh = a_stray(mark=OTHERS, untouched=True, status=Status.STARTING)

    assert judged(fresh) == Foreign(same_name=True)
    assert judged(a_stray(mark=OTHERS)) == Foreign(same_name=True)


def test_what_has_just_been_seen_is_left_alone() -> None:
    """Lists lag in both directions."""
    verdict = judged(a_stray(untouched=True), first_seen=NOW - timedelta(seconds=119))

    assert isinstance(verdict, Wait)


def test_a_machine_that_never_ran_is_destroyed() -> None:
    """There cannot be any work on it."""
    stray = a_stray(untouched=True, status=Status.STARTING, running_since=None)

    assert isinstance(judged(stray), Remove)


def test_a_fresh_machine_with_our_mark_has_as_long_as_any_bellhop_gives_it() -> None:
    """It may be awaited by the installation whose backup we are."""
    fresh = a_stray(
        mark=OURS, untouched=True, status=Status.STARTING, created_at=NOW - timedelta(minutes=10)
    )

    assert isinstance(judged(fresh), Wait)
    assert isinstance(judged(replace(fresh, created_at=NOW - timedelta(minutes=23))), Remove)


def test_a_machine_that_runs_is_taken_in() -> None:
    """It may hold work: a restored backup makes every newer machine a stray."""
    assert judged(a_stray(mark=OURS)) == Adopt()


@pytest.mark.parametrize("status", [Status.STOPPED, Status.LOST, Status.UNCLEAR, Status.SCHEDULING])
def test_what_cannot_be_archived_now_is_told_and_kept(status: Status) -> None:
    """Nothing that may hold work is destroyed because it is in the way."""
    assert isinstance(judged(a_stray(status=status)), Hold)


def test_a_closed_rental_says_what_its_machine_holds() -> None:
    """Never ready, given up or archived: destroyed again. Vanished with its work: taken in."""
    stray = a_stray()
    row = closed(stray, ready_at=LONG_AGO, released_at=LONG_AGO)

    assert isinstance(judged(stray, closed(stray)), Remove)
    assert isinstance(judged(stray, replace(row, waived_by=7)), Remove)
    assert isinstance(judged(stray, replace(row, proven_at=LONG_AGO)), Remove)
    assert judged(stray, row) == Adopt(row)
    older = replace(row, proven_at=LONG_AGO - timedelta(hours=1))
    assert judged(stray, older) == Adopt(older)


def test_the_double_of_a_closed_rental_is_destroyed() -> None:
    """A second machine from the same try was never anybody's."""
    double = a_stray(created_at=LONG_AGO + timedelta(seconds=40))
    row = closed(double, contract=ContractId(1), ready_at=LONG_AGO, released_at=LONG_AGO)

    assert isinstance(judged(double, row), Remove)
    assert judged(replace(double, created_at=NOW - timedelta(minutes=30)), row) == Adopt()


def test_a_rental_holds_its_machine_by_number_whatever_its_label() -> None:
    """Somebody edited it by hand."""
    rental = a_rental(contract=ContractId(5), state=State.READY)
    machine = an_instance(rental, label="mine")

    held = sweep.holdings([rental], [machine], "bellhop", LIMITS)

    assert held == {rental.id: [machine]}
    assert sweep.strays([rental], [machine], "bellhop", LIMITS) == []


def test_a_label_copied_onto_another_rentals_machine_changes_nothing() -> None:
    """It would be destroyed as a double of the first one."""
    one = a_rental(contract=ContractId(5), state=State.READY)
    two = a_rental(contract=ContractId(6), state=State.READY)
    copied = an_instance(two, label=one.label("bellhop"))

    held = sweep.holdings([one, two], [an_instance(one), copied], "bellhop", LIMITS)

    assert held[two.id] == [copied]
    assert [machine.contract for machine in held[one.id]] == [5]


def test_a_label_put_onto_an_old_machine_makes_it_no_double() -> None:
    """What a rental's tries cannot have made is not the rental's to destroy."""
    rental = a_rental(contract=ContractId(5), state=State.READY, sent_at=NOW)
    old = an_instance(rental, contract=ContractId(6), created_at=NOW - timedelta(days=2))
    double = replace(old, contract=ContractId(7), created_at=NOW + timedelta(seconds=30))

    held = sweep.holdings([rental], [old, double], "bellhop", LIMITS)

    assert held == {rental.id: [double]}


def test_in_doubt_the_label_is_the_rentals() -> None:
    """A machine that was just created for a try is no stray."""
    rental = a_rental(state=State.CREATING, sent_at=NOW)

    held = sweep.holdings([rental], [an_instance(rental)], "bellhop", LIMITS)

    assert list(held) == [rental.id]
