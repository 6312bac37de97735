"""What still waits to be said, counted for the metrics."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from bot.adapters.storage.tables import bulletins, letters, notices
from bot.adapters.storage.unit import Part
from bot.ports.vitals import Waiting


class SqlCensus(Part):
    async def waiting(self) -> Mapping[str, Waiting]:
        counts = {
            "card": select(func.count(), func.min(notices.c.asked_at)).where(
                notices.c.version > notices.c.delivered_version
            ),
            "letter": select(func.count(), func.min(letters.c.written_at)).where(
                letters.c.done_at.is_(None), letters.c.message_id.is_(None)
            ),
            "bulletin": select(func.count(), func.min(bulletins.c.told_at)).where(
                bulletins.c.version > bulletins.c.shown_version
            ),
        }
        async with self._database.reading() as connection:
            rows = {kind: (await connection.execute(one)).one() for kind, one in counts.items()}
        return {kind: Waiting(*row) for kind, row in rows.items()}
