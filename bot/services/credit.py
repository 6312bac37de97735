"""The credit's watch: looks at the account, warns, and has work archived before it is used up.

What was told is read from the bulletins that stand, so a restart tells nothing twice. A wish to
save, or to end, is written on a row like a person's; the reconciler carries it out, and destroys
nothing without a proven archive.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain import credit_words as words
from bot.domain.bulletins import Bulletin, Tone
from bot.domain.credit import (
    ENDS,
    LAST,
    AtDry,
    Funds,
    Order,
    Plan,
    Work,
    funds,
    plan,
    recovered,
    to_tell,
)
from bot.domain.forecasts import saving
from bot.domain.letters import Kind, Writing
from bot.domain.policy_archives import OWNER_TIME
from bot.domain.policy_keys import CREDIT_ENDS, CREDIT_ORDER
from bot.domain.rentals import Reason, Rental, State
from bot.domain.standing import Name
from bot.errors import BotError, Provider, Stale
from bot.ports.books import Remembered, Store
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

UNKNOWN_AFTER = timedelta(minutes=10)
SEEN_WITHIN = timedelta(minutes=10)
"""An idle verdict older than that says nothing about now."""

_MISSED_TICKS_S = 300.0
_UNUSED = frozenset({Name.ASKED, Name.RELEASE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the credit: the newest look that succeeded, and since when none has."""

    funds: Funds | None = None
    unknown_since: datetime | None = None
    why: str = ""  # Vast's words, or ours about it


