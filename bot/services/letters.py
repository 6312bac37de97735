"""Delivering letters, and keeping those that may still change true.

A letter that was written is sent until it has arrived. One with buttons is looked at in every round
after that: when its question is answered, withdrawn or over, or its deadline has moved, the message
is edited.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.domain.archives import Archive
from bot.domain.letters import (
    FINAL,
    QUESTIONS,
    Kind,
    Letter,
    Stand,
    declinable,
    deferred,
    stand,
)
from bot.domain.rentals import Rental, State
from bot.domain.standing import Rules, Standing
from bot.domain.tally import Tally
from bot.errors import Away, Chat, Undeliverable
from bot.log import bound
from bot.ports.books import Store
from bot.ports.chat import Mail
from bot.ports.clock import Clock
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.services.standing import look_up
from bot.services.tallies import tally_of
from bot.tasks import Wake

log = logging.getLogger(__name__)

FALLBACK_S = 15.0
_LONGEST = timedelta(minutes=5)
_AT_ONCE = 8
_PRICED = QUESTIONS | {Kind.RECEIPT}
_BILL_AGAIN = timedelta(minutes=10)
"""So often a receipt is looked at by itself; a bill that comes has it looked at once."""


class Letters:
    """`news` may be that of the notices: a hint one of the two misses is made good by a tick."""

    def __init__(
        self, *, store: Store, mail: Mail, news: Wake, clock: Clock, policies: Policies
    ) -> None:
        self._store = store
        self._mail = mail
        self._news = news
        self._clock = clock
        self._policies = policies

    async def run(self) -> None:
        """Deliver what is due, at each hint and at each tick; for ever."""
        while True:
            await self.deliver()
            await self._news.wait(FALLBACK_S)

    async def deliver(self) -> int:
        """One round; returns how many were sent or edited. One that fails or hangs holds up no
        other rental's."""
        if not self._mail.ready():
            return 0
        due = await self._store.unfinished_letters(self._clock.now())
        done = await each(due, self._one, of=lambda letter: letter.rental_id, at_once=_AT_ONCE)
        return sum(done)

    async def _one(self, letter: Letter) -> bool:
        with bound(rental=letter.rental_id):
            try:
                return await self._deliver(letter)
            except Away as error:  # it stays due, for nothing can be written about it
                log.warning("the %s letter waits for the database: %s", letter.kind, error)
                return False
            except Exception as error:  # ours; recorded, and the rental's other letters go on
                log.exception("the %s letter cannot be made", letter.kind)
                await self._wait(letter, error)
                return False

    async def _deliver(self, letter: Letter) -> bool:
        now = self._clock.now()
        rental = await self._store.rental(letter.rental_id)
        if rental is None:
            await self._store.letter_done(letter, now, error="there is no such rental")
            return False
        standing = await look_up(self._store, rental, now, self._policies)
        rules = standing.rules if standing is not None else await self._policies.rules(rental)
        tally = await tally_of(self._store, rental, now) if letter.kind in _PRICED else None
        how = stand(letter, rental, standing.memory if standing is not None else None, tally)
        if letter.place is None and not await self._to_be_sent(letter, how, rules):
            return False
        receipt = letter.kind is Kind.RECEIPT
        shown = _figures(how, tally) if receipt else _shown(how, standing)
        done = _done(how, rental)
        if letter.place is not None and shown == letter.shown:
            if done:
                await self._store.letter_done(letter, now)
            elif receipt:
                await self._store.letter_waits(letter, next_at=now + _BILL_AGAIN)
            return False
        await self._store.letter_tried(letter)
        try:
            place = await self._mail.deliver(
                letter,
                how,
                rental,
                standing,
                direct=rules.notices != "channel",
                leads_channel_id=rules.leads_channel_id,
                tally=tally,
                archive=await self._archive(rental) if receipt else None,
            )
        except Undeliverable as error:
            log.warning("the %s letter cannot be delivered: %s", letter.kind, error)
            await self._store.letter_done(letter, now, error=str(error))
            return False
        except Chat as error:
            await self._wait(letter, error)
            return False
        if letter.place is None:
            log.info("the %s letter was sent", letter.kind)
        await self._store.letter_shown(letter, now, place=place, shown=shown, done=done)
        return True

    async def _archive(self, rental: Rental) -> Archive | None:
        """The one that a receipt names: the newest that is there, whatever it was made for."""
        kept = await self._store.archives(rental_id=rental.id)
        return next((one for one in kept if one.restorable), None)

    async def _wait(self, letter: Letter, error: Exception) -> None:
        wait = min(timedelta(seconds=2 ** min(letter.tries + 1, 9)), _LONGEST)
        log.warning("the %s letter waits for %s: %s", letter.kind, wait, error)
        next_at = self._clock.now() + wait
        await self._store.letter_waits(letter, next_at=next_at, error=str(error))

    async def _to_be_sent(self, letter: Letter, how: Stand, rules: Rules) -> bool:
        """Whether a letter that nobody has seen is still worth saying, and may be said now."""
        now = self._clock.now()
        if how is Stand.WAITING:
            return False
        asks = QUESTIONS | {Kind.TOO_LARGE, Kind.TOO_LARGE_LEADS}
        answered = letter.kind in asks and how is not Stand.OPEN
        unwanted = declinable(letter.writing) and rules.notices == "none"
        if answered or unwanted or how is Stand.MOOT or await self._said_nothing(letter):
            await self._store.letter_done(letter, now, error="not said any more")
            return False
        quiet = rules.quiet
        return not deferred(letter.writing) or quiet is None or quiet.over_at(now) == now

    async def _said_nothing(self, letter: Letter) -> bool:
        """A question that reached nobody need not be withdrawn."""
        if letter.kind is not Kind.CANCEL:
            return False
        mine = await self._store.letters_of(letter.rental_id)
        asked_at = letter.writing.asked_at
        return not any(
            one.kind in QUESTIONS
            and one.writing.asked_at == asked_at
            and one.tries + bool(one.place)
            for one in mine
        )


def _shown(how: Stand, standing: Standing | None) -> str:
    """What a message says that may change; an edit is due when it does."""
    ends_at = standing.ends_at if standing is not None and how is Stand.OPEN else None
    return f"{how.value} {ends_at.isoformat() if ends_at else ''}".strip()


def _figures(how: Stand, tally: Tally | None) -> str:
    """The figures of a receipt; its message is edited when one of them changes."""
    return f"{how.value} {tally.total} {tally.billed}" if tally is not None else how.value


def _done(how: Stand, rental: Rental) -> bool:
    return how in FINAL or (how is Stand.OVER and rental.state is State.CLOSED)
