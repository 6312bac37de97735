"""The rows of archives: recorded before a run starts, committed only when proven."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from bot.adapters.storage.tables import archives
from bot.adapters.storage.unit import Part, inserting
from bot.domain.archives import Archive, ArchiveId, ArchiveState
from bot.domain.rentals import RentalId
from bot.errors import Stale, Store

# From which states a row may come to each; what is written again as it is, is no error.
_BEFORE = {
    ArchiveState.RUNNING: (ArchiveState.RUNNING,),
    ArchiveState.COMMITTED: (ArchiveState.RUNNING, ArchiveState.COMMITTED),
    ArchiveState.FAILED: (ArchiveState.RUNNING, ArchiveState.FAILED),
    ArchiveState.DELETED: (ArchiveState.COMMITTED, ArchiveState.FAILED, ArchiveState.DELETED),
}


class SqlArchives(Part):
    async def begin_archive(self, archive: Archive) -> Archive:
        running = select(archives).where(
            archives.c.rental_id == archive.rental_id,
            archives.c.state == ArchiveState.RUNNING.value,
        )
        async with self._database.writing() as connection:
            new = inserting(connection, archives).values(_values(archive))
            await connection.execute(new.on_conflict_do_nothing())
            row = (await connection.execute(running)).one_or_none()
        if row is None:
            raise Store(f"an archive called {archive.id} exists already")
        return _archive(row)

    async def keep_archive(self, archive: Archive) -> None:
        change = (
            update(archives)
            .where(
                archives.c.id == archive.id,
                archives.c.state.in_([state.value for state in _BEFORE[archive.state]]),
            )
            .values(_values(archive))
            .returning(archives.c.id)
        )
        async with self._database.writing() as connection:
            if (await connection.execute(change)).one_or_none() is None:
                raise Stale(f"archive {archive.id} cannot become {archive.state.value} any more")

    async def keep_archive_until(self, archive_id: ArchiveId, until: datetime) -> None:
        change = (
            update(archives)
            .where(
                archives.c.id == archive_id,
                archives.c.state == ArchiveState.COMMITTED.value,
            )
            .values(keep_until=until)
        )
        async with self._database.writing() as connection:
            await connection.execute(change)

    async def archive(self, archive_id: ArchiveId) -> Archive | None:
        async with self._database.reading() as connection:
            found = await connection.execute(select(archives).where(archives.c.id == archive_id))
            row = found.one_or_none()
        return _archive(row) if row is not None else None

    async def archives(
        self,
        *,
        guild_id: int | None = None,
        owner_id: int | None = None,
        rental_id: RentalId | None = None,
    ) -> list[Archive]:
        chosen = (
            select(archives)
            .where(archives.c.state != ArchiveState.DELETED.value)
            .order_by(archives.c.started_at.desc(), archives.c.id)
        )
        for column, value in (
            (archives.c.guild_id, guild_id),
            (archives.c.owner_id, owner_id),
            (archives.c.rental_id, rental_id),
        ):
            if value is not None:
                chosen = chosen.where(column == value)
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [_archive(row) for row in rows]


def _values(archive: Archive) -> dict[str, Any]:
    return {
        "id": archive.id,
        "rental_id": archive.rental_id,
        "guild_id": archive.guild_id,
        "owner_id": archive.owner_id,
        "name": archive.name,
        "state": archive.state.value,
        "root": archive.root,
        "started_at": archive.started_at,
        "touched_at": archive.touched_at,
        "parent": archive.parent,
        "proven_at": archive.proven_at,
        "entries": archive.entries,
        "bytes": archive.bytes,
        "sent": archive.sent,
        "manifest": archive.manifest,
        "loses_work": archive.loses_work,
        "error": archive.error,
        "keep_until": archive.keep_until,
    }


def _archive(row: Row[Any]) -> Archive:
    return Archive(
        id=ArchiveId(row.id),
        rental_id=RentalId(row.rental_id),
        guild_id=row.guild_id,
        owner_id=row.owner_id,
        name=row.name,
        state=ArchiveState(row.state),
        root=row.root,
        started_at=row.started_at,
        touched_at=row.touched_at,
        parent=ArchiveId(row.parent) if row.parent is not None else None,
        proven_at=row.proven_at,
        entries=row.entries,
        bytes=row.bytes,
        sent=row.sent,
        manifest=row.manifest,
        loses_work=row.loses_work,
        error=row.error,
        keep_until=row.keep_until,
    )
