"""The books: entries add up to the whole, whatever the passes."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ledger import accrue, cost, settle
from bot.domain.money import Usd
from tests.domain.facts import NOW, rental

ENDED = rental(
    created_at=NOW,
    running_at=NOW + timedelta(seconds=40),
    gone_at=NOW + timedelta(hours=3, seconds=1),
)


def test_gpu_time_is_free_while_the_image_loads_and_storage_is_not() -> None:
    """Storage counts from creation, the GPU from running (reference vast-api, 4.2)."""
    loading = rental(created_at=NOW)
    running = rental(created_at=NOW, running_at=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)

    assert cost(loading, later).gpu == Usd()
    assert cost(loading, later).storage == Usd.of("0.01388")
    assert cost(running, later).gpu == Usd.of("0.297")


@given(minutes=st.lists(st.integers(1, 90), min_size=1, max_size=12))
def test_entries_add_up_to_the_cost_whenever_they_are_written(minutes: list[int]) -> None:
    """Passes at any times, missed hours filled in: the sum is the cost, to the micro-dollar."""
    row, now, entries = ENDED, NOW, []
    for pause in [*minutes, 600]:
        now += timedelta(minutes=pause)
        entries += accrue(row, now)
        row = settle(row, now)

    assert Usd.sum(entry.amount for entry in entries) == cost(ENDED, now).total
    assert len({(entry.kind, entry.period_start) for entry in entries}) == len(entries)


def test_a_pass_that_is_repeated_writes_the_same_entries() -> None:
    """A crash between computing and storing changes nothing."""
    later = NOW + timedelta(hours=2, minutes=5)

    assert accrue(ENDED, later) == accrue(ENDED, later)


def test_the_running_hour_waits_until_it_is_over() -> None:
    """Only whole hours are booked while a machine lives."""
    living = rental(created_at=NOW, running_at=NOW)

    entries = accrue(living, NOW + timedelta(minutes=90))

    assert {entry.period_end for entry in entries} == {NOW + timedelta(hours=1)}


def test_a_rental_without_a_machine_costs_nothing() -> None:
    """Nothing is booked before Vast knows a contract."""
    assert accrue(rental(), NOW + timedelta(days=1)) == []
    assert cost(rental(), NOW + timedelta(days=1)).total == Usd()