class Credit:
    """`wake` is the reconciler's, `telling` that of whoever delivers bulletins."""

    def __init__(
        self,
        *,
        store: Store,
        market: Market,
        policies: Policies,
        clock: Clock,
        wake: Wake,
        telling: Wake,
    ) -> None:
        self._store = store
        self._market = market
        self._policies = policies
        self._clock = clock
        self._wake = wake
        self._telling = telling
        self._known = Known()

    @property
    def known(self) -> Known:
        """For `/spend` and whoever else shows it; in memory, from the newest look."""
        return self._known

    async def run(self, wake: Wake) -> None:
        """A look at each tick; for ever. One that fails is made good by the next."""
        while True:
            try:
                await self.pass_once()
            except BotError as error:
                log.warning("the credit could not be watched: %s", error)
            await wake.wait(_MISSED_TICKS_S)

    async def observe(self) -> Provider | None:
        """One look of which nothing follows: for a process that only shows the credit.

        Returns what kept it from being known, if anything did.
        """
        rentals = await self._store.readable_rentals()
        return await self._look(rentals, self._clock.now())

    async def pass_once(self) -> Plan:
        """One look: who is told, what is archived, what is ended. Returns what was due."""
        rentals = await self._store.readable_rentals()
        now = self._clock.now()
        error = await self._look(rentals, now)
        seen = self._known.funds
        if error is not None or seen is None:
            await self._unknown(now)
            return Plan()
        values = await self._policies.values()
        at_dry, order = AtDry(values.get(CREDIT_ENDS)), Order(values.get(CREDIT_ORDER))
        longest = values.get(OWNER_TIME)  # above it nothing is archived unasked
        await self._warn(seen, at_dry)
        announced = {one.rental_id: one for one in await self._unfinished(words.ENDS)}
        ready = [one for one in rentals if one.state is State.READY]
        known = await self._store.remembered_of([one.id for one in ready])
        works = [
            await self._work(one, announced.get(one.id), _unused(known.get(one.id), now), longest)
            for one in ready
        ]
        due = plan(seen, works, order, at_dry)
        await self._carry_out(due, seen)
        for told in announced.values():
            await self._take_back(told, seen, at_dry, works)
        return due

    async def _look(self, rentals: Sequence[Rental], now: datetime) -> Provider | None:
        try:
            account = await self._market.account()
            listing = await self._market.machines()
        except Provider as error:
            log.warning("the credit is not known: %s", error)
            since = self._known.unknown_since or now
            self._known = replace(self._known, unknown_since=since, why=error.public)
            return error
        ours = {one.contract for one in rentals if one.contract is not None}
        self._known = Known(funds=funds(account.credit, listing, ours, now))
        return None

    async def _unknown(self, now: datetime) -> None:
        """No conclusion; after a while it is said that there is none."""
        since = self._known.unknown_since or now
        if now - since >= UNKNOWN_AFTER and not await self._unfinished(words.UNKNOWN):
            await self._tell(words.unknown(since, self._known.why))

    async def _warn(self, seen: Funds, at_dry: AtDry) -> None:
        for told in await self._unfinished(words.UNKNOWN):
            await self._tell(words.known(told, seen))
        standing = []
        for told in await self._unfinished(words.LEFT):
            if recovered(seen, words.mark_of(told)):
                await self._tell(words.enough(told, seen))
            else:
                standing.append(words.mark_of(told))
        mark = to_tell(seen, standing)
        if mark is not None:
            log.warning("the credit lasts %s", seen.left)
            await self._tell(words.warning(mark, seen, at_dry))

    async def _work(
        self, rental: Rental, announced: Bulletin | None, idle: bool, longest: timedelta
    ) -> Work:
        newest = rental.archive_id or rental.ahead_id
        archive = (await self._store.archives(rental_id=rental.id))[:1] if newest else []
        size = archive[0].bytes if archive else rental.wish.disk_gb * 10**9  # as much as may be
        return Work(
            rental=rental,
            takes=min(saving(size, rental.offer), longest),
            idle=idle,
            announced=announced is not None,
            told_at=await self._store.bulletin_shown_at(announced.key) if announced else None,
        )

    async def _carry_out(self, due: Plan, seen: Funds) -> None:
        for work in due.announce:
            await self._tell(words.ending(work, seen, self._clock.now()))

        async def save(rental: Rental) -> None:
            await self._write(rental, self._saved, "archived: the credit runs out")

        async def end(work: Work) -> None:
            reason = Reason.IDLE if work.idle else None  # then it is looked at once more
            await self._write(
                work.rental,
                lambda one: replace(
                    one, released_at=self._clock.now(), reason=reason, next_at=None, note=ENDS
                ),
                "ended: the credit runs out",
            )

        await each(due.save, save, of=lambda one: one.id, at_once=1)
        await each(due.end, end, of=lambda one: one.rental.id, at_once=1)

    def _saved(self, rental: Rental) -> Rental:
        return replace(rental, save_asked_at=self._clock.now(), next_at=None, note=_SAVED)

    async def _write(self, rental: Rental, change: Callable[[Rental], Rental], event: str) -> None:
        wished = change(rental)
        letters = []
        if wished.save_asked_at is not None and wished.released_at is None:
            letters.append(Writing(kind=Kind.SAVED, at=wished.save_asked_at))  # once it is proven
        try:
            await self._store.apply(wished, event=event, letters=letters)
        except Stale:
            return  # the next look decides again
        log.info("rental %s is %s", rental.id, event)
        self._wake.set()

    async def _take_back(
        self, told: Bulletin, seen: Funds, at_dry: AtDry, works: Sequence[Work]
    ) -> None:
        """Edit what an owner was told and is not so any more."""
        rental = await self._store.rental(told.rental_id) if told.rental_id else None
        if rental is None:
            return
        used = at_dry is AtDry.IDLE and any(
            one.rental.id == rental.id and not one.idle for one in works
        )
        if not rental.open:
            await self._tell(words.ended(told, rental))
        elif rental.released_at is not None:
            return
        elif used:
            await self._tell(words.stays(told, rental, "It no longer counts as unused."))
        elif recovered(seen, LAST) or at_dry not in (AtDry.IDLE, AtDry.ALL):
            await self._tell(words.stays(told, rental, "The Vast credit lasts longer again."))

    async def _unfinished(self, prefix: str) -> list[Bulletin]:
        return [one for one in await self._store.bulletins(prefix) if one.tone is not Tone.OVER]

    async def _tell(self, bulletin: Bulletin) -> None:
        if await self._store.tell(bulletin):
            self._telling.set()


_SAVED = "The team's Vast credit runs out, so its work is archived now. It keeps running."


def _unused(known: Remembered | None, now: datetime) -> bool:
    """Whether the idle watch found, just now, that its owner was asked and nobody works."""
    report = known.report if known is not None else None
    return report is not None and report.name in _UNUSED and now - report.at <= SEEN_WITHIN
