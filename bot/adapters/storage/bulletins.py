"""Bulletins: one row a message; telling it with other words raises the version it is to show.

The row's id is Discord's nonce and stays the same for its life: the first message is sent under
it, everything later is an edit.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Row, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.plain import read, text_of
from bot.adapters.storage.tables import bulletins, rentals
from bot.adapters.storage.unit import Part, inserting
from bot.domain.bulletins import Bulletin
from bot.domain.letters import Place
from bot.ports.bulletins import Posting


class SqlBulletins(Part):
    async def tell(self, bulletin: Bulletin) -> bool:
        now = self._clock.now()
        async with self._database.writing() as connection:
            return await write_bulletin(connection, bulletin, now)

    async def bulletin(self, key: str) -> Bulletin | None:
        chosen = select(bulletins.c.bulletin).where(bulletins.c.key == key)
        async with self._database.reading() as connection:
            row = (await connection.execute(chosen)).one_or_none()
        return read(Bulletin, row.bulletin) if row is not None else None

    async def bulletins(self, prefix: str) -> list[Bulletin]:
        chosen = (
            select(bulletins.c.bulletin)
            .where(bulletins.c.key.startswith(prefix, autoescape=True))
            .order_by(bulletins.c.told_at, bulletins.c.key)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [read(Bulletin, row.bulletin) for row in rows]

    async def bulletin_shown_at(self, key: str) -> datetime | None:
        chosen = select(bulletins.c.shown_at).where(
            bulletins.c.key == key,
            bulletins.c.shown_version == bulletins.c.version,
            bulletins.c.message_id.is_not(None),
        )
        async with self._database.reading() as connection:
            return (await connection.execute(chosen)).scalar_one_or_none()

    async def due_bulletins(self, now: datetime, *, limit: int = 20) -> list[Posting]:
        chosen = (
            select(bulletins)
            .where(bulletins.c.version > bulletins.c.shown_version, bulletins.c.next_at <= now)
            .order_by(bulletins.c.next_at, bulletins.c.key)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [_posting(row) for row in rows]

    async def bulletin_tried(self, posting: Posting) -> None:
        await self._change_posting(posting, tries=bulletins.c.tries + 1)

    async def bulletin_shown(self, posting: Posting, now: datetime, place: Place | None) -> None:
        await self._change_posting(
            posting,
            shown_version=posting.version,
            shown_at=now,
            channel_id=place.channel_id if place is not None else None,
            message_id=place.message_id if place is not None else None,
            tries=0,
            error="" if place is not None else "nobody could be told",
        )

    async def bulletin_waits(self, posting: Posting, *, next_at: datetime, error: str) -> None:
        await self._change_posting(posting, next_at=next_at, error=error)

    async def leads_place(self, guild_id: int | None = None) -> tuple[int, int] | None:
        newest = (
            select(rentals.c.guild_id, rentals.c.channel_id)
            .where(true() if guild_id is None else rentals.c.guild_id == guild_id)
            .order_by(rentals.c.requested_at.desc(), rentals.c.id)
            .limit(1)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(newest)).one_or_none()
        return (row.guild_id, row.channel_id) if row is not None else None

    async def _change_posting(self, posting: Posting, **values: object) -> None:
        change = update(bulletins).where(bulletins.c.id == posting.id).values(**values)
        async with self._database.writing() as connection:
            await connection.execute(change)


async def write_bulletin(connection: AsyncConnection, bulletin: Bulletin, now: datetime) -> bool:
    """Have it told, or told anew where its words have changed; whether there is anything new."""
    wanted = inserting(connection, bulletins).values(
        key=bulletin.key,
        id=secrets.token_hex(12),
        bulletin=text_of(bulletin),
        rental_id=bulletin.rental_id,
        version=1,
        shown_version=0,
        told_at=now,
        next_at=now,
        tries=0,
        error="",
    )
    told = wanted.on_conflict_do_update(
        index_elements=[bulletins.c.key],
        set_={
            "bulletin": wanted.excluded.bulletin,
            "version": bulletins.c.version + 1,
            "next_at": now,
        },
        where=bulletins.c.bulletin != wanted.excluded.bulletin,
    )
    return (await connection.execute(told.returning(bulletins.c.key))).first() is not None


def _posting(row: Row[tuple[object, ...]]) -> Posting:
    posted = row.channel_id is not None and row.message_id is not None
    return Posting(
        id=row.id,
        bulletin=read(Bulletin, row.bulletin),
        version=row.version,
        tries=row.tries,
        place=Place(row.channel_id, row.message_id) if posted else None,
    )
