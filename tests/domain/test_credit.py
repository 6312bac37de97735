"""How long the credit lasts, which marks are told, what is archived and ended before it is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.credit import (
    ENDS,
    FRESH,
    LAST,
    WARNING,
    AtDry,
    Funds,
    Order,
    Work,
    ends,
    funds,
    lead,
    plan,
    ranked_by,
    recovered,
    to_tell,
)
from bot.domain.credit_words import lasts
from bot.domain.money import Usd
from bot.domain.omens import Omen, Sign
from bot.domain.rentals import ContractId, Reason, Rental, RentalId, State, Status
from bot.domain.steps import Save, Saved
from bot.domain.transitions import after
from tests.builders import some_rates
from tests.domain.facts import NOW, instance, rental

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def seen(hours: float, *, per_hour: str = "1") -> Funds:
    """Credit for so many hours."""
    rate = Usd.of(per_hour)
    return Funds(at=NOW, credit=rate.over(hours * HOUR, per=HOUR), per_hour=rate, machines=2)


def ready(name: str, *, price: str = "0.3", **changes: object) -> Rental:
    facts: dict[str, object] = {
        "id": RentalId(name),
        "state": State.READY,
        "ready_at": NOW,
        "rates": some_rates(gpu_per_hour=Usd.of(price)),
    }
    return rental(**facts | changes)


def work(name: str, *, takes: int = 10, idle: bool = False, **changes: object) -> Work:
    told = {key: changes.pop(key) for key in ("told_at", "announced") if key in changes}
    return Work(rental=ready(name, **changes), takes=takes * MINUTE, idle=idle, **told)


def names(rentals: object) -> list[str]:
    return [getattr(one, "rental", one).id for one in rentals]  # type: ignore[attr-defined]


def test_everything_on_the_account_burns_the_credit() -> None:
    """A stopped machine its disk, a stranger's like ours, one that comes up as if it ran."""
    running = instance(gpu_billed=True)
    stopped = instance(contract=ContractId(2), status=Status.STOPPED, gpu_billed=False)
    strange = instance(contract=ContractId(3), label="other/x", gpu_billed=True)
    coming = instance(contract=ContractId(4), status=Status.STARTING, gpu_billed=False)
    offline = instance(
        contract=ContractId(5), status=Status.LOST, gpu_billed=False, disk_billed=False
    )
    machines = [running, stopped, strange, coming, offline]

    found = funds(Usd.of(10), machines, {running.contract, stopped.contract}, NOW)

    disk = Usd.of("0.00694")  # 10 GB for an hour
    assert found.per_hour == Usd.sum([Usd.of("0.297").times(3), disk.times(4)])
    assert (found.machines, found.others) == (5, 3)
    assert found.left == timedelta(seconds=10_000_000 * 3600 // found.per_hour.micros)


def test_what_burns_nothing_lasts_and_what_is_owed_is_gone() -> None:
    """And a machine whose price cannot be read makes it at most."""
    assert funds(Usd.of(10), [], (), NOW).left is None
    owed = replace(seen(1), credit=Usd.of("-0.03"))
    assert owed.left == timedelta()
    unread = funds(Usd.of(10), [instance(rates=None), instance(gpu_billed=True)], (), NOW)
    assert unread.unpriced == 1
    assert "lasts at most until" in lasts(unread)
    assert "Vast may stop them at any moment" in lasts(owed)


def test_a_credit_for_a_thousand_years_is_no_trouble() -> None:
    """A disk of a few cents and a large account."""
    assert Funds(at=NOW, credit=Usd.of(10**9), per_hour=Usd(1)).dry_at is not None


@pytest.mark.parametrize(
    ("hours", "told", "mark"),
    [
        (30, [], None),
        (24, [], 24),
        (7, [24], None),
        (6, [24], 6),
        (0.5, [24, 6], 1),
        (0.5, [], 1),
        (0.5, [1], None),
        (5, [1], None),
        (5, [24, 6], None),
    ],
)
def test_each_mark_is_told_once_a_descent(hours: float, told: list[int], mark: int | None) -> None:
    """Of several that were passed at once the last is said, and none before it after that."""
    assert to_tell(seen(hours), [one * HOUR for one in told]) == (mark * HOUR if mark else None)


def test_a_mark_is_taken_back_only_where_it_lasts_clearly_longer() -> None:
    """A little up and down around a mark tells nothing anew."""
    assert not recovered(seen(6.5), 6 * HOUR)
    assert not recovered(seen(7.5), 6 * HOUR)
    assert recovered(seen(8), 6 * HOUR)
    assert recovered(replace(seen(1), per_hour=Usd()), 6 * HOUR)


def test_the_order_is_the_policys() -> None:
    """Nobody's first and then the dearest, by default."""
    works = [
        work("cheap", price="0.1", requested_at=NOW - HOUR),
        work("dear", price="2", requested_at=NOW),
        work("idle", price="0.2", idle=True, requested_at=NOW - 2 * HOUR),
        work("old", price="0.3", requested_at=NOW - 9 * HOUR),
    ]

    assert names(ranked_by(Order.IDLE, works)) == ["idle", "dear", "old", "cheap"]
    assert names(ranked_by(Order.DEAREST, works)) == ["dear", "old", "idle", "cheap"]
    assert names(ranked_by(Order.CHEAPEST, works)) == ["cheap", "idle", "old", "dear"]
    assert names(ranked_by(Order.OLDEST, works)) == ["old", "idle", "cheap", "dear"]


def test_archives_begin_early_enough_to_end_in_that_order() -> None:
    """The first has the time that all of them take; the last only its own."""
    works = [work("a", takes=80, price="3"), work("b", takes=40, price="2"), work("c", price="1")]

    first, last = lead(works), lead(works[2:])
    assert first == LAST + 80 * MINUTE
    assert last == LAST + 10 * MINUTE
    early = plan(seen(3), works, Order.DEAREST, AtDry.SAVE)
    middle = plan(seen(2), works, Order.DEAREST, AtDry.SAVE)
    late = plan(seen(0.9), works, Order.DEAREST, AtDry.SAVE)
    assert names(early.save) == []
    assert names(middle.save) == ["a"]
    assert names(late.save) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "changes",
    [
        {"proven_at": NOW - FRESH + MINUTE},
        {"save_asked_at": NOW - MINUTE},
        {"released_at": NOW},
        {"state": State.ARCHIVING},
        {"save_next_at": NOW + MINUTE, "save_fails": 1},
        {"held": "40 GB would be sent", "held_at": NOW},
        {"omens": (Omen(sign=Sign.STOPPED, since=NOW),)},
    ],
)
def test_what_is_saved_already_or_cannot_be_is_left_alone(changes: dict[str, object]) -> None:
    """Nor is an owner's answer anticipated."""
    due = plan(seen(0.5), [work("a", **changes)], Order.IDLE, AtDry.SAVE)

    assert due.save == ()


