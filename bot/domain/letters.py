"""Messages beside the card: which ones a verdict gives rise to, and how a question stands now.

A letter is written once, in one transaction with what it is about. What it shows is worked out when
it is delivered, from the rental and the memory of that moment, and again for as long as it has
buttons: a question that was answered, withdrawn or overtaken says so and loses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.evidence import Fact
from bot.domain.idle import Judgement, Word
from bot.domain.idle_memory import Memory
from bot.domain.money import Usd
from bot.domain.rentals import Reason, Rental, RentalId, State
from bot.domain.tally import Tally


class Kind(StrEnum):
    """What a letter is; the first eight are words of the idle verdict."""

    ASK = "ask"
    ASK_LEASE = "ask_lease"
    REMIND = "remind"
    ASK_LEADS = "ask_leads"
    CANCEL = "cancel"
    BLIND = "blind"
    BLIND_LEADS = "blind_leads"
    SEEN = "seen"
    SAVED = "saved"  # what somebody asked to save is proven; waits until it is
    SAVE_FAILED = "save_failed"
    SAVE_FAILED_LEADS = "save_failed_leads"
    TOO_LARGE = "too_large"  # an archive is not begun before somebody has agreed to its size
    TOO_LARGE_LEADS = "too_large_leads"
    AHEAD_FAILED = "ahead_failed"  # the night's archive, several times
    EXPIRES = "expires"  # archives end in a week; `detail` lists them as JSON
    EXPIRES_SOON = "expires_soon"  # the same, in a day
    VANISHED = "vanished"  # the machine is gone without our doing
    BILL_LEADS = "bill_leads"  # what Vast charged differs from our books
    BUDGET = "budget"  # how much of one's budget is used
    BUDGET_LEADS = "budget_leads"
    RECEIPT = "receipt"  # what an ended rental cost; kept up to date until Vast's bill is settled
    NOT_MOVED = "not_moved"  # a move ended without its work on the new machine, which it is about


QUESTIONS = frozenset({Kind.ASK, Kind.ASK_LEASE, Kind.REMIND, Kind.ASK_LEADS})
MONEY = frozenset({Kind.BILL_LEADS, Kind.BUDGET, Kind.BUDGET_LEADS})
FOR_LEADS = frozenset(
    {
        *(Kind.ASK_LEADS, Kind.BLIND_LEADS, Kind.SAVE_FAILED_LEADS, Kind.TOO_LARGE_LEADS),
        *(Kind.BILL_LEADS, Kind.BUDGET_LEADS),
    }
)
SILENT = frozenset({Kind.CANCEL, Kind.SEEN, Kind.RECEIPT})
"""Good news rings no bell."""
NEWS = frozenset({Kind.CANCEL, Kind.SEEN, Kind.RECEIPT})
"""Nobody has to do anything about these, and nobody has asked for them."""
CENT = Usd(10_000)
BILL_WITHIN = timedelta(days=7)
"""After so long nobody waits for Vast's bill any more."""

DEFERRED = frozenset(
    {Kind.ASK, Kind.ASK_LEASE, Kind.REMIND, Kind.AHEAD_FAILED, Kind.EXPIRES, Kind.EXPIRES_SOON}
)
"""These wait for the end of quiet hours."""
UNHURRIED = frozenset({Kind.BILL_LEADS, Kind.BUDGET, Kind.BUDGET_LEADS})
"""And these, unless they announce an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What is written down of a letter. Of one kind about one moment there is one."""

    kind: Kind
    at: datetime  # of the fact it is about
    facts: tuple[Fact, ...] = ()
    asked_at: datetime | None = None  # of the question it belongs to
    ends: bool = False  # whether an unanswered question, or a used up budget, ends the machine
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands."""

    channel_id: int
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter on its way, or delivered and still to be kept up to date."""

    id: str  # 25 characters at most: it is Discord's nonce
    rental_id: RentalId
    writing: Writing
    tries: int = 0
    place: Place | None = None
    delivered_at: datetime | None = None
    shown: str = ""  # what it said when it was last shown
    given_up: bool = False  # it has reached nobody, and will not

    @property
    def kind(self) -> Kind:
        return self.writing.kind


class Stand(StrEnum):
    """How things stand with what a letter says."""

    WAITING = "waiting"  # not to be said yet
    MOOT = "moot"  # not to be said any more
    TOLD = "told"  # true for good
    OPEN = "open"  # a question that waits for its answer
    ENDING = "ending"  # nobody answered: it is being archived, and may still be kept
    ANSWERED = "answered"  # somebody asked for the end
    KEPT = "kept"
    CANCELLED = "cancelled"  # there is life
    REPLACED = "replaced"  # by a newer question
    OVER = "over"  # the machine is gone, or about to be


