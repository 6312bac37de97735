"""The recorded runs of cells: one row each, written over as it grows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, delete, select, update

from bot.adapters.storage.tables import recordings
from bot.adapters.storage.unit import Part, inserting
from bot.domain.rentals import RentalId
from bot.ports.recordings import Recording

KEYS = 500
"""Taken away by one statement: SQLite bounds the values of one."""


class SqlRecordings(Part):
    async def recordings(self) -> list[Recording]:
        chosen = select(recordings).order_by(recordings.c.number, recordings.c.key)
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [_recording(row) for row in rows]

    async def adopt_recordings(self, keeper: str, others: Collection[str]) -> list[Recording]:
        adopt = (
            update(recordings)
            .where(recordings.c.keeper.not_in([keeper, *others]))
            .values(keeper=keeper)
            .returning(recordings)
        )
        async with self._database.writing() as connection:
            rows = (await connection.execute(adopt)).all()
        return sorted(map(_recording, rows), key=lambda one: (one.number, one.key))

    async def keep_recordings(
        self, changed: Sequence[Recording], *, gone: Collection[str] = (), keeper: str = ""
    ) -> None:
        keys = list(gone)
        async with self._database.writing() as connection:
            for at in range(0, len(keys), KEYS):
                few = keys[at : at + KEYS]
                await connection.execute(
                    delete(recordings).where(
                        recordings.c.key.in_(few), recordings.c.keeper == keeper
                    )
                )
            if changed:
                new = inserting(connection, recordings)
                upsert = new.on_conflict_do_update(
                    index_elements=[recordings.c.key],
                    set_={"state": new.excluded.state},
                    where=recordings.c.keeper == keeper,  # else another process has taken it over
                )
                await connection.execute(
                    upsert, [_row(one) | {"keeper": keeper} for one in changed]
                )


def _row(one: Recording) -> dict[str, object]:
    return {
        "key": one.key,
        "rental_id": one.rental_id,
        "number": one.number,
        "state": one.state,
    }


def _recording(row: Row[Any]) -> Recording:
    return Recording(
        key=row.key,
        rental_id=RentalId(row.rental_id),
        number=row.number,
        state=row.state,
        keeper=row.keeper,
    )