def test_an_archive_that_has_aged_is_made_anew() -> None:
    """It ran on meanwhile."""
    old = work("a", proven_at=NOW - FRESH - MINUTE)

    assert names(plan(seen(0.5), [old], Order.IDLE, AtDry.SAVE).save) == ["a"]


def test_where_vast_bills_afterwards_nothing_is_done() -> None:
    """Such an account may be below nothing for ever."""
    owed = replace(seen(1), credit=Usd.of(-30))

    due = plan(owed, [work("a", idle=True, told_at=NOW - HOUR)], Order.IDLE, AtDry.WARN)

    assert (due.save, due.announce, due.end) == ((), (), ())


def test_only_what_nobody_uses_ends_and_only_after_its_owner_was_told() -> None:
    """By default; told in vain is not told."""
    used, idle = work("used", price="0.5"), work("idle", price="0.4", idle=True)
    late = seen(0.5)

    first = plan(late, [used, idle], Order.IDLE, AtDry.IDLE)
    announced = replace(idle, announced=True)
    unheard = plan(late, [used, announced], Order.IDLE, AtDry.IDLE)
    just = replace(announced, told_at=NOW - WARNING + MINUTE)
    soon = plan(late, [used, just], Order.IDLE, AtDry.IDLE)
    told = replace(announced, told_at=NOW - WARNING)
    then = plan(late, [used, told], Order.IDLE, AtDry.IDLE)

    assert (names(first.announce), names(first.end)) == (["idle"], [])
    assert (names(unheard.announce), names(unheard.end)) == ([], [])
    assert names(soon.end) == []
    assert names(then.end) == ["idle"]
    assert "idle" not in names(then.save)
    assert names(plan(seen(0.8), [used, told], Order.IDLE, AtDry.IDLE).end) == []


def test_no_more_is_ended_than_makes_the_rest_last() -> None:
    """Of four at a dollar with money for half an hour, two go, in the policy's order."""
    works = [work(name, price="0.99306", told_at=NOW - HOUR) for name in "abcd"]
    four = seen(0.5, per_hour="4")

    due = plan(four, works, Order.OLDEST, AtDry.ALL)

    assert names(due.end) == ["a", "b", "c"]
    assert names(plan(four, works, Order.OLDEST, AtDry.SAVE).end) == []
    assert names(plan(replace(four, credit=Usd.of(3)), works, Order.OLDEST, AtDry.ALL).end) == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("left_out", ["", "2 files could not be read."])
def test_why_it_was_ended_is_known_to_the_end(left_out: str) -> None:
    """Through its archive, whose own note is kept beside it, to the last card."""
    row = replace(rental(state=State.ARCHIVING), released_at=NOW, reason=Reason.IDLE, note=ENDS)
    assert ends(row)

    row = after(row, Save(), Saved("a1", NOW, left_out), NOW)

    assert ends(row)
    assert row.note == f"{ENDS} {left_out}".strip()


def test_what_was_kept_after_all_is_not_ended_for_it() -> None:
    assert not ends(replace(rental(state=State.READY), note=ENDS))
    assert not ends(replace(rental(state=State.CLOSED), released_at=NOW, ended_by=7, note=ENDS))
    assert not ends(
        replace(rental(state=State.CLOSED), released_at=NOW, note="2 files were left out.")
    )
