"""The minute's idle round: look, judge, ask; and let go of what nobody answered for.

The letters are written with the verdicts. What is done here is the wish to end a machine, on a row
that is still as it was when the machine was looked at: whoever presses Keep changes that row, so a
verdict from before the press ends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from bot.domain.idle import Release
from bot.domain.letters import Kind, Writing
from bot.domain.rentals import Reason, Rental, RentalId
from bot.domain.retries import waits
from bot.domain.standing import Standing
from bot.errors import Stale
from bot.log import bound
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.services.idle import IdleWatch, Judged
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.services.standing import look_up
from bot.tasks import Wake

log = logging.getLogger(__name__)

LEADS_AFTER = timedelta(hours=6)
"""How long an idle machine waits for its owner's word about a large archive."""
LEADS_AGAIN = timedelta(days=1)

LONGEST_PAUSE_S = 180.0
"""Without a tick of the clock a round is made all the same."""


class Questions:
    def __init__(
        self,
        *,
        store: Store,
        watch: IdleWatch,
        policies: Policies,
        wake: Wake,
        news: Wake,
        clock: Clock,
    ) -> None:
        self._store = store
        self._watch = watch
        self._policies = policies
        self._wake = wake
        self._news = news
        self._clock = clock

    async def run(self, ticks: Wake, reported: Callable[[], Mapping[RentalId, float]]) -> None:
        """Round after round, at each tick; for ever. `reported` is what Vast last told."""
        while True:
            await ticks.wait(LONGEST_PAUSE_S)
            await self.tick(reported())

    async def tick(self, gpu_util: Mapping[RentalId, float] | None = None) -> None:
        """One round over all ready machines; `gpu_util` is what Vast reports, in percent."""
        judged = await self._watch.pass_once(gpu_util)
        await each(judged, self._answer, of=lambda one: one.rental.id, at_once=1)
        self._news.set()

    async def _answer(self, judged: Judged) -> None:
        with bound(rental=judged.rental.id):
            if isinstance(judged.judgement.verdict, Release):
                await self._release(judged)

    async def _release(self, judged: Judged) -> None:
        """Write the wish to end it, unless somebody has touched the row since the look began."""
        rental, now = judged.rental, self._clock.now()
        if rental.held_at is not None and now - rental.held_at >= LEADS_AFTER:
            days = (now - rental.held_at - LEADS_AFTER) // LEADS_AGAIN
            at = rental.held_at + days * LEADS_AGAIN
            letter = Writing(kind=Kind.TOO_LARGE_LEADS, at=at, detail=rental.held)
            await self._store.write_letter(rental.id, letter)
        if rental.released_at is not None or waits(rental, now):
            return
        standing = await look_up(self._store, rental, now, self._policies)
        if standing is not None and standing.unheard:
            await self._ask_leads(rental, standing)
        if standing is None or standing.ends_at is None or now < standing.ends_at:
            return
        if not standing.told:
            log.warning("idle, but the question has not reached anybody; it stays")
            return
        wish = replace(rental, released_at=now, reason=Reason.IDLE)
        try:
            await self._store.apply(wish, event="idle, and nobody answered")
        except Stale:
            log.info("it has changed since it was looked at; it stays")
            return
        log.info("nobody answered: to be archived and ended")
        self._wake.set()

    async def _ask_leads(self, rental: Rental, standing: Standing) -> None:
        """Its owner takes no messages and its channel is closed to us: it is not to run unseen."""
        question = standing.memory.question
        if question is None:
            return
        facts = standing.report.facts if standing.report is not None else ()
        asked_at = question.asked_at
        letter = Writing(kind=Kind.ASK_LEADS, at=asked_at, facts=facts, asked_at=asked_at)
        await self._store.write_letter(rental.id, letter)
