"""For people who are new: `/help`, and the two lines above somebody's first quote."""

from __future__ import annotations

from bot.domain.policy_measures import said
from bot.domain.rentals import Quote
from bot.services.guide import Patience, Reach
from cogs.ui import budgets, look


def help_card(reach: Reach, *, lead: bool) -> look.Card:
    """What this person may do, how far they may go, how to begin, and every command."""
    return look.card(
        "### Bellhop rents GPU machines on Vast.ai\n"
        "A machine comes with a notebook you open from here. You pay by the second until it is "
        f"destroyed. {_forgotten(reach.patience)}",
        look.lines("**You**", _role(lead), *_limits(reach)),
        look.lines(
            "**To begin**",
            "1. /offers shows machines with their whole price. Choose one in the menu.",
            "2. Read the quote and press Rent. A card in the channel follows the machine.",
            "3. When it is ready, press Open on the card.",
            "4. For a bigger or smaller GPU, press More and choose Move: the work and the address "
            "come along.",
            "5. When you are done, press Archive and destroy. The card then says what it cost.",
        ),
        look.lines("**Commands**", *(f"-# {one}" for one in _COMMANDS)),
    )


def first_time(quote: Quote, patience: Patience | None) -> str:
    """What will happen and what it costs at most, to who never rented anything; else nothing."""
    if patience is None:
        return ""
    hours = quote.hours or 1
    span = f"the {hours} hours you plan" if hours > 1 else "one hour"
    most = quote.prospect.most if quote.prospect is not None else quote.per_hour.times(hours)
    return look.lines(
        "**Your first machine.** After Rent a card in this channel follows it, with Open to your "
        "notebook. Your work is archived before it ends.",
        f"At most **{most}** for {span}, transfer included; it costs by the second until you end "
        f"it. {_forgotten(patience)}",
    )


def _forgotten(patience: Patience) -> str:
    """What becomes of a machine that nobody uses."""
    asked = f"Unused for {said(patience.idle)}, it is asked about"
    if not patience.unattended:
        return f"{asked}, and runs on until somebody answers."
    return f"{asked}; {said(patience.answer)} later without an answer, archived and ended."


def _role(lead: bool) -> str:
    if not lead:
        return (
            "You are a member: rent machines, open and share your own, archive and end them, and "
            "ask the leads for more money. /settings has what is yours to choose."
        )
    return (
        "You are a lead: beside your own machines you see everybody's with /status and /spend, may "
        "/keep, /save, /share and /destroy them, answer requests, and set limits with /budget set "
        "and /settings. Notebooks open to their owners, and to those they are shared with."
    )


def _limits(reach: Reach) -> list[str]:
    """Machines and money: what there is, and what is left."""
    if not reach.uses:
        return [_machines(reach), "No budget limits what you spend."]
    return [_machines(reach), *(budgets.row(use) for use in reach.uses[:_MOST])]


_MOST = 6
"""Budgets of one person that are shown; /budget show has them all."""


def _machines(reach: Reach) -> str:
    return (
        f"Machines: you have {_count(reach.mine, reach.mine_allowed)}, "
        f"the team {_count(reach.team, reach.team_allowed)}."
    )


def _count(there: int, allowed: int) -> str:
    return f"{there} of {allowed}" if allowed else str(there)


_COMMANDS = (
    "/offers – what can be rented now, at what price",
    "/rent – the best machine for a wish, with a quote first",
    "/status – your machines: how far, how old, what they cost",
    "/board – who runs what, in one message of the channel that follows by itself",
    "/open – a private link to your notebook, or to another port of the machine",
    "/share, /unshare – let a teammate into your notebook for a time, and take it back",
    "/ssh, /sshkey – a terminal or VS Code on the machine, with your own keys",
    "/keep – not idle until then, whatever it looks like",
    "/save – archive a machine now, and keep it running",
    "/destroy – archive a machine, then end it; asks you first",
    "/archives – your saved workspaces: restore, download or delete them",
    "/spend – what you have spent, by machine",
    "/budget – how much of the month is used, and asking for more",
    "/settings – the team's limits, and your own time zone, quiet hours and messages",
)
