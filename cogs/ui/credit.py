"""How long the account's credit lasts, in a line: for `/spend` and the board."""

from __future__ import annotations

from bot.domain import credit_words as words
from bot.domain.credit import Funds
from bot.domain.money import hourly
from cogs.ui import look


def line(funds: Funds | None, *, stale: bool = False) -> str:
    """Or that it is not known; `stale` where the newest look at it failed."""
    if funds is None:
        return "Vast credit: not known yet, so nothing is said of how long it lasts."
    others = f" ({funds.others} not ours)" if funds.others else ""
    lasts = f"**{words.left(funds)}**" if funds.per_hour.micros else "nothing uses it"
    burn = (
        f" at {hourly(funds.per_hour)} for {funds.machines} "
        f"machine{'s' if funds.machines != 1 else ''}{others}"
        if funds.per_hour.micros
        else ""
    )
    old = f"\n-# As of {look.ago(funds.at)}: it has not been readable since." if stale else ""
    return f"Vast credit {funds.credit}: {lasts}{burn}.{old}"
