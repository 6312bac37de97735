"""Looks at machines, and what the idle verdict remembers of each between two of them.

The memory has a version of its own: the watch that has just judged and the person who presses Keep
meanwhile must not overwrite each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.letters import write_letters
from bot.adapters.storage.outbox import show_card_anew
from bot.adapters.storage.plain import read, text_of
from bot.adapters.storage.tables import idle, samples
from bot.adapters.storage.unit import Part, insert_new
from bot.domain.idle_memory import Memory
from bot.domain.letters import Writing
from bot.domain.rentals import RentalId
from bot.domain.samples import Sample
from bot.domain.standing import Report
from bot.errors import Stale
from bot.ports.books import Remembered

log = logging.getLogger(__name__)

_AT_ONCE = 500  # parameters of one statement
_AT_A_STRETCH = 20  # rows read before whatever else is due has its turn


class SqlSamples(Part):
    async def remembered(self, rental_id: RentalId) -> Remembered | None:
        chosen = select(idle).where(idle.c.rental_id == rental_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(chosen)).one_or_none()
        return _remembered(row.memory, row.version, row.report) if row is not None else None

    async def remembered_of(self, rental_ids: Sequence[RentalId]) -> Mapping[RentalId, Remembered]:
        found = {}
        async with self._database.reading() as connection:
            for at in range(0, len(rental_ids), _AT_ONCE):
                chosen = select(idle).where(idle.c.rental_id.in_(rental_ids[at : at + _AT_ONCE]))
                for number, row in enumerate(await connection.execute(chosen)):
                    if number % _AT_A_STRETCH == 0:
                        await asyncio.sleep(0)  # others may have their turn
                    try:
                        known = _remembered(row.memory, row.version, row.report)
                    except (ValueError, KeyError, TypeError) as error:
                        log.error(
                            "what is known of rental %s is unreadable: %r", row.rental_id, error
                        )
                        continue
                    found[RentalId(row.rental_id)] = known
        return found

    async def remember(
        self,
        rental_id: RentalId,
        memory: Memory,
        *,
        version: int,
        sample: Sample | None = None,
        report: Report | None = None,
        letters: Sequence[Writing] = (),
        show: bool = False,
    ) -> Remembered:
        now = self._clock.now()
        async with self._database.writing() as connection:
            known = await _write(connection, rental_id, memory, version, report)
            if sample is not None:
                row = {"rental_id": rental_id, "at": sample.at, "sample": text_of(sample)}
                await insert_new(connection, samples, [row])
            await write_letters(connection, rental_id, letters, now)
            if show:
                await show_card_anew(connection, rental_id, now)
        return known

    async def samples(self, rental_id: RentalId, *, since: datetime) -> list[Sample]:
        chosen = (
            select(samples.c.sample)
            .where(samples.c.rental_id == rental_id, samples.c.at >= since)
            .order_by(samples.c.at)
        )
        async with self._database.reading() as connection:
            texts = (await connection.execute(chosen)).scalars().all()
        return [read(Sample, text) for text in texts]

    async def forget_samples(self, before: datetime) -> int:
        async with self._database.writing() as connection:
            gone = await connection.execute(delete(samples).where(samples.c.at < before))
        return gone.rowcount


async def _write(
    connection: AsyncConnection,
    rental_id: RentalId,
    memory: Memory,
    version: int,
    report: Report | None,
) -> Remembered:
    text = text_of(memory)
    if version == 0:
        first = {"rental_id": rental_id, "version": 0, "memory": text}
        await insert_new(connection, idle, [first])
    values = {"memory": text, "version": version + 1}
    if report is not None:
        values["report"] = text_of(report)
    change = (
        update(idle)
        .where(idle.c.rental_id == rental_id, idle.c.version == version)
        .values(**values)
        .returning(idle.c.version, idle.c.report)
    )
    row = (await connection.execute(change)).one_or_none()
    if row is None:
        raise Stale(f"the idle memory of {rental_id} is no longer at version {version}")
    return Remembered(memory, row.version, read(Report, row.report) if row.report else None)


def _remembered(memory: str, version: int, report: str | None) -> Remembered:
    return Remembered(read(Memory, memory), version, read(Report, report) if report else None)
