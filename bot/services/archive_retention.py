"""Archives come to their end: warned of, kept longer, deleted, and what they leave is freed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.archives import WARN_BEFORE, Archive, ArchiveId
from bot.domain.letters import Kind
from bot.domain.policy_keys import ARCHIVE_DAYS, ARCHIVE_OLDER_DAYS
from bot.domain.rentals import RentalId
from bot.domain.retention import UNTOLD, Keeping, Leaving, expiries, leaving
from bot.errors import BotError
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.services.archives import Archives
from bot.services.policy import Policies
from bot.tasks import Wake, rest

log = logging.getLogger(__name__)

TIDY_S = 3600.0
_NOTICE = timedelta(days=1)  # between the last word and the end


class Retention:
    """`news` is that of whoever delivers letters."""

    def __init__(
        self, *, store: Store, archives: Archives, policies: Policies, news: Wake, clock: Clock
    ) -> None:
        self._store = store
        self._archives = archives
        self._policies = policies
        self._news = news
        self._clock = clock

    async def run(self) -> None:
        """Keep the place in order, hour by hour; for ever. A place that is away is tried again."""
        while True:
            try:
                await self.tick()
            except BotError as error:
                log.warning("the archive store could not be kept in order: %s", error)
            await rest(TIDY_S)

    async def tick(self) -> None:
        """One round: warnings, then ends, then what nobody names any more."""
        archives, ends = await self._ends()
        groups = leaving(archives, ends)
        await self._warn(groups)
        await self._archives.expire(await self._postponed(groups, ends))
        await self._archives.tidy()

    async def keep_longer(self, archive: Archive) -> datetime:
        """Keep an archive, and those of its owner that end on the same day; until when.

        As long again as the team keeps them, counted from now. Safe to repeat.
        """
        archives, ends = await self._ends()
        group = next(
            (one.archives for one in leaving(archives, ends) if archive in one.archives), (archive,)
        )
        until = self._clock.now() + (await self._keeping()).newest
        for each in group:
            await self._store.keep_archive_until(each.id, until)
        log.info("%s archives are kept longer", len(group))
        return until

    async def _ends(self) -> tuple[Sequence[Archive], dict[ArchiveId, datetime]]:
        rentals = await self._store.open_rentals()
        running = {rental.id for rental in rentals}
        needed = {one.restore_id for one in rentals if one.restore_id and one.restored_at is None}
        archives, keeping = await self._store.archives(), await self._keeping()
        ends = expiries(archives, keeping, running=running)
        soon = self._clock.now() + WARN_BEFORE[0]
        over = {one.rental_id for one in archives if one.id in ends and ends[one.id] <= soon}
        gone = await self._gone(over - running)
        return archives, expiries(archives, keeping, running=running, gone=gone, needed=needed)

    async def _gone(self, rental_ids: Iterable[RentalId]) -> dict[RentalId, datetime]:
        """When these were closed."""
        rows = [await self._store.rental(each) for each in rental_ids]
        return {row.id: row.closed_at for row in rows if row is not None and row.closed_at}

    async def _keeping(self) -> Keeping:
        """What the team has set."""
        values = await self._policies.values()
        return Keeping(newest=values.get(ARCHIVE_DAYS), older=values.get(ARCHIVE_OLDER_DAYS))

    async def _warn(self, groups: Sequence[Leaving]) -> None:
        now = self._clock.now()
        for group in groups:
            if (writing := group.writing(now)) is not None:
                await self._store.write_letter(group.rental_id, writing)
        self._news.set()

    async def _postponed(
        self, groups: Sequence[Leaving], ends: Mapping[ArchiveId, datetime]
    ) -> dict[ArchiveId, datetime]:
        """Nothing that is warned of ends less than a day after the word; see UNTOLD as well."""
        now, held = self._clock.now(), dict(ends)
        for group in groups:
            if group.end > now:
                continue
            told_at = await self._told_at(group)
            for each in group.archives:
                earliest = told_at + _NOTICE if told_at is not None else held[each.id] + UNTOLD
                held[each.id] = max(held[each.id], earliest)
        return held

    async def _told_at(self, group: Leaving) -> datetime | None:
        told = [
            letter.delivered_at
            for letter in await self._store.letters_of(group.rental_id)
            if letter.kind in (Kind.EXPIRES, Kind.EXPIRES_SOON)
            and letter.writing.at == group.end
            and letter.delivered_at is not None
        ]
        return min(told, default=None)
