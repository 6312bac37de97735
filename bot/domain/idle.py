"""Whether a machine is in use, and what to do where it is not: pure, and never destroying.

Strong evidence resets the clock. When it has been quiet for long enough the owner is asked; where
then nothing at all is left, and nobody answers, the verdict is Release. Weak evidence forbids an
unattended end: the owner is reminded, then the leads are asked. Unknown freezes the clock and ends
nothing. Work without any person for the length of a lease is asked about as well.

The reasons travel with every verdict as facts with numbers, for a person must be able to see why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.evidence import GPU_UTIL, Evidence, Fact, Kind, Weight
from bot.domain.idle_memory import (
    LASTING,
    Asking,
    Memory,
    Question,
    lapse,
    notice_people,
    take_in,
    tireless,
)
from bot.domain.idle_policy import Policy
from bot.domain.samples import Sample

# --- Verdicts -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Active:
    """In use: something strong was seen a moment ago."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing strong since then; the owner is asked at `asks_at` if it stays so."""

    since: datetime
    asks_at: datetime
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A person said that it stays until then."""

    until: datetime
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """The owner has been asked; `question.deadline` says when it ends unanswered, if ever."""

    question: Question
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Asked, not answered, nothing left: it may be archived and then destroyed."""

    question: Question
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The machine could not be looked at since then."""

    since: datetime
    facts: tuple[Fact, ...]


Verdict = Active | Quiet | Kept | Asked | Release | Unknown


class Word(StrEnum):
    """Something to be said because of this look, once."""

    ASK = "ask"  # the owner: it is idle
    ASK_LEASE = "ask_lease"  # the owner: it works, and nobody was here for long
    REMIND = "remind"  # the owner, again
    ASK_LEADS = "ask_leads"
    CANCEL = "cancel"  # the question is withdrawn: there is life
    BLIND = "blind"  # the owner: it cannot be looked at
    BLIND_LEADS = "blind_leads"
    SEEN = "seen"  # it can be looked at again, after BLIND was said


@dataclass(frozen=True, slots=True)
class Judgement:
    """`memory` is to be stored in one transaction with the notices for `words`."""

    memory: Memory
    verdict: Verdict
    words: tuple[Word, ...] = ()


# --- The rule -------------------------------------------------------------------------------


def judge(memory: Memory, sample: Sample, policy: Policy) -> Judgement:
    """The verdict on a machine as of a new look, which must be later than the one before."""
    now = sample.at
    since = memory.seen_at or memory.ready_at
    if sample.machine is None or now - since > policy.gap:
        memory = lapse(memory, max(now - since, timedelta()), now)
    memory = notice_people(replace(memory, seen_at=now), sample)
    if sample.machine is None:
        return _blind(memory, sample, policy)
    seen = (Word.SEEN,) if memory.blind_told or memory.blind_leads else ()
    memory = replace(memory, blind_since=None, blind_told=None, blind_leads=None)
    memory, evidence = take_in(memory, sample, policy)
    memory = _with_keep(memory, now)
    judgement = _questioned(memory, evidence, policy, now)
    return replace(judgement, words=seen + judgement.words)


def _blind(memory: Memory, sample: Sample, policy: Policy) -> Judgement:
    """Nothing is concluded; people are told when it lasts. A person's input still counts."""
    now = sample.at
    since = memory.blind_since or now
    memory = replace(memory, blind_since=since, strong_run=0)
    memory, words = _withdrawn(memory)
    reported = sample.vast_gpu_util
    at_work = reported is not None and reported >= GPU_UTIL
    if now - since >= policy.blind_owner and not memory.blind_told and not at_work:
        memory = replace(memory, blind_told=now)
        words = (*words, Word.BLIND)
    if _due(since, memory.blind_leads, policy.blind_leads, policy, now):
        memory = replace(memory, blind_leads=now)
        words = (*words, Word.BLIND_LEADS)
    facts = _people(memory, now)
    if reported is not None:
        facts = (*facts, Fact(Kind.GPU_REPORTED, reported))
    return Judgement(memory, Unknown(since, facts), words)


def _with_keep(memory: Memory, now: datetime) -> Memory:
    """While it is kept, and up to the keep's end, no time counts."""
    if memory.kept_until is None:
        return memory
    until = min(memory.kept_until, now)
    return replace(memory, quiet_since=max(memory.quiet_since, until))


