"""A quote's outlook in words: the planned hours, the transfer, what it makes of the month."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.money import Usd
from bot.domain.prospects import Carried, Effect
from bot.domain.purses import Scope, Subject
from bot.domain.rentals import Quote
from cogs.ui import look

_SAME_DAY = timedelta(hours=20)


def planned(quote: Quote) -> str:
    """The price of the hours that were asked for, part by part; empty where none were."""
    if quote.hours is None:
        return ""
    gpu = quote.offer.rates.gpu_per_hour.times(quote.hours)
    whole = quote.per_hour.times(quote.hours)
    hours = f"{quote.hours} hour{'s' if quote.hours > 1 else ''}"
    return f"**{whole}** for the {hours} you plan: GPU {gpu}, disk {whole - gpu}"


def transfer(quote: Quote) -> list[str]:
    """What is expected to cross the host's line, and what each of it costs."""
    seen = quote.prospect
    if seen is None:
        return []
    parts = [
        _part("the image", seen.image) or "the image, whose size is not known",
        _part("the restore", seen.restore),
        f"sending it there {seen.moved}" if seen.moved.micros else "",
        _part("the archive at the end", seen.archive),
    ]
    said = ", ".join(part for part in parts if part)
    return [f"Expected: about **{seen.transfer}** of transfer ({said})."]


def effects(quote: Quote) -> list[str]:
    """A line for the person, for the team, and for each role with a budget."""
    seen = quote.prospect
    if seen is None or not seen.effects:
        return []
    by = _by(seen.until, quote.made_at)
    rows = ["**This month**", *(_effect(one, by) for one in seen.effects)]
    if quote.hours is None:
        rows.append("-# No hours are planned, so one is counted.")
    return rows


def _effect(effect: Effect, by: str) -> str:
    more = "more than is allowed: " if effect.beyond else ""
    most = f"with this at most {more}**{effect.most}** by {by}"
    if effect.limit is None:
        return f"{_whose(effect.subject)}: {effect.spent} used; {most}"
    return f"{_whose(effect.subject)}: {effect.spent} of {dollars(effect.limit)} used; {most}"


def dollars(amount: Usd) -> str:
    """An amount that people set: without cents where it has none."""
    return str(amount).removesuffix(".00")


def _whose(subject: Subject) -> str:
    match subject.scope:
        case Scope.MEMBER:
            return "You"
        case Scope.ROLE:
            return f"<@&{subject.id}>"
        case Scope.TEAM:
            return "The team"


def _part(what: str, carried: Carried | None) -> str:
    return f"{what} {look.size(carried.bytes)} {carried.cost}" if carried is not None else ""


def _by(until: datetime, now: datetime) -> str:
    return look.hour(until) if until - now < _SAME_DAY else look.moment(until)
