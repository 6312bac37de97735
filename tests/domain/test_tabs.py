"""The tab of a machine: the market's own bill, whatever happens to the machine or to us."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import tabs
from bot.domain.ledger import Kind
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Status
from bot.domain.transitions import seen
from tests.domain.facts import NOW, instance, rental
from tests.domain.market_days import START, Day

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("turn"), st.floats(1, 9000)),
        st.sampled_from(
            [
                (name, 0.0)
                for name in ("stop", "start", "offline", "running", "price", "look", "kill", "lost")
            ]
        ),
        st.tuples(st.just("back"), st.floats(1, 9000)),
    ),
    max_size=25,
)


def play(day: Day, move: str, size: float, *, seen: bool) -> None:
    """One event in a machine's life, or in ours; `seen`: with a look before and after it."""
    if seen and move != "turn":
        day.look()
    match move:
        case "turn":
            day.turn(size)
        case "stop":
            day.world.stop(day.contract.id)
        case "start":
            day.world.start(day.contract.id)
        case "offline" | "running":
            day.world.become(day.contract.id, move)
        case "price":
            day.world.reprice(day.contract.id, round(day.contract.gpu_rate * 1.1))
        case "look":
            day.look()
        case "kill":
            day.kill()
        case "lost":
            day.look(stored=False)
        case "back":
            day.look(late=size)
    if seen and move != "turn":
        day.look()


@settings(max_examples=300, deadline=None)
@given(moves=MOVES)
def test_the_books_say_what_the_market_bills_whatever_happens(
    moves: list[tuple[str, float]],
) -> None:
    """Stops, prices, offline hosts, kills, looks that repeat and clocks that go back: no
    micro-dollar more than one is off, and no moment is in the books twice."""
    day = Day()
    day.look()
    for move, size in moves:
        play(day, move, size, seen=True)
    day.look()
    day.destroy()

    billed, sums = day.billed(), day.sums()
    assert abs(sums.get(Kind.GPU, Usd()).micros - billed["gpu"]) <= 1
    assert abs(sums.get(Kind.STORAGE, Usd()).micros - billed["storage"]) <= 1
    for kind in (Kind.GPU, Kind.STORAGE):
        spans = sorted((e.period_start, e.period_end) for e in day.books.values() if e.kind is kind)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_hours_missed_while_we_were_down_are_filled_in() -> None:
    """One look after five hours books five hours; the running one waits until it is over."""
    day = Day()
    day.turn(40)
    day.look()
    day.kill()
    day.turn(5 * 3600)
    day.look()

    assert {e.period_end for e in day.books.values()} == {
        START + timedelta(hours=hour) for hour in range(1, 6)
    }
    assert day.held is not None
    open_ = tabs.outstanding(day.held, day.at)
    assert abs(day.total() + open_.total.micros - sum(day.billed().values())) <= 2


def test_a_stopped_machine_books_its_disk_only() -> None:
    """Sixteen hours of 10 GB are $0.111, and no GPU."""
    day = Day()
    day.turn(40)
    day.look()
    day.world.stop(day.contract.id)
    day.look()
    before = day.sums()

    day.turn(16 * 3600)
    day.look()

    assert day.sums().get(Kind.GPU) == before.get(Kind.GPU)
    assert day.sums()[Kind.STORAGE] == Usd(111_040)


def test_a_stop_that_nobody_saw_is_taken_to_be_in_the_middle() -> None:
    """Neither the whole time in between nor none of it."""
    seen = instance(created_at=NOW, gpu_billed=True, running_since=NOW)
    tab = tabs.opened(rental(), seen.contract, seen, NOW)
    tab, _ = tabs.read(tab, seen, NOW + timedelta(seconds=1))
    stopped = replace(seen, gpu_billed=False, status=Status.STOPPED, running_since=None)

    tab, _ = tabs.read(tab, stopped, NOW + timedelta(minutes=20, seconds=1))

    assert abs(tabs.outstanding(tab, tab.read_until).gpu.micros - 297_000 * 10 // 60) < 100


def test_a_look_that_says_nothing_clear_changes_nothing() -> None:
    """An unknown state is neither running nor gone; the next clear look fills the time in."""
    seen = instance(created_at=NOW, running_since=NOW)
    tab = tabs.opened(rental(), seen.contract, seen, NOW)

    assert tabs.read(tab, replace(seen, status=Status.UNCLEAR), NOW + timedelta(hours=3)) == (
        tab,
        [],
    )


def test_a_destroyed_machine_that_still_shows_is_not_billed() -> None:
    """Vast's list lags; what lives longer than that is alive, and its time is made up for."""
    seen = instance(created_at=NOW, running_since=NOW)
    tab = tabs.opened(rental(), seen.contract, seen, NOW)
    tab, _ = tabs.read(tab, seen, NOW + timedelta(minutes=30))
    tab = tabs.destroyed(tab, NOW + timedelta(minutes=30))

    lagging, _ = tabs.read(tab, seen, NOW + timedelta(minutes=31))
    alive, _ = tabs.read(tab, seen, NOW + timedelta(minutes=59))

    assert lagging == tab
    assert alive.read_until == NOW + timedelta(minutes=59)
    assert alive.destroyed_at is None


def test_a_creation_before_its_rental_is_not_believed() -> None:
    """A wrong date of Vast's books no years before, and makes no machine too slow to start."""
    long_ago = instance(created_at=NOW - timedelta(days=2000), running_since=NOW)
    row = rental(contract=long_ago.contract, sent_at=NOW, created_at=NOW)
    at = NOW + timedelta(minutes=10)

    tab = tabs.opened(row, long_ago.contract, long_ago, at)

    assert tab.read_until == NOW
    assert seen(row, long_ago, at).created_at == NOW


def test_a_machine_that_was_taken_in_is_older_than_its_rental() -> None:
    """Its rental began when the sweep found it; its bill began before."""
    old = instance(created_at=NOW - timedelta(days=2), running_since=NOW)
    row = rental(contract=old.contract, adopted_at=NOW)

    assert tabs.opened(row, old.contract, old, NOW).read_until == NOW - timedelta(days=2)


def test_a_closed_tab_is_opened_by_a_machine_that_comes_back() -> None:
    """One that had vanished: what it burned meanwhile is booked."""
    seen = instance(created_at=NOW, running_since=NOW)
    tab = tabs.opened(rental(), seen.contract, seen, NOW)
    tab, _ = tabs.read(tab, seen, NOW + timedelta(minutes=10))
    tab, _ = tabs.end(tab, NOW + timedelta(minutes=10))

    again, booked = tabs.read(tab, seen, NOW + timedelta(minutes=70))

    assert again.ended_at is None
    assert Usd.sum(e.amount for e in booked if e.kind is Kind.GPU) == Usd.of("0.2475")


def test_books_of_an_older_version_are_taken_up_where_they_end() -> None:
    """Nothing before `settled_until` is booked again."""
    row = rental(contract=ContractId(5001), created_at=NOW, settled_until=NOW + timedelta(hours=3))
    seen = instance(created_at=NOW, running_since=NOW)
    tab = tabs.opened(row, ContractId(5001), seen, NOW + timedelta(hours=4))

    _, booked = tabs.read(tab, seen, NOW + timedelta(hours=4))

    assert {e.period_start for e in booked} == {NOW + timedelta(hours=3)}
    assert Usd.sum(e.amount for e in booked if e.kind is Kind.GPU) == Usd.of("0.297")
