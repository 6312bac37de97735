"""Vast's bill against our books: what is added at once, what waits, and what changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.bills import Parts, Patience, summed, watched
from bot.domain.ledger import Kind
from bot.domain.money import Usd
from tests.domain.market_days import AT_ONCE, Day
from tests.domain.test_tabs import MOVES, play

HOUR = 3600
LAGGING = replace(AT_ONCE, stop_s=5, start_s=20)


@settings(max_examples=100, deadline=None)
@given(moves=MOVES, less=st.integers(0, 900_000), ahead=st.floats(0, 90_000))
@example(moves=[("stop", 0.0), ("turn", 200.0)], less=0, ahead=320.0)
def test_whatever_we_missed_the_settled_books_are_the_bill(
    moves: list[tuple[str, float]], less: int, ahead: float
) -> None:
    """Changes between looks, kills, a clock that leaps ahead, a bill that is late: in the end the
    books say what the market charged, to its own rounding: half a thousandth of a dollar."""
    day = Day(timing=LAGGING)
    day.look()
    for move, size in moves:
        play(day, move, size, seen=False)
    day.look(late=-ahead)
    day.turn(60)
    day.destroy()
    day.reconcile(less=less)
    for _ in range(4):
        day.turn(HOUR)
        day.reconcile()

    assert abs(day.total() - day.charge().total.micros) <= 500
    assert day.bill is not None
    assert day.bill.settled_at is not None


def test_transfer_is_booked_as_the_bill_grows() -> None:
    """We cannot count it ourselves; each look adds what is new, of each way."""
    day = Day()
    day.turn(HOUR)
    day.look()
    for gigabytes in (5, 12):
        day.world.carried(day.contract, gigabytes * 10**9, 0)
        day.turn(60)
        day.look()
        day.reconcile()

    ups = [entry.amount for entry in day.books.values() if entry.kind is Kind.UPLOAD]
    assert ups == [Usd(100_000), Usd(140_000)]
    assert Kind.ADJUSTMENT not in day.sums()


def test_a_charge_that_shrinks_takes_back_only_once_it_stands_still() -> None:
    """A refund after the end: an entry of its own that says what changed, and only once."""
    day = Day()
    day.turn(5 * HOUR)
    day.look()
    day.destroy()
    for _ in range(3):
        day.reconcile()
        day.turn(HOUR)
    before = day.total()

    assert day.reconcile(less=300_000) == []
    day.turn(1.1 * HOUR)
    (entry,) = day.reconcile(less=300_000)
    day.turn(1.1 * HOUR)

    assert day.reconcile(less=300_000) == []
    assert entry.kind is Kind.ADJUSTMENT
    assert abs(entry.amount.micros + 300_000) <= 500
    assert day.total() == before + entry.amount.micros
    assert "GPU $1.18, reckoned $1.48" in entry.why


def test_while_a_machine_lives_a_lower_bill_is_merely_late() -> None:
    """However long it stands still."""
    day = Day()
    day.turn(5 * HOUR)
    day.look()
    for _ in range(5):
        day.reconcile(less=700_000)
        day.turn(HOUR)
        day.look()

    assert Kind.ADJUSTMENT not in day.sums()


def test_a_line_that_comes_twice_counts_once() -> None:
    """Pages shift while they are read; two spans of one machine are two lines."""
    day = Day()
    day.turn(HOUR)
    one = day.charge()
    later = replace(one, end=one.end + timedelta(minutes=1), total=one.total + Usd(10))
    other = replace(one, start=one.end + timedelta(days=1), end=one.end + timedelta(days=2))

    assert summed([one, later, one]) == {one.contract: later}
    both = summed([one, other])[one.contract]
    assert both.total == one.total + one.total
    assert both.parts == one.parts + one.parts
    assert summed([replace(one, parts=Parts())])[one.contract].parts == Parts()


def test_a_bill_is_watched_for_some_days_after_the_end() -> None:
    """Vast may correct itself; after that nobody asks any more."""
    day, patience = Day(), Patience()
    day.turn(HOUR)
    day.look()
    day.destroy()
    for _ in range(3):
        day.reconcile()
        day.turn(HOUR)
    assert day.held is not None

    assert watched(day.held, day.bill, patience, day.at)
    assert not watched(day.held, day.bill, patience, day.at + patience.watched)
    assert watched(day.held, None, patience, day.at + patience.watched)
