"""How a machine stands with the idle watch, in a line; and the reasons, in another."""

from __future__ import annotations

from datetime import datetime

from bot.domain.idle_words import phrases
from bot.domain.rentals import Rental, State
from bot.domain.standing import Name, Report, Standing
from cogs.ui import look


def verdict(rental: Rental, standing: Standing | None, now: datetime) -> str:
    """Empty where the watch has nothing to do with it: before it is ready, and once it ends."""
    if rental.state is not State.READY or rental.released_at is not None:
        return ""
    if standing is None:
        return "Idle watch: it has not been looked at yet."
    return f"Idle watch: {_said(standing, now)}"


def reasons(standing: Standing | None) -> str:
    """“no keystroke for 62 min, GPU 0 %”, and when that was seen."""
    report = standing.report if standing is not None else None
    if report is None:
        return ""
    return f"{measured(report)} (looked {look.ago(report.at)})"


def measured(report: Report) -> str:
    return look.clean(", ".join(phrases(report.facts)), 600) or "nothing could be measured"


def _said(standing: Standing, now: datetime) -> str:
    memory, report = standing.memory, standing.report
    if memory.kept_until is not None and memory.kept_until > now:
        return f"kept until {look.moment(memory.kept_until)}."
    if memory.question is not None:
        return _asked(standing, memory.question.asked_at)
    if memory.blind_since is not None:
        return (
            f"it cannot be looked at since {look.ago(memory.blind_since)}; nothing is concluded "
            "from that."
        )
    if report is not None and report.name is Name.ACTIVE:
        return "in use."
    asks = report.asks_at if report is not None else None
    then = f"; its owner is asked {look.ago(asks)} if it stays so" if asks is not None else ""
    return f"quiet since {look.ago(memory.quiet_since)}{then}."


def _asked(standing: Standing, asked_at: datetime) -> str:
    asked = f"its owner was asked {look.ago(asked_at)}"
    if standing.ends_at is None:
        return f"{asked}; nothing is ended by itself."
    if not standing.told:
        return "its owner could not be asked yet, so nothing is ended."
    return (
        f"{asked}. Unanswered, it is archived and destroyed {look.ago(standing.ends_at)} "
        f"({look.hour(standing.ends_at)})."
    )
