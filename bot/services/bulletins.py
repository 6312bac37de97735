"""Delivering bulletins: what is due becomes messages, and edits where the words have changed."""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.domain.bulletins import Audience, Bulletin
from bot.domain.policy_keys import LEADS_CHANNEL
from bot.domain.policy_reports import REPORTS_CHANNEL
from bot.errors import Chat, Undeliverable
from bot.ports.books import Store
from bot.ports.bulletins import Posting
from bot.ports.charts import Charts
from bot.ports.chat import Board, Desired
from bot.ports.clock import Clock
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

FALLBACK_S = 15.0
_AT_ONCE = 8
_LONGEST = timedelta(minutes=5)


class Bulletins:
    def __init__(
        self,
        *,
        store: Store,
        board: Board,
        news: Wake,
        clock: Clock,
        policies: Policies,
        charts: Charts | None = None,
    ) -> None:
        self._charts = charts
        self._store = store
        self._board = board
        self._news = news
        self._clock = clock
        self._policies = policies

    async def run(self) -> None:
        """Deliver what is due, at each hint and at each tick; for ever."""
        while True:
            await self.deliver()
            await self._news.wait(FALLBACK_S)

    async def deliver(self) -> int:
        """One round; returns how many were sent or edited. One that fails holds up no other."""
        due = await self._store.due_bulletins(self._clock.now())
        done = await each(due, self._deliver, of=lambda one: one.id, at_once=_AT_ONCE)
        return sum(done)

    async def _deliver(self, posting: Posting) -> bool:
        key = posting.bulletin.key
        desired = await self._desired(posting)
        picture = await self._drawn(posting.bulletin) if posting.place is None else None
        await self._store.bulletin_tried(posting)
        try:
            place = await self._board.post(posting, desired, picture=picture)
        except Undeliverable as error:
            log.warning("the bulletin %s cannot be delivered: %s", key, error)
            await self._store.bulletin_shown(posting, self._clock.now(), posting.place)
            return False
        except Chat as error:
            wait = min(timedelta(seconds=2 ** min(posting.tries + 1, 9)), _LONGEST)
            log.warning("the bulletin %s waits for %s: %s", key, wait, error)
            next_at = self._clock.now() + wait
            await self._store.bulletin_waits(posting, next_at=next_at, error=str(error))
            return False
        await self._store.bulletin_shown(posting, self._clock.now(), place)
        return True

    async def _drawn(self, bulletin: Bulletin) -> bytes | None:
        """Its picture; without it the words are still worth having."""
        if bulletin.picture is None or self._charts is None:
            return None
        try:
            return await self._charts.draw(bulletin.picture)
        except TimeoutError:
            log.warning("the picture of %s took too long", bulletin.key)
            return None

    async def _desired(self, posting: Posting) -> Desired:
        """For leads their channel, for the team that of its reports; where none is chosen, or it
        is closed, the rental's or the newest one's."""
        bulletin = posting.bulletin
        rental = await self._store.rental(bulletin.rental_id) if bulletin.rental_id else None
        place = (
            (rental.guild_id, rental.channel_id)
            if rental is not None
            else await self._store.leads_place(bulletin.guild_id)
        )
        chosen = await self._chosen(bulletin.audience)
        beside = place[1] if place is not None else None
        of_owner = bulletin.audience is Audience.OWNER
        return Desired(
            guild_id=place[0] if place is not None else None,
            channel_id=chosen or beside,
            otherwise_id=beside if chosen else None,
            owner_id=rental.owner_id if rental is not None and of_owner else None,
        )

    async def _chosen(self, audience: Audience) -> int | None:
        match audience:
            case Audience.LEADS:
                return await self._policies.value(LEADS_CHANNEL)
            case Audience.TEAM:
                return await self._policies.value(REPORTS_CHANNEL)
            case Audience.OWNER:
                return None
