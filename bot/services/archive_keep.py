"""Keeping the place and the books in step: what died is continued or given up, what nobody names
is freed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

from bot.domain.archives import ABANDONED_AGE, ORPHAN_AGE, Archive, ArchiveId, ArchiveState
from bot.domain.proof import free
from bot.domain.rentals import RentalId
from bot.errors import Damaged, Foreign
from bot.ports.archives import ArchiveBooks, Held, Vault
from bot.ports.clock import Clock

log = logging.getLogger(__name__)

_ENDED = (ArchiveState.DELETED, ArchiveState.FAILED)


class Keeper:
    """Looks after the whole place."""

    def __init__(self, *, books: ArchiveBooks, vault: Vault, clock: Clock) -> None:
        self._books = books
        self._vault = vault
        self._clock = clock

    async def past(self, rental_id: RentalId) -> tuple[Archive | None, Archive | None]:
        """A rental's run that was broken off, and its newest archive.

        A run that had come to its COMMIT before the books were told is an archive like any other;
        one that was begun under another secret cannot be continued and is given up.
        """
        rows = await self._books.archives(rental_id=rental_id)
        running = next((row for row in rows if row.state is ArchiveState.RUNNING), None)
        if running is not None:
            try:
                if (told := await self._told(running)) is not None:
                    return None, told
            except Foreign:
                await self._give_up(running)
                running = None
        return running, next((row for row in rows if row.restorable), None)

    async def tidy(self, *, saving: Collection[RentalId]) -> int:
        """Free the parts that no manifest names; how many there were.

        Nothing is freed unless every COMMIT could be read: one that is not seen cannot speak for
        its parts. The books are read after the place, so that a run that ends in between is
        known to have ended; then its COMMIT may not have been seen, and the next round frees.
        """
        await self._give_up_abandoned(saving)
        before = await self._committed()
        held = await self._vault.held()
        rows = {each.archive_id: await self._books.archive(each.archive_id) for each in held}
        if await self._committed() - before - {each.archive_id for each in held if each.committed}:
            return 0
        held = [await self._revoked(each, rows[each.archive_id]) for each in held]
        busy = {each.archive_id for each in held if self._in_doubt(each, rows[each.archive_id])}
        freed = free(
            (part for each in held for part in each.parts),
            (part for each in held for part in each.named),
            writing=busy,
        )
        await self._vault.free(freed)
        for each in held:
            if not each.committed and each.archive_id not in busy and not {*each.parts} - {*freed}:
                await self._vault.clear(each.archive_id)
        await self._vault.tidy(self._clock.now() - ORPHAN_AGE)
        if freed:
            log.info("freed %s parts", len(freed))
        return len(freed)

    async def _told(self, row: Archive) -> Archive | None:
        """The row as committed, where the place has its COMMIT; written down if so."""
        try:
            manifest = await self._vault.manifest(row.id)
        except Damaged:
            return None
        told = replace(manifest.archive, touched_at=self._clock.now())
        await self._books.keep_archive(told)
        log.info("archive %s was committed before the books were told", row.id)
        return told

    async def _committed(self) -> set[ArchiveId]:
        return {row.id for row in await self._books.archives() if row.restorable}

    async def _give_up(self, row: Archive) -> None:
        await self._books.keep_archive(replace(row, state=ArchiveState.FAILED))
        log.warning("gave up the run of archive %s", row.id)

    async def _give_up_abandoned(self, saving: Collection[RentalId]) -> None:
        """Runs that nobody continues any more."""
        before = self._clock.now() - ABANDONED_AGE
        for row in await self._books.archives():
            if row.state is not ArchiveState.RUNNING or row.rental_id in saving:
                continue
            if row.touched_at <= before and not await self._has_ended(row):
                await self._give_up(row)

    async def _has_ended(self, row: Archive) -> bool:
        """Whether the place has its COMMIT; under another secret nobody will ever know."""
        try:
            return await self._told(row) is not None
        except Foreign:
            return False

    async def _revoked(self, held: Held, row: Archive | None) -> Held:
        """What has ended in the books ends in the place, too, to its last object but the parts."""
        if held.committed and row is None:
            log.warning("archive %s is not in the books; it is kept", held.archive_id)
        if row is None or row.state not in _ENDED:
            return held
        await self._vault.revoke(held.archive_id)
        return replace(held, committed=False, named=frozenset())

    def _in_doubt(self, held: Held, row: Archive | None) -> bool:
        """Whether parts that are not named may still become so, or are too young to tell."""
        young = held.newest_at > self._clock.now() - ORPHAN_AGE
        if row is None:
            return young
        if row.state is ArchiveState.COMMITTED:
            return young or not held.committed
        return row.state is ArchiveState.RUNNING
