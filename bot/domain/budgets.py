"""Budgets: dollars a month for a person, a role or the team, and what may still be begun.

A month is one of the team's own time zone. What counts against a budget is what the books hold for
the month, what is not booked yet, and what open rentals may still cost until their planned end
(or its end, if that comes first). The tightest budget decides. Whose role a rental counts for is
written down when it begins, so it stays so if the role is taken away or the member leaves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from bot.domain.money import ZERO, Usd
from bot.domain.purses import TEAM as TEAM
from bot.domain.purses import Scope as Scope
from bot.domain.purses import Subject as Subject
from bot.domain.rentals import Rental, State
from bot.errors import BadInput, OverBudget

HOUR = timedelta(hours=1)
MARKS = (50, 80, 100)
"""Percent of a budget at which somebody is told."""

WARNED = 101
"""Stands beside the marks, beyond all percents, from the warning that machines end until the budget
has room again or the team's policy ends none."""

VALID = timedelta(hours=24)
"""How long a request waits for its answer, and an approval may be used."""

WARNING = timedelta(minutes=30)
"""Between the warning and the end of machines, where the team has chosen that."""

MOST = Usd.of(1_000_000)

_AMOUNT = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+|\d{1,9})(\.\d{1,2})?\s*(?:\$|usd)?", re.ASCII)


class AtLimit(StrEnum):
    """What happens when a budget is used up."""

    REFUSE = "refuse"  # nothing new is rented
    ASK = "ask"  # nor that, unless a lead approves it
    END = "end"  # and what runs is archived and destroyed, after a warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit as it was set; None takes it away."""

    subject: Subject
    amount: Usd | None
    set_by: int
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of a zone: its name, like 2026-11, and its bounds in UTC."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How a budget stands. `granted` is what leads have approved on top of it: what may still be
    begun on, or was."""

    subject: Subject
    limit: Usd
    spent: Usd
    held: Usd = ZERO
    granted: Usd = ZERO

    @property
    def left(self) -> Usd:
        """May be negative."""
        return self.limit + self.granted - self.spent - self.held

    @property
    def percent(self) -> int:
        """Of limit and grants, what is spent for good; rounded down."""
        whole = (self.limit + self.granted).micros
        return 100 if whole <= 0 else max(0, self.spent.micros) * 100 // whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A request for more, and what became of it."""

    id: str
    guild_id: int
    member_id: int
    amount: Usd
    month: str
    asked_at: datetime
    quote_id: str | None = None
    decided_at: datetime | None = None
    decided_by: int | None = None
    approved: bool = False

    def waits(self, now: datetime) -> bool:
        return self.decided_at is None and now < self.asked_at + VALID

    def counts(self, now: datetime) -> bool:
        """Whether something may be begun on the strength of it."""
        return self.approved and self.decided_at is not None and now < self.decided_at + VALID


def month_of(at: datetime, zone: tzinfo) -> Month:
    """The month of a moment. Its bounds are midnights there, whatever clocks are changed within."""
    first = at.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return Month(f"{first:%Y-%m}", first.astimezone(UTC), after.astimezone(UTC))


def subjects(member_id: int, role_ids: Collection[int]) -> list[Subject]:
    """Whose budgets something a person begins counts against."""
    roles = [Subject(Scope.ROLE, role) for role in sorted(role_ids)]
    return [Subject(Scope.MEMBER, member_id), *roles, TEAM]


def hold(rental: Rental, month: Month, now: datetime) -> Usd:
    """What an open rental may still cost this month until its planned end.

    Without planned hours, and past their end, it is the next hour: it runs on until somebody or
    the idle watch ends it. While a machine that failed is destroyed, the next one is held for.
    """
    if not rental.open or (rental.state is State.DESTROYING and not rental.replacing):
        return ZERO
    until = held_until(rental.created_at or rental.requested_at, rental.hours, month, now)
    known = rental.rates is not None and not rental.replacing  # of the machine that is held for
    rate = rental.per_hour if known else rental.agreed_per_hour
    return rate.over(max(until - max(now, month.start), timedelta()), per=HOUR)


def held_until(begun: datetime, hours: int | None, month: Month, now: datetime) -> datetime:
    """Up to when a rental's money is held: its planned end, an hour from now at least, within the
    month."""
    end = begun + timedelta(hours=hours) if hours else now
    return min(max(end, now + HOUR), month.end)


def tightest(uses: Sequence[Use]) -> Use | None:
    """The budget with the least left."""
    return min(uses, key=lambda use: (use.left, use.subject.scope, use.subject.id), default=None)


def marks(use: Use) -> list[int]:
    """The marks that have been passed."""
    return [mark for mark in MARKS if use.percent >= mark]


def amount(typed: str) -> Usd:
    """Dollars as people write them: `40`, `$1,250.50`. Raises BadInput for everything else."""
    match = _AMOUNT.fullmatch(typed.strip().lower())
    found = Usd.of(match[1].replace(",", "") + (match[2] or "")) if match else None
    if found is None or found > MOST:
        raise BadInput(
            f"no amount: {typed[:40]!r}",
            public=f"That is not an amount between $0 and ${MOST.dollars:,.0f}.",
            hint="Write dollars with a point for cents, like 40 or 1,250.50.",
        )
    return found


def whose(subject: Subject) -> str:
    """How a sentence about a budget begins."""
    match subject.scope:
        case Scope.MEMBER:
            return "This person's budget"
        case Scope.ROLE:
            return "The budget of a role"
        case Scope.TEAM:
            return "The team's budget"


def demand_room(uses: Sequence[Use], need: Usd) -> None:
    """Raise OverBudget where the tightest of these budgets has not that much left."""
    worst = tightest(uses)
    if worst is None or need <= worst.left:
        return
    held = f", {worst.held} is held by what runs" if worst.held.micros else ""
    granted = f" and {worst.granted} approved on top" if worst.granted.micros else ""
    raise OverBudget(
        f"{worst.subject} has {worst.left} left, {need} needed",
        over=(need - worst.left).micros,
        public=f"{whose(worst.subject)} is {worst.limit} a month{granted}: {worst.spent} is used"
        f"{held}. This needs up to {need} more.",
        hint="Plan fewer hours, take a cheaper machine, or ask a lead for more.",
    )
