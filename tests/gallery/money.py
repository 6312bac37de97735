"""Money and rules: spending, budgets, requests, the team's settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.access import Actor
from bot.domain.budgets import Grant, Month, Use
from bot.domain.credit import Funds
from bot.domain.ledger import cost
from bot.domain.money import Usd
from bot.domain.pictures import Picture, Series
from bot.domain.policy_values import Values
from bot.domain.purses import TEAM, Scope, Subject
from bot.errors import OverBudget
from bot.services.credit import Known
from bot.services.spend import Compared, Line, Report
from cogs.ui import budgets, look, settings, spending
from tests.builders import OWNER
from tests.gallery.facts import LEAD, the_machine


def cards(now: datetime) -> Mapping[str, look.Card]:
    """As a member and as a lead see them."""
    uses = [
        Use(subject=TEAM, limit=Usd.of(400), spent=Usd.of("148.90"), held=Usd.of("12.30")),
        Use(subject=Subject(Scope.MEMBER, OWNER), limit=Usd.of(30), spent=Usd.of("28.75")),
    ]
    month = Month(f"{now:%Y-%m}", now - timedelta(days=20), now + timedelta(days=8))
    over = OverBudget(
        "over",
        over=2_300_000,
        public="Your budget is $30.00 a month: $28.75 is used, and this needs $3.55.",
        hint="Ask a lead for more, or plan fewer hours.",
    )
    grant = Grant(
        id="grant", guild_id=1, member_id=OWNER, amount=Usd.of(5), month=month.name, asked_at=now
    )
    ada = Actor(id=OWNER, guild_id=1, name="Ada")
    lea = Actor(id=LEAD, guild_id=1, name="Lea", lead=True, manager=True)
    return {
        "spend": spending.card(_report(now), whose=f"<@{OWNER}>"),
        "spend-none": spending.card(Report(member_id=1, at=now, lines=())),
        "budget": budgets.standing(month, uses, lead=False),
        "budget-none": budgets.standing(month, [], lead=True),
        "budget-changed": budgets.changed(TEAM, uses[0]),
        "over-budget": budgets.over(over, "bcdfghjkmnpq"),
        "request": budgets.request(grant),
        "settings-lead": settings.team(lea, Values({})),
        "settings-member": settings.team(ada, Values({})),
        "settings-own": settings.member(ada, OWNER, Values({})),
    }


def _report(now: datetime) -> Report:
    machine = the_machine(now)
    line = Line(
        rental=machine,
        cost=cost(machine, now),
        quoted=Usd.of("0.64"),
        reckoned=Usd.of("0.66"),
        billed=Usd.of("0.66"),
    )
    funds = Funds(at=now, credit=Usd.of("84.20"), per_hour=Usd.of("0.22"), machines=1)
    return Report(
        member_id=None,
        at=now,
        lines=(line,),
        per_hour=machine.per_hour,
        credit=Known(funds=funds),
        compared=Compared(
            count=1, quoted=Usd.of("0.64"), reckoned=Usd.of("0.66"), billed=Usd.of("0.66")
        ),
        picture=Picture(
            title="Spending", days=(now.date(),), series=(Series("Ada", (Usd.of("0.66"),)),)
        ),
    )
