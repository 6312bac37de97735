"""Budgets: months of the team's zone, what open rentals hold, the tightest, and amounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.budgets import (
    TEAM,
    Grant,
    Scope,
    Subject,
    Use,
    amount,
    demand_room,
    hold,
    marks,
    month_of,
    subjects,
    tightest,
)
from bot.domain.money import Usd
from bot.domain.rentals import Reason, State
from bot.errors import BadInput, OverBudget
from tests.domain.facts import NOW, offer, rental

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
HOUR = timedelta(hours=1)
ADA = Subject(Scope.MEMBER, 1)


def use(left: str, subject: Subject = TEAM, **more: Usd) -> Use:
    return Use(subject=subject, limit=Usd.of(left), spent=Usd(), **more)


@pytest.mark.parametrize(
    ("at", "zone", "name", "start", "hours"),
    [
        ("2026-03-31T21:59Z", BERLIN, "2026-03", "2026-02-28T23:00Z", 31 * 24 - 1),  # clocks go on
        ("2026-03-31T22:00Z", BERLIN, "2026-04", "2026-03-31T22:00Z", 30 * 24),
        ("2026-10-31T23:30Z", BERLIN, "2026-11", "2026-10-31T23:00Z", 30 * 24),
        ("2026-10-25T01:30Z", BERLIN, "2026-10", "2026-09-30T22:00Z", 31 * 24 + 1),  # and back
        ("2026-11-01T05:30Z", NEW_YORK, "2026-11", "2026-11-01T04:00Z", 30 * 24 + 1),
        ("2026-12-31T23:59Z", UTC, "2026-12", "2026-12-01T00:00Z", 31 * 24),
        ("2028-02-29T12:00Z", UTC, "2028-02", "2028-02-01T00:00Z", 29 * 24),
    ],
)
def test_a_month_is_one_of_the_teams_own_zone(
    at: str, zone: ZoneInfo, name: str, start: str, hours: int
) -> None:
    """From midnight to midnight there, whatever clocks are changed in between."""
    month = month_of(datetime.fromisoformat(at), zone)

    assert (month.name, month.start) == (name, datetime.fromisoformat(start))
    assert month.end - month.start == hours * HOUR


def test_an_open_rental_holds_its_price_until_its_planned_end() -> None:
    """From now; without a plan, and past it, the next hour; none once it is being destroyed."""
    month = month_of(NOW, UTC)
    planned = rental(hours=10, created_at=NOW, agreed_per_hour=Usd.of("0.5"))
    open_ended = rental(created_at=NOW, agreed_per_hour=Usd.of("0.5"))

    assert hold(planned, month, NOW) == Usd.of(5)
    assert hold(planned, month, NOW + 8 * HOUR) == Usd.of(1)
    assert hold(planned, month, NOW + 20 * HOUR) == Usd.of("0.5")
    assert hold(open_ended, month, NOW + 3 * HOUR) == Usd.of("0.5")
    for state in (State.DESTROYING, State.CLOSED):
        assert hold(rental(hours=10, state=state), month, NOW) == Usd()


def test_a_rental_holds_on_while_its_failed_machine_is_destroyed() -> None:
    """Another is rented for it as soon as that one is gone, at the price that was agreed to:
    nobody takes the money in between."""
    failed = rental(
        hours=10,
        created_at=NOW,
        agreed_per_hour=Usd.of("0.5"),
        rates=offer().rates,
        state=State.DESTROYING,
        reason=Reason.PRICE_ROSE,
        replacing=True,
    )

    assert hold(failed, month_of(NOW, UTC), NOW) == Usd.of(5)


def test_what_falls_into_the_next_month_is_not_held_in_this_one() -> None:
    """Two hours before midnight of the last day, ten planned: two count."""
    late = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
    planned = rental(hours=10, created_at=late, agreed_per_hour=Usd.of("0.5"))

    assert hold(planned, month_of(late, UTC), late) == Usd.of(1)
    assert hold(planned, month_of(late + 3 * HOUR, UTC), late + 3 * HOUR) == Usd.of("3.5")


def test_the_tightest_budget_decides() -> None:
    """Of a person in two roles: what is left, not what the limit is."""
    roles = [Subject(Scope.ROLE, 7), Subject(Scope.ROLE, 8)]
    uses = [use("40", ADA, held=Usd.of(10)), use("25", roles[0]), use("100", roles[1]), use("90")]

    assert subjects(1, [8, 7]) == [ADA, *roles, TEAM]
    assert tightest(uses) == uses[1]
    assert tightest([]) is None
    demand_room(uses, Usd.of(25))
    with pytest.raises(OverBudget) as refused:
        demand_room(uses, Usd.of("25.01"))
    assert refused.value.over == 10_000
    assert "The budget of a role is $25.00 a month" in refused.value.public


def test_marks_are_passed_by_what_is_spent_not_by_what_is_held() -> None:
    """Grants widen the budget; one of nothing is used up from the start."""

    def at(spent: str, granted: str = "0") -> list[int]:
        money = Use(
            subject=TEAM,
            limit=Usd.of(40),
            spent=Usd.of(spent),
            held=Usd.of(30),
            granted=Usd.of(granted),
        )
        return marks(money)

    assert at("19.99") == []
    assert at("20") == [50]
    assert at("39.99") == [50, 80]
    assert at("45") == [50, 80, 100]
    assert at("45", granted="40") == [50]
    assert marks(use("0")) == [50, 80, 100]


def test_an_approval_is_valid_for_a_day() -> None:
    """And a request waits as long for its answer."""
    asked = Grant(id="g", guild_id=1, member_id=2, amount=Usd(1), month="2026-11", asked_at=NOW)
    given = Grant(
        id="g",
        guild_id=1,
        member_id=2,
        amount=Usd(1),
        month="2026-11",
        asked_at=NOW,
        decided_at=NOW,
        approved=True,
    )

    assert asked.waits(NOW + 23 * HOUR)
    assert not asked.waits(NOW + 24 * HOUR)
    assert not asked.counts(NOW)
    assert given.counts(NOW + 23 * HOUR)
    assert not given.counts(NOW + 24 * HOUR)


@pytest.mark.parametrize(
    ("typed", "dollars"),
    [("40", "40"), ("$1,250.50", "1250.5"), ("12.4 usd", "12.4"), ("0", "0"), (" $ 7 ", "7")],
)
def test_amounts_are_read_as_people_write_them(typed: str, dollars: str) -> None:
    """With a dollar sign, with commas between thousands."""
    assert amount(typed) == Usd.of(dollars)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "-5",
        "$1e9",
        "1,25",
        "1.234",
        "NaN",
        "inf",
        "1000001",
        "999999999",
        "4O",
        "٤",
        "1.000,50",
        "$-5",
        "1,00,000",
        "0x10",
        "40.005",
        "€40",
    ],
)
def test_amounts_that_are_none_or_absurd_are_refused(typed: str) -> None:
    """Negative, a power of ten, commas for cents, more than a million."""
    with pytest.raises(BadInput) as refused:
        amount(typed)

    assert refused.value.public == "That is not an amount between $0 and $1,000,000."
