"""What has changed about a machine without our doing, and whether Vast can be read: in lines."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain import omen_words
from bot.domain.money import hourly
from bot.domain.rentals import Rental, State
from bot.domain.sweep import ownerless
from bot.services.account import Blind
from bot.services.health import Ailment
from cogs.ui import look


def of(rental: Rental) -> str:
    """A line for each sign that holds, and where the machine came from if nobody rented it here."""
    told = [omen_words.line(omen, rental) for omen in rental.omens]
    if rental.adopted_at is not None and rental.open:
        told.append(
            f"It was taken in {look.ago(rental.adopted_at)}: it bore our label, and no rental of "
            f"ours knew it.{_until(rental)}"
        )
    return look.lines(*told)


def _until(rental: Rental) -> str:
    """How long a machine stays that was taken in, once its work is saved."""
    if rental.state is not State.READY or rental.released_at is not None:
        return ""
    saved = "Its work is archived. " if rental.proven_at is not None else ""
    asked = "the leads are" if ownerless(rental) else "its owner is"
    return (
        f" {saved}It costs {hourly(rental.per_hour)} until somebody ends it with Destroy. Once it "
        f"looks idle {asked} asked; without an answer it is archived again and ended."
    )


_NAMES = {
    "vast": "Vast.ai",
    "database": "The database",
    "archives": "The archive store",
    "disk": "The disk of this service",
    "searches": "Searching for machines",
    "clock": "The clock of this service",
}
_UNTIL_THEN = {
    "archives": "Nothing can be archived, so nothing is ended.",
    "disk": "What cannot be written down is not done; machines stay as they are.",
    "searches": "What runs goes on.",
}


def outside(blind: Blind | None, ailments: Mapping[str, Ailment]) -> str:
    """What is not well that this service depends on: since when, and what follows from it."""
    told = [
        f"{_NAMES[name]}, since {look.ago(one.since)}: {look.clean(one.said, 160)} "
        f"{_UNTIL_THEN.get(name, '')}".rstrip()
        for name, one in ailments.items()
        if name in _NAMES and not (name == "vast" and blind is not None)
    ]
    return look.lines(account(blind), *told)


def account(blind: Blind | None) -> str:
    """Since when the Vast account cannot be read, and why; empty while it can."""
    if blind is None:
        return ""
    since = look.ago(blind.since)
    if blind.contradictory:
        return f"Vast's answers contradict each other since {since}; nothing is concluded."
    return (
        f"Vast cannot be read since {since}: {look.clean(blind.error.public, 120)} Nothing is "
        "concluded from that."
    )
