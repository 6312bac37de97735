"""Budgets as cards: how they stand, a refusal with what to do about it, requests and answers."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.domain.budgets import VALID, Grant, Month, Scope, Subject, Use
from bot.domain.money import Usd
from bot.errors import OverBudget
from cogs.ui import buttons, look
from cogs.ui.buttons import _ID, Press, _Button, _Face

_CELLS = 12


class Approve(_Button, template=rf"bellhop:grant:(?P<subject>{_ID})"):
    prefix = "bellhop:grant"
    face = _Face("Approve", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        await press.client.get_cog("budget").decide(press, self.subject, approved=True)  # type: ignore[union-attr]


class Deny(_Button, template=rf"bellhop:deny:(?P<subject>{_ID})"):
    prefix = "bellhop:deny"
    face = _Face("Deny", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await press.client.get_cog("budget").decide(press, self.subject, approved=False)  # type: ignore[union-attr]


class AskMore(_Button, template=rf"bellhop:more:(?P<subject>{_ID})"):
    """Below a refusal. Which quote and how many dollars are parted by a zero, which no id has."""

    prefix = "bellhop:more"
    face = _Face("Ask a lead", discord.ButtonStyle.primary)

    async def pressed(self, press: Press) -> None:
        quote_id, _, dollars = self.subject.partition("0")
        ask = press.client.get_cog("budget").ask  # type: ignore[union-attr]
        await ask(press, Usd.of(dollars or 0), quote_id)


def standing(month: Month, uses: Sequence[Use], *, lead: bool) -> look.Card:
    """Every budget that concerns somebody, the team's first."""
    if not uses:
        how = "Set one with /budget set." if lead else "A lead can set one."
        return look.card(f"### No budget\nNothing limits what is spent. {how}")
    return look.card(
        f"### Budgets of {month.name}",
        look.listing((_row(use) for use in uses), lambda left: f"… and {left} more"),
        "-# Used is what the machines have cost this month; held is what those that run may still "
        f"cost until their planned end. The month ends {look.ago(month.end)}.",
    )


def changed(subject: Subject, use: Use | None) -> look.Card:
    """The answer to a lead who set a limit."""
    if use is None:
        return look.card(f"### {name(subject)}: no limit now")
    beyond = ""
    if use.spent >= use.limit + use.granted:
        beyond = "**More than that is used already:** nothing new can be begun on it this month."
    return look.card(
        look.lines(f"### {name(subject)}: {use.limit} a month", _row(use), beyond),
        colour=look.ENDING if beyond else look.READY,
    )


def over(error: OverBudget, quote_id: str) -> look.Card:
    """Instead of a rental: the sums, and how to ask. Rent may be pressed again after a yes."""
    dollars = -(-error.over // 1_000_000)
    return look.card(
        f"### Not within the budget\n{error.public}",
        f"-# {error.hint}",
        colour=look.FAILED,
        controls=[
            AskMore(f"{quote_id}0{dollars}", label=f"Ask a lead for ${dollars:,}"),
            buttons.Rent(quote_id),
            buttons.DropQuote(quote_id),
        ],
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
            controls=[Approve(grant.id), Deny(grant.id)],
        )
    by = f"<@{grant.decided_by}>"
    if not grant.approved:
        return look.card(f"### Denied by {by}\n{asked}.", colour=look.ENDED)
    until = grant.decided_at + VALID
    return look.card(
        f"### Approved by {by}\n{asked}. Something can be begun on it until {look.moment(until)}.",
        colour=look.READY,
    )


def name(subject: Subject) -> str:
    match subject.scope:
        case Scope.TEAM:
            return "The team"
        case Scope.ROLE:
            return f"<@&{subject.id}>"
        case Scope.MEMBER:
            return f"<@{subject.id}>"


def _row(use: Use) -> str:
    whole = use.limit + use.granted
    held = f" · {use.held} held" if use.held.micros else ""
    granted = f" · {use.granted} of it approved on top" if use.granted.micros else ""
    left = f"{use.left} left" if use.left.micros >= 0 else f"{-use.left} over"
    return (
        f"**{name(use.subject)}** · {use.spent} of {whole} used · {left}\n"
        f"`{_bar(use)}` {use.percent} %{held}{granted}"
    )


def _bar(use: Use) -> str:
    """Used, held, free: told apart without colour."""
    whole = max((use.limit + use.granted).micros, 1)
    used = min(_CELLS, max(use.spent.micros, 0) * _CELLS // whole)
    held = min(_CELLS - used, -(-max(use.held.micros, 0) * _CELLS // whole))
    return "█" * used + "▒" * held + "░" * (_CELLS - used - held)
