"""What is remembered of a machine between two looks, and what one look changes in it.

Everything a verdict needs besides the newest sample is here, as one value that can be stored and
read back: a restart changes nothing. Times of ours in which nothing was seen count as unknown: they
move every clock on by as much, so that an outage makes nobody idle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.evidence import MEAN, Evidence, weigh
from bot.domain.idle_policy import Policy
from bot.domain.samples import Load, Sample

LASTING = timedelta(minutes=5)
"""What ran for so long was no passing thing: its end is news, a cell's result worth waiting for."""
PAUSE = timedelta(minutes=20)
TIRELESS = timedelta(hours=24)
"""Input without any `PAUSE` for so long is a program's (a widget that polls), not a person's."""
SETTLED = timedelta(minutes=2)
"""Something is over when it was not there for so long."""


class Asking(StrEnum):
    """Why the owner is asked."""

    IDLE = "idle"  # nothing strong for the idle time
    LEASE = "lease"  # work, and no person for the length of the lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An open question to the owner. `deadline` is the unattended end; None where there is none."""

    kind: Asking
    asked_at: datetime
    deadline: datetime | None = None
    reminded_at: datetime | None = None
    leads_at: datetime | None = None  # when the leads were last asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The state of the rule. Times are aware UTC."""

    ready_at: datetime
    quiet_since: datetime  # the end of the last strong evidence, keep or news
    seen_at: datetime | None = None  # the last look, whatever it showed
    human_at: datetime | None = None  # the last sign of a person
    input_at: datetime | None = None  # the last input, even if it is a program's
    input_since: datetime | None = None  # since when it comes without a pause
    solid_at: datetime | None = None  # the last work that more than the processor showed
    kept_until: datetime | None = None
    strong_run: int = 0  # looks in a row with strong evidence
    weak_since: datetime | None = None
    weak_at: datetime | None = None
    waiting_since: datetime | None = None  # something runs or waits whose end would be news
    waiting_at: datetime | None = None
    news_at: datetime | None = None  # when the last such thing was found ended
    busy: tuple[tuple[str, datetime], ...] = ()  # kernels, and since when
    results: tuple[tuple[str, datetime], ...] = ()  # kernels whose cell ended unseen, and when
    loads: tuple[tuple[datetime, Load], ...] = ()
    changed_at: datetime | None = None  # the newest file
    blind_since: datetime | None = None
    blind_told: datetime | None = None
    blind_leads: datetime | None = None
    question: Question | None = None


def begin(ready_at: datetime) -> Memory:
    """What is known of a machine that has just become ready."""
    return Memory(ready_at=ready_at, quiet_since=ready_at)


def tireless(memory: Memory) -> bool:
    """Whether the last input came without a pause for longer than a person can."""
    since, last = memory.input_since, memory.input_at
    return since is not None and last is not None and last - since >= TIRELESS


def keep(memory: Memory, until: datetime, now: datetime) -> Memory:
    """A person said that the machine stays: the clock is off until then, the question answered."""
    return replace(
        memory,
        kept_until=max(until, memory.kept_until or until),
        quiet_since=max(memory.quiet_since, now),
        human_at=now,
        results=(),
        question=None,
    )


def lapse(memory: Memory, span: timedelta, now: datetime) -> Memory:
    """Time in which nothing was known does not count against the machine."""
    question = memory.question
    if question is not None and question.deadline is not None:
        question = replace(question, deadline=question.deadline + span)
    return replace(
        memory,
        quiet_since=min(memory.quiet_since + span, max(now, memory.quiet_since)),
        solid_at=memory.solid_at + span if memory.solid_at is not None else None,
        results=tuple((kernel, ended + span) for kernel, ended in memory.results),
        question=question,
    )


def notice_people(memory: Memory, sample: Sample) -> Memory:
    """Take in the last input, wherever it was typed. Signs from the future are of this moment."""
    typed_at = sample.machine.typed_at if sample.machine is not None else None
    signs = [min(sign, sample.at) for sign in (sample.input_at, typed_at) if sign is not None]
    if not signs or (memory.input_at is not None and max(signs) <= memory.input_at):
        return memory
    sign = max(signs)
    unbroken = memory.input_at is not None and sign - memory.input_at <= PAUSE
    since = memory.input_since if unbroken and memory.input_since is not None else sign
    memory = replace(memory, input_at=sign, input_since=since)
    if tireless(memory):  # it may still be people who take turns
        return replace(memory, weak_since=memory.weak_since or since, weak_at=sample.at)
    return replace(
        memory,
        human_at=sign,
        quiet_since=max(memory.quiet_since, sign),
        results=tuple((kernel, ended) for kernel, ended in memory.results if ended > sign),
    )


def take_in(memory: Memory, sample: Sample, policy: Policy) -> tuple[Memory, Evidence]:
    """What a look at which the machine answered proves, and the memory that knows of it."""
    assert sample.machine is not None
    now = sample.at
    loads = tuple(one for one in memory.loads if now - one[0] < MEAN)
    memory = replace(memory, loads=(*loads, (now, sample.machine.load)))
    evidence = weigh(
        sample,
        loads=[load for _, load in memory.loads],
        quiet_since=memory.quiet_since,
        changed_at=memory.changed_at,
    )
    fresh = memory.weak_at is None or now - memory.weak_at > SETTLED
    memory = replace(
        memory,
        changed_at=sample.machine.changed_at or memory.changed_at,
        strong_run=memory.strong_run + 1 if evidence.strong else 0,
        quiet_since=max(memory.quiet_since, now) if evidence.strong else memory.quiet_since,
        solid_at=now if evidence.solid else memory.solid_at,
        weak_since=now if evidence.weak and fresh else memory.weak_since,
        weak_at=now if evidence.weak else memory.weak_at,
    )
    return _follow_cells(_follow_waiting(memory, sample, evidence), sample), evidence


def _follow_waiting(memory: Memory, sample: Sample, evidence: Evidence) -> Memory:
    """Notice the end of whatever ran or waited: that is news, and the clock starts again."""
    now = sample.at
    if evidence.waiting:
        return replace(memory, waiting_since=memory.waiting_since or now, waiting_at=now)
    since, last = memory.waiting_since, memory.waiting_at
    if since is None or last is None or sample.notebook is None or now - last < SETTLED:
        return memory
    memory = replace(memory, waiting_since=None, waiting_at=None)
    if last - since < LASTING:
        return memory
    return replace(memory, news_at=now, quiet_since=max(memory.quiet_since, last))


def _follow_cells(memory: Memory, sample: Sample) -> Memory:
    """Notice cells that end while nobody looks: what they computed may be in memory only."""
    if sample.notebook is None:
        return memory
    now = sample.at
    running = dict(memory.busy)
    states = {kernel.id: kernel.state for kernel in sample.notebook.kernels}
    busy = {name: running.get(name, now) for name, state in states.items() if state == "busy"}
    # A kernel that died or was restarted has nothing left in its memory.
    results = {name: at for name, at in memory.results if states.get(name) in ("idle", "busy")}
    for name, since in running.items():
        unseen = memory.human_at is None or now - memory.human_at >= LASTING
        if states.get(name) == "idle" and now - since >= LASTING and unseen:
            results[name] = now
    return replace(memory, busy=tuple(busy.items()), results=tuple(results.items()))
