"""Links to downloads; only their digests are stored, like those of the doors."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update

from bot.adapters.storage.tables import downloads
from bot.adapters.storage.unit import Part
from bot.domain.archives import ArchiveId
from bot.ports.books import Parcel


class SqlDownloads(Part):
    async def add_parcel(self, parcel: Parcel) -> None:
        new = insert(downloads).values(
            digest=parcel.digest,
            archive_id=parcel.archive_id,
            path=parcel.path.hex() if parcel.path is not None else None,
            member_id=parcel.member_id,
            made_at=self._clock.now(),
            expires_at=parcel.expires_at,
        )
        async with self._database.writing() as connection:
            await connection.execute(new)

    async def parcel(self, digest: str, now: datetime) -> Parcel | None:
        good = select(downloads).where(
            downloads.c.digest == digest,
            downloads.c.spent_at.is_(None),
            downloads.c.expires_at > now,
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(good)).one_or_none()
        if row is None:
            return None
        return Parcel(
            digest=row.digest,
            archive_id=ArchiveId(row.archive_id),
            path=bytes.fromhex(row.path) if row.path is not None else None,
            member_id=row.member_id,
            expires_at=row.expires_at,
        )

    async def fetch_parcel(self, digest: str, now: datetime) -> bool:
        fetched = (
            update(downloads)
            .where(
                downloads.c.digest == digest,
                downloads.c.spent_at.is_(None),
                downloads.c.expires_at > now,
            )
            .values(spent_at=now)
            .returning(downloads.c.digest)
        )
        async with self._database.writing() as connection:
            return (await connection.execute(fetched)).one_or_none() is not None
