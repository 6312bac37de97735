"""Budgets as cards: how they stand, a refusal with what to do about it, requests and answers."""

from __future__ import annotations

import calendar
from collections.abc import Sequence

from bot.domain.budgets import VALID, Budget, Grant, Month, Scope, Subject, Use
from bot.errors import OverBudget
from cogs.ui import buttons, look

CHANGES = 5
_CELLS = 12


def standing(
    month: Month, uses: Sequence[Use], *, lead: bool, changes: Sequence[Budget] = ()
) -> look.Card:
    """Every budget that concerns somebody, the team's first; for leads who set what, newest
    first."""
    if not uses:
        how = "Set one with /budget set." if lead else "A lead can set one."
        return look.card(
            f"### No budget\nNothing limits what is spent. {how}",
            _changes(changes),
        )
    said = _changes(changes)
    return look.card(
        f"### Budgets of {_named(month)}",
        look.listing(
            (row(use) for use in uses),
            lambda left: f"… and {left} more",
            room=look.ROOM - len(said),
        ),
        "-# Used is what the machines have cost this month; held is what those that run may still "
        f"cost until their planned end. The month ends {look.ago(month.end)}.",
        said,
    )


def changed(subject: Subject, use: Use | None) -> look.Card:
    """The answer to a lead who set a limit."""
    if use is None:
        return look.card(f"### {name(subject)}: no limit now")
    beyond = ""
    if use.spent >= use.limit + use.granted:
        beyond = "**More than that is used already:** nothing new can be begun on it this month."
    return look.card(
        look.lines(f"### {name(subject)}: {use.limit} a month", row(use), beyond),
        colour=look.ENDING if beyond else look.READY,
    )


def over(error: OverBudget, quote_id: str, *, direct: bool = False) -> look.Card:
    """Instead of a rental: the sums, and how to ask. Rent may be pressed again after a yes.

    In a direct message no lead would see the request, so it is asked for in the server.
    """
    dollars = -(-error.over // 1_000_000)
    ask = buttons.AskMore(f"{quote_id}0{dollars}", label=f"Ask a lead for ${dollars:,}")
    elsewhere = f"To ask for ${dollars:,}, type /budget request in the server."
    return look.card(
        f"### Not within the budget\n{error.public}",
        look.lines(f"-# {error.hint}", look.small(elsewhere) if direct else ""),
        colour=look.FAILED,
        controls=[
            *([] if direct else [ask]),
            buttons.Rent(quote_id),
            buttons.DropQuote(quote_id),
        ],
    )


def asked() -> look.Card:
    """What the one who asks reads; the request itself stands in the channel."""
    return look.card(
        "### The leads are asked\nYour request stands in this channel, for one of them to answer.",
        colour=look.WORKING,
    )


def request(grant: Grant) -> look.Card:
    """What the leads see, with Approve and Deny until one of them has answered."""
    asked = f"<@{grant.member_id}> asks for **{grant.amount}** more this month"
    if grant.decided_at is None:
        until = grant.asked_at + VALID
        return look.card(
            f"### A request for the leads\n{asked}, beyond the budget.",
            f"-# It waits for a lead until {look.moment(until)}.",
            colour=look.WORKING,
            controls=[buttons.Approve(grant.id), buttons.Deny(grant.id)],
        )
    by = f"<@{grant.decided_by}>"
    if not grant.approved:
        return look.card(f"### Denied by {by}\n{asked}.", colour=look.ENDED)
    until = grant.decided_at + VALID
    return look.card(
        f"### Approved by {by}\n{asked}. Something can be begun on it until {look.moment(until)}.",
        "-# A quote is good for ten minutes; after that, ask for a new one with /rent."
        if grant.quote_id is not None
        else "",
        colour=look.READY,
    )


def row(use: Use) -> str:
    """A budget in two lines; for the board too."""
    whole = use.limit + use.granted
    held = f" · {use.held} held" if use.held.micros else ""
    granted = f" · {use.granted} of it approved on top" if use.granted.micros else ""
    left = f"{use.left} left" if use.left.micros >= 0 else f"{-use.left} over"
    return (
        f"**{name(use.subject)}** · {use.spent} of {whole} used · {left}\n"
        f"`{_bar(use)}` {use.percent} %{held}{granted}"
    )


def name(subject: Subject) -> str:
    match subject.scope:
        case Scope.TEAM:
            return "The team"
        case Scope.ROLE:
            return f"<@&{subject.id}>"
        case Scope.MEMBER:
            return f"<@{subject.id}>"


def _changes(changes: Sequence[Budget]) -> str:
    return look.lines("**Last changes**", *(_change(one) for one in changes)) if changes else ""


def _change(one: Budget) -> str:
    limit = f"{one.amount} a month" if one.amount is not None else "no limit"
    return f"{look.ago(one.set_at)} by <@{one.set_by}>: {name(one.subject)} **{limit}**"


def _named(month: Month) -> str:
    """“November 2026”, of 2026-11."""
    year, _, number = month.name.partition("-")
    return f"{calendar.month_name[int(number)]} {year}"


def _bar(use: Use) -> str:
    """Used, held, free: told apart without colour."""
    whole = max((use.limit + use.granted).micros, 1)
    used = min(_CELLS, max(use.spent.micros, 0) * _CELLS // whole)
    held = min(_CELLS - used, -(-max(use.held.micros, 0) * _CELLS // whole))
    return "█" * used + "▒" * held + "░" * (_CELLS - used - held)
