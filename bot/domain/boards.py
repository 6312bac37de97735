"""The board of a channel: one message that says what the team runs; when it is written anew.

What a board shows is a `Scene`. How a machine is used comes from what the idle watch remembers; a
machine that could not be looked at is unseen, never idle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.budgets import Use
from bot.domain.credit import Funds
from bot.domain.idle_memory import Asking, Memory
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import Rental, State
from bot.domain.standing import Name, Report

APART = timedelta(seconds=10)
"""Between two edits of one board: Discord takes a few in five seconds for the whole channel."""

REFRESH = timedelta(minutes=1)
"""Between two edits for figures alone, which change all the time."""

SIGN_OF_LIFE = timedelta(minutes=10)
"""After so long it is written anew though nothing changed: its last line says when we looked."""

MOMENT = timedelta(minutes=5)
"""A pause of that length makes nobody idle."""

LONGEST_WAIT = timedelta(hours=1)
MOST_TRIES = 48
"""With the longest wait between them about two days; then a board that nobody lets us write is
given up."""


class Life(StrEnum):
    """How a ready machine is used, as the board says it."""

    NEW = "new"  # not looked at yet
    USED = "used"
    IDLE = "idle"
    ASKED = "asked"  # its owner was asked about it
    KEPT = "kept"
    UNSEEN = "unseen"  # it cannot be looked at, and nothing is concluded from that


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    life: Life
    since: datetime | None = None  # idle or unseen since then; of one kept: until then
    ends_at: datetime | None = None  # when it ends unanswered


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A machine on the board; `watched` is None before it is ready and once it ends."""

    rental: Rental
    watched: Watched | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the team's money looks like; read less often than the machines."""

    uses: tuple[Use, ...] = ()  # the budgets that are everybody's affair
    funds: Funds | None = None  # None: the credit is not known yet
    stale: bool = False  # the newest look at the credit failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that a board of one server shows at a moment."""

    at: datetime
    lines: tuple[Line, ...] = ()
    per_hour: Usd = ZERO  # what these machines burn now
    figures: Figures = Figures()
    blind_since: datetime | None = None  # since when Vast cannot be read


@dataclass(frozen=True, slots=True)
class Said:
    """What a board says, shortened to be compared: its machines, and the figures below them."""

    machines: str = ""
    figures: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Where a board stands and what it says there."""

    id: str  # 25 characters at most: it is Discord's nonce; a new one each time it is put up
    guild_id: int
    channel_id: int
    message_id: int | None = None
    earlier_id: int | None = None  # the message before it in this channel, which has to go
    said: Said = Said()
    shown_at: datetime | None = None
    next_at: datetime  # not tried again before
    tries: int = 0  # that failed in a row


def watched(
    rental: Rental,
    memory: Memory | None,
    report: Report | None,
    ends_at: datetime | None,
    now: datetime,
) -> Watched | None:
    """How a machine is used, from what the idle watch remembers of it."""
    if rental.state is not State.READY or rental.released_at is not None:
        return None
    if memory is None:
        return Watched(life=Life.NEW)
    if memory.kept_until is not None and memory.kept_until > now:
        return Watched(life=Life.KEPT, since=memory.kept_until)
    if memory.question is not None:
        idle = memory.question.kind is Asking.IDLE
        since = memory.quiet_since if idle else None
        return Watched(life=Life.ASKED, since=since, ends_at=ends_at)
    if memory.blind_since is not None:
        return Watched(life=Life.UNSEEN, since=memory.blind_since)
    active = report is not None and report.name is Name.ACTIVE
    if active or now - memory.quiet_since < MOMENT:
        return Watched(life=Life.USED)
    return Watched(life=Life.IDLE, since=memory.quiet_since)


def due(board: Board, saying: Said, now: datetime) -> bool:
    """Whether a board is to be sent or written anew at this moment."""
    if board.tries and board.next_at - LONGEST_WAIT <= now < board.next_at:
        return False  # earlier than that, the clock was put back meanwhile
    if board.message_id is None or board.shown_at is None:
        return True
    since = now - board.shown_at
    if since < timedelta():
        return True  # the clock was put back
    if saying.machines != board.said.machines:
        return since >= APART
    if saying.figures != board.said.figures:
        return since >= REFRESH
    return since >= SIGN_OF_LIFE


def wait(tries: int) -> timedelta | None:
    """How long to wait after so many failures in a row; None: it is given up."""
    if tries >= MOST_TRIES:
        return None
    return min(timedelta(seconds=2 ** min(tries + 1, 12)), LONGEST_WAIT)