def _questioned(memory: Memory, evidence: Evidence, policy: Policy, now: datetime) -> Judgement:
    """Withdraw, go on with, or ask the question; then say how things stand."""
    facts = (*_people(memory, now), *evidence.facts)
    memory, words = _withdrawn(memory)
    if memory.kept_until is not None and now < memory.kept_until:
        return Judgement(replace(memory, question=None), Kept(memory.kept_until, facts), words)
    asks_at = _asks_at(memory, policy, now)
    question = memory.question
    if now >= asks_at and (question is None or question.kind is Asking.LEASE):
        question = _deadline(Question(kind=Asking.IDLE, asked_at=now), memory, policy, now)
        return _asked(memory, question, facts, (*words, Word.ASK))
    if question is None and now >= _lease_ends(memory, evidence, policy):
        question = Question(kind=Asking.LEASE, asked_at=now)
        return _asked(memory, question, facts, (*words, Word.ASK_LEASE))
    if question is not None:
        return _waited(memory, question, facts, words, policy, now)
    if evidence.strong:
        return Judgement(memory, Active(facts), words)
    return Judgement(memory, Quiet(memory.quiet_since, asks_at, facts), words)


def _withdrawn(memory: Memory) -> tuple[Memory, tuple[Word, ...]]:
    """Without the question, where something has happened since that answers it."""
    question = memory.question
    if question is None:
        return memory, ()
    person = memory.human_at is not None and memory.human_at > question.asked_at
    news = memory.news_at is not None and memory.news_at > question.asked_at
    lively = news or memory.strong_run >= 2
    if person or (question.kind is Asking.IDLE and lively):
        return replace(memory, question=None), (Word.CANCEL,)
    return memory, ()


def _waited(
    memory: Memory,
    question: Question,
    facts: tuple[Fact, ...],
    words: tuple[Word, ...],
    policy: Policy,
    now: datetime,
) -> Judgement:
    """Nobody has answered yet: the end, another word, or more patience."""
    question = _deadline(question, memory, policy, now)
    if question.deadline is not None:
        if now >= question.deadline and _calm(memory, policy, now):
            return Judgement(replace(memory, question=question), Release(question, facts), words)
        return _asked(memory, question, facts, words)
    first = policy.remind
    if (
        question.kind is Asking.IDLE
        and not question.reminded_at
        and now - question.asked_at >= first
    ):
        question = replace(question, reminded_at=now)
        words = (*words, Word.REMIND)
    if _due(question.asked_at, question.leads_at, policy.leads, policy, now):
        question = replace(question, leads_at=now)
        words = (*words, Word.ASK_LEADS)
    return _asked(memory, question, facts, words)


def _deadline(question: Question, memory: Memory, policy: Policy, now: datetime) -> Question:
    """The question with its unattended end, which only complete quiet gives it.

    Something weak that lasts takes the end away: when it is over there is a new one. A passing
    one, like a request that failed, only puts it off.
    """
    weak = not _calm(memory, policy, now)
    since, last = memory.weak_since, memory.weak_at
    lasting = weak and since is not None and last is not None and last - since >= LASTING
    new = weak and question.deadline is None
    if question.kind is Asking.LEASE or lasting or new or not policy.unattended:
        return replace(question, deadline=None)
    # One strong look does not answer the question, but puts the end off.
    deadline = max(question.deadline or now + policy.answer, memory.quiet_since + policy.answer)
    for _, ended_at in memory.results:
        deadline = max(deadline, ended_at + policy.results)
    return replace(question, deadline=deadline)


def _calm(memory: Memory, policy: Policy, now: datetime) -> bool:
    """Whether nothing weak was seen for long enough."""
    return memory.weak_at is None or now - memory.weak_at >= policy.calm


def _asks_at(memory: Memory, policy: Policy, now: datetime) -> datetime:
    idle = policy.idle if _calm(memory, policy, now) else policy.idle_waiting
    return max(memory.quiet_since + max(idle, policy.idle), memory.ready_at + policy.grace)


def _lease_ends(memory: Memory, evidence: Evidence, policy: Policy) -> datetime:
    """When work without a person is asked about; sooner where only the processor works."""
    ready_at = memory.ready_at
    person_at = max(ready_at, memory.human_at or ready_at, memory.kept_until or ready_at)
    ends = person_at + policy.lease
    if not evidence.strong:
        return ends
    return min(ends, max(person_at, memory.solid_at or person_at) + policy.thin_lease)


def _asked(
    memory: Memory, question: Question, facts: tuple[Fact, ...], words: tuple[Word, ...]
) -> Judgement:
    return Judgement(replace(memory, question=question), Asked(question, facts), words)


def _due(
    since: datetime, last: datetime | None, after: timedelta, policy: Policy, now: datetime
) -> bool:
    if last is not None:
        return now - last >= policy.leads_again
    return now - since >= after


def _people(memory: Memory, now: datetime) -> tuple[Fact, ...]:
    """When a person was last there, and what still waits for one."""
    minute = timedelta(minutes=1)
    if memory.human_at is None:
        facts = [Fact(Kind.NOBODY, (now - memory.ready_at) / minute)]
    else:
        facts = [Fact(Kind.PERSON, (now - memory.human_at) / minute)]
    if tireless(memory):
        facts.append(Fact(Kind.TIRELESS, weight=Weight.WEAK))
    if memory.results:
        ended_at = max(ended for _, ended in memory.results)
        facts.append(Fact(Kind.RESULTS, (now - ended_at) / minute))
    return tuple(facts)