FINAL = frozenset({Stand.MOOT, Stand.TOLD, Stand.KEPT, Stand.CANCELLED, Stand.REPLACED})


def declinable(writing: Writing) -> bool:
    """Whether somebody who wants no messages is spared a letter.

    That part of a budget is used is news; that machines end because all of it is, is not.
    """
    return writing.kind in NEWS or (writing.kind is Kind.BUDGET and not writing.ends)


def deferred(writing: Writing) -> bool:
    """Whether a letter waits for the end of quiet hours.

    Those about bills and budgets do, but for the one that says when machines end: a warning.
    """
    return writing.kind in DEFERRED or (writing.kind in UNHURRIED and not writing.ends)


def written(before: Memory, judgement: Judgement) -> tuple[Writing, ...]:
    """The letters for a judgement that was made from that memory."""
    memory, words = judgement.memory, judgement.words
    at = memory.seen_at or memory.ready_at
    question = before.question if Word.CANCEL in words else memory.question
    kinds = [Kind(word.value) for word in words]
    if _has_got_an_end(before, memory) and not QUESTIONS.intersection(kinds):
        kinds.append(Kind.REMIND)  # the owner was told that nothing ends by itself
    return tuple(
        Writing(
            kind=kind,
            at=at,
            facts=judgement.verdict.facts,
            asked_at=question.asked_at if question is not None else None,
            ends=question is not None and question.deadline is not None,
        )
        for kind in kinds
    )


def stand(
    letter: Letter, rental: Rental, memory: Memory | None, tally: Tally | None = None
) -> Stand:
    """How it stands with a letter, as of that row and that memory; a receipt's, by its tally."""
    kind, at = letter.kind, letter.writing.at
    if kind is Kind.RECEIPT:
        return _receipt(at, rental, tally)
    if kind in QUESTIONS:
        return _question(letter.writing, rental, memory)
    if kind in (Kind.TOO_LARGE, Kind.TOO_LARGE_LEADS):
        return _held(letter.writing, rental)
    if letter.delivered_at is not None or kind in (*MONEY, Kind.EXPIRES, Kind.EXPIRES_SOON):
        return Stand.TOLD
    if kind is Kind.VANISHED:
        return Stand.TOLD if rental.reason is Reason.VANISHED else Stand.MOOT
    if kind is Kind.NOT_MOVED:
        return Stand.TOLD
    if kind is Kind.SAVED:
        return _saved(at, rental)
    if rental.state is not State.READY:
        return Stand.MOOT
    if kind in (Kind.BLIND, Kind.BLIND_LEADS) and (memory is None or memory.blind_since is None):
        return Stand.MOOT
    return Stand.TOLD


def _question(writing: Writing, rental: Rental, memory: Memory | None) -> Stand:
    if rental.state in (State.DESTROYING, State.CLOSED):
        return Stand.OVER
    if rental.released_at is not None:
        return Stand.ENDING if rental.reason is Reason.IDLE else Stand.ANSWERED
    if memory is None or writing.asked_at is None:
        return Stand.CANCELLED
    question = memory.question
    if question is not None:
        return Stand.OPEN if question.asked_at == writing.asked_at else Stand.REPLACED
    kept = memory.kept_until is not None and memory.kept_until > writing.asked_at
    return Stand.KEPT if kept else Stand.CANCELLED


def _receipt(closed_at: datetime, rental: Rental, tally: Tally | None) -> Stand:
    """Said when the last machine is booked to its end; open until Vast has had its last word.

    Of a machine that nobody could use, and that cost less than a cent, the card has said all.
    """
    if tally is None or not tally.over:
        return Stand.WAITING
    if rental.ready_at is None and tally.total < CENT:
        return Stand.MOOT
    late = tally.at - closed_at > BILL_WITHIN
    return Stand.TOLD if tally.settled or late else Stand.OPEN


def _held(writing: Writing, rental: Rental) -> Stand:
    """A question about a size is open for as long as the row waits for its answer.

    Leads are asked again of later days.
    """
    if rental.state in (State.DESTROYING, State.CLOSED):
        return Stand.OVER
    waits = rental.held_at is not None and rental.held_at <= writing.at
    return Stand.OPEN if waits else Stand.REPLACED


def _saved(asked_at: datetime, rental: Rental) -> Stand:
    """Said when it is proven; where it failed, another letter says that."""
    if rental.proven_at is not None and rental.proven_at >= asked_at:
        return Stand.TOLD
    wanted = rental.save_asked_at is not None or rental.released_at is not None
    at_work = rental.state in (State.READY, State.ARCHIVING)
    return Stand.WAITING if wanted and at_work else Stand.MOOT


def _has_got_an_end(before: Memory, after: Memory) -> bool:
    old, new = before.question, after.question
    if old is None or new is None or old.asked_at != new.asked_at:
        return False
    return old.deadline is None and new.deadline is not None
