"""The team's reports in plain English: facts in, a bulletin out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.domain import pictures
from bot.domain.bulletins import Audience, Bulletin, Tone
from bot.domain.money import Usd, hourly
from bot.domain.pictures import Picture
from bot.domain.reports import Due, Facts, Kind, Share, Standing
from bot.domain.savings import HOW, Saved
from bot.domain.sweep_words import plain, when

_MOST = 10
"""So many people, or machines, are named; the others are counted."""


def key_of(kind: Kind, guild_id: int, day: str) -> str:
    return f"report/{kind.value}/{guild_id}/{day}"


def bulletin(due: Due, guild_id: int, facts: Facts) -> Bulletin | None:
    """The message of a report that is due; None where there is nothing to say."""
    if facts.silent or (due.kind is Kind.WEEKLY and not (facts.people or facts.saved.machines)):
        return None
    told = digest(facts) if due.kind is Kind.DAILY else week(facts)
    key = key_of(due.kind, guild_id, due.day.isoformat())
    return replace(told, key=key, guild_id=guild_id)


def digest(facts: Facts) -> Bulletin:
    """Yesterday's spending, and what is there this morning."""
    runs = [one for one in facts.standing if not one.stopped]
    return Bulletin(
        key="",
        title=f"Yesterday: {facts.total} spent",
        text=_paragraphs(
            _listed("By", [_share(one) for one in facts.people]),
            _listed("Running now", [_machine(one) for one in runs]),
            _stopped(facts.standing),
            _saved(facts.saved),
        ),
        tone=Tone.NOTE,
        audience=Audience.TEAM,
    )


def week(facts: Facts) -> Bulletin:
    """A week's spending: by whom, on what, beside the week before."""
    picture = _pictured(facts)
    people = [_share(one) for one in facts.people]
    if picture is not None:
        people = [f"{_square(at)} {said}" for at, said in enumerate(people)]
    return Bulletin(
        key="",
        title=f"{_named(facts)}: {facts.total} spent",
        text=_paragraphs(
            trend(facts.total, facts.before),
            _listed("Who", people),
            _listed("What", [_share(one) for one in facts.kinds]),
            _stopped(facts.standing),
            _saved(facts.saved),
        ),
        tone=Tone.NOTE,
        audience=Audience.TEAM,
        picture=picture,
    )


def trend(total: Usd, before: Usd) -> str:
    """This beside the week before."""
    if before.micros <= 0:
        return "Nothing was spent the week before."
    change = total - before
    percent = (abs(change.micros) * 200 // before.micros + 1) // 2
    if not percent:
        return f"As much as the week before ({before})."
    more = "more" if change.micros > 0 else "less"
    return f"{percent} % {more} than the week before ({before})."


def _pictured(facts: Facts) -> Picture | None:
    if facts.picture is None:
        return None
    spared = f"{facts.saved.amount} saved by ending idle machines." if facts.saved.machines else ""
    return replace(
        facts.picture,
        title=f"{facts.total} {_when(facts)}",
        note="\n".join(_filled((trend(facts.total, facts.before), spared))),
    )


def _named(facts: Facts) -> str:
    """`Last week`, `The last seven days`."""
    return facts.span.name[:1].upper() + facts.span.name[1:]


def _when(facts: Facts) -> str:
    name = facts.span.name
    return f"in {name}" if name.startswith("the ") else name


def _square(at: int) -> str:
    return pictures.SQUARES[min(at, pictures.COLOURS)]


def _share(one: Share) -> str:
    count = f"{one.machines} machine{'s' if one.machines > 1 else ''}"
    return f"{plain(one.name) or 'Somebody'}: {one.amount} on {count}"


def _machine(one: Standing) -> str:
    return f"{plain(one.title)} of {plain(one.owner)}, {hourly(one.per_hour)}, {when(one.since)}"


def _stopped(standing: Sequence[Standing]) -> str:
    still = [one for one in standing if one.stopped]
    return _listed("Stopped, and their disks still cost", [_machine(one) for one in still])


def _saved(saved: Saved) -> str:
    if not saved.machines:
        return ""
    count = f"{saved.machines} idle machine{'s' if saved.machines > 1 else ''}"
    return f"About {saved.amount} saved by ending {count}: what they would have cost {HOW}."


def _listed(head: str, rows: Sequence[str]) -> str:
    if not rows:
        return ""
    more = [f"… and {len(rows) - _MOST} more"] if len(rows) > _MOST else []
    return "\n".join([f"{head}:", *rows[:_MOST], *more])


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(_filled(parts))


def _filled(parts: Iterable[str]) -> Iterable[str]:
    return (part for part in parts if part)
