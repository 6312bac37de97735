"""The buttons of a request for more money."""

from __future__ import annotations

from typing import Protocol, cast

from bot.domain.money import Usd
from cogs.ui.buttons.button import Press, Style, button


class Spending(Protocol):
    """The cog about spending."""

    async def week(self, press: Press) -> None: ...


class Money(Protocol):
    """The cog about budgets."""

    async def ask(self, press: Press, more: Usd, quote_id: str | None = None) -> None: ...
    async def decide(self, press: Press, grant_id: str, *, approved: bool) -> None: ...


def cog(press: Press) -> Money:
    return cast(Money, press.client.get_cog("budget"))


async def _ask(press: Press, chosen: str) -> None:
    quote, _, dollars = chosen.partition("0")
    await cog(press).ask(press, Usd.of(dollars or 0), quote)


# A lead's answer to a request for more money, as the next one.
Approve = button(
    "grant",
    "Approve",
    Style.success,
    lambda press, grant: cog(press).decide(press, grant, approved=True),
)

Deny = button(
    "deny",
    "Deny",
    Style.secondary,
    lambda press, grant: cog(press).decide(press, grant, approved=False),
)

# Below a refusal. Which quote and how many dollars are parted by a zero, which no id has.
AskMore = button(
    "ask",
    "Ask a lead",
    Style.primary,
    _ask,
)

# Below a lead's view of the whole team. The subject says nothing yet.
ShowWeek = button(
    "week",
    "Show the week's report",
    Style.secondary,
    lambda press, _: cast(Spending, press.client.get_cog("Spend")).week(press),
)

BUTTONS = (
    ShowWeek,
    Approve,
    Deny,
    AskMore,
)
