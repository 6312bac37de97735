"""Messages of ours in Discord."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.archives import Archive
from bot.domain.letters import Letter, Place, Stand
from bot.domain.lookouts import Lookout
from bot.domain.paces import Pace
from bot.domain.rentals import Rental
from bot.domain.standing import Standing
from bot.domain.tally import Tally
from bot.ports.books import Notice
from bot.ports.bulletins import Posting


class Post(Protocol):
    """Messages of ours in chat, written with the bot's own rights, not an interaction's."""

    def ready(self) -> bool:
        """Whether anything can be sent now; before that, nothing counts as a try."""
        ...

    async def card(
        self,
        rental: Rental,
        notice: Notice,
        standing: Standing | None = None,
        tally: Tally | None = None,
        pace: Pace | None = None,
    ) -> int:
        """Post the rental's one message, or edit it where it exists; returns its id.

        Safe to repeat: a new message carries the notice's id as nonce, and a try that may have
        gone through before is looked for in the channel first. Raises Undeliverable for good
        (channel gone, no right) and Unavailable for what may pass.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything a letter's text depends on."""

    letter: Letter
    stand: Stand
    rental: Rental
    standing: Standing | None
    now: datetime
    public: bool  # it stands in the channel, where everybody reads it
    tally: Tally | None = None
    archive: Archive | None = None  # of a receipt: the newest proven one


class Mail(Protocol):
    """Messages of ours to one person, or beside a card."""

    def ready(self) -> bool:
        """Whether anything can be sent now; before that, nothing counts as a try."""
        ...

    async def deliver(
        self,
        letter: Letter,
        stand: Stand,
        rental: Rental,
        standing: Standing | None,
        *,
        direct: bool = True,
        leads_channel_id: int | None = None,
        tally: Tally | None = None,
        archive: Archive | None = None,
    ) -> Place:
        """Send a letter, or edit it where it stands; returns where that is.

        To the owner directly; with `direct` False or where they take no messages of ours, in the
        rental's channel. To leads in theirs, or where that is closed or none in the rental's.
        Safe to repeat like a card. An earlier message that somebody deleted stays deleted. Raises
        Undeliverable for good and Unavailable for what may pass.
        """
        ...


class Tidings(Protocol):
    """Letters about wishes that waited for a machine."""

    async def tell(self, lookout: Lookout) -> None:
        """Tell its owner how it ended: directly, or in its channel where that is closed to us.

        Safe to repeat like a letter, by the lookout's `tries`. Raises Undeliverable, Unavailable.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Where a bulletin belongs, and whose machine it is about."""

    guild_id: int | None = None
    channel_id: int | None = None
    otherwise_id: int | None = None  # the next best channel, where that one is closed or gone
    owner_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A channel in which we may write, and our own number in Discord."""

    guild_id: int
    channel_id: int
    own_id: int


class Board(Protocol):
    """Bulletins of ours in chat."""

    async def post(
        self, posting: Posting, desired: Desired, *, picture: bytes | None = None
    ) -> Place:
        """Post a bulletin, or edit it where it stands; returns where that is.

        `picture` is a PNG to go with a new message; one that stands keeps its own.

        For an owner directly, else in the desired channel or the other one, else where we may
        write at all. Safe
        to repeat like a card. Raises Undeliverable for good and Unavailable for what may pass.
        """
        ...

    async def home(self) -> Home | None:
        """Where we may write when nothing better is known; None before we are connected."""
        ...
