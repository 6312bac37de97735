"""How a machine stands with the idle watch, for people: the newest verdict, its reasons, its end.

The verdict names an end; the one that holds is here. It is put off where the question reached its
owner late, or not yet, and never falls into quiet hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import assert_never

from bot.domain.evidence import Fact
from bot.domain.idle import Active, Asked, Judgement, Kept, Quiet, Release, Unknown
from bot.domain.idle_memory import Memory, Question
from bot.domain.idle_policy import Policy
from bot.domain.letters import FOR_LEADS, QUESTIONS, Letter
from bot.domain.quiet_hours import QuietHours
from bot.domain.samples import Sample
from bot.domain.shortages import Shortage, Vram, follow, measured

LATE = timedelta(minutes=2)
"""A question that took longer to reach its owner gives the whole time to answer from then on."""


class Name(StrEnum):
    """A verdict by its name."""

    ACTIVE = "active"
    QUIET = "quiet"
    KEPT = "kept"
    ASKED = "asked"
    RELEASE = "release"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """The newest verdict, as it is kept for people to read."""

    at: datetime
    name: Name
    facts: tuple[Fact, ...] = ()
    asks_at: datetime | None = None
    vram: Vram | None = None
    shortage: Shortage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for one rental."""

    idle: Policy
    zone: tzinfo = UTC
    quiet: QuietHours | None = None
    notices: str = "dm"  # where its owner is told (`policy_keys.NOTICES`)
    leads_channel_id: int | None = None
    nightly: bool = True  # whether it is archived each night
    night: time | None = None  # when that begins, where the team has chosen an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    memory: Memory
    report: Report | None
    rules: Rules
    ends_at: datetime | None  # when it ends unanswered; None where it does not
    told: bool  # whether the question has reached anybody
    unheard: bool = False  # it can reach nobody: then nothing ends, and the leads are asked


def report(judgement: Judgement) -> Report:
    """What is kept of a judgement."""
    verdict = judgement.verdict
    at = judgement.memory.seen_at or judgement.memory.ready_at
    match verdict:
        case Active(facts):
            return Report(at, Name.ACTIVE, facts)
        case Quiet(_, asks_at, facts):
            return Report(at, Name.QUIET, facts, asks_at)
        case Kept(_, facts):
            return Report(at, Name.KEPT, facts)
        case Asked(_, facts):
            return Report(at, Name.ASKED, facts)
        case Release(_, facts):
            return Report(at, Name.RELEASE, facts)
        case Unknown(_, facts):
            return Report(at, Name.UNKNOWN, facts)
        case _:
            assert_never(verdict)


def followed(new: Report, before: Report | None, sample: Sample, vram_mb: int) -> Report:
    """The report of a look with what it says of the GPU's memory; `vram_mb` is one GPU's."""
    vram = measured(sample, vram_mb, before.vram if before is not None else None)
    known = before.shortage if before is not None else None
    return replace(new, vram=vram, shortage=follow(known, vram, sample))


def differs(before: Report | None, after: Report) -> bool:
    """Whether a new report is a reason to show the card anew."""
    return before is None or (before.name, before.shortage) != (after.name, after.shortage)


def standing(
    memory: Memory, known: Report | None, letters: Sequence[Letter], rules: Rules, now: datetime
) -> Standing:
    """`letters` are those of the rental, in any order."""
    question = memory.question
    announcement = _announcement(question, letters) if question is not None else None
    told_at = announcement.delivered_at if announcement is not None else None
    unheard = announcement is not None and announcement.given_up
    ends = question is not None and not unheard
    return Standing(
        memory=memory,
        report=known,
        rules=rules,
        ends_at=_ends_at(question, announcement, rules, now) if question and ends else None,
        told=told_at is not None,
        unheard=unheard,
    )


def _announcement(question: Question, letters: Sequence[Letter]) -> Letter | None:
    """The newest letter to the owner that says when this question ends the machine."""
    mine = [
        one
        for one in letters
        if one.kind in QUESTIONS - FOR_LEADS
        and one.writing.asked_at == question.asked_at
        and one.writing.ends is (question.deadline is not None)
    ]
    return max(mine, key=lambda one: one.writing.at, default=None)


def _ends_at(
    question: Question, announcement: Letter | None, rules: Rules, now: datetime
) -> datetime | None:
    if question.deadline is None:
        return None
    at, answer = question.deadline, rules.idle.answer
    if announcement is not None:
        told_at = announcement.delivered_at or now
        if told_at - announcement.writing.at > min(LATE, answer / 2):
            at = max(at, told_at + answer)
    if rules.quiet is not None and (over := rules.quiet.over_at(at)) != at:
        # So long an answer may reach into the next ones.
        return rules.quiet.over_at(over + answer)
    return at
