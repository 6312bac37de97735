"""Greetings in the database: one row a server. What came of a try is written only where the server
was not joined again meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, select, update

from bot.adapters.storage.tables import greetings
from bot.adapters.storage.unit import Part, inserting
from bot.domain.welcome import Greeting


class SqlGreetings(Part):
    async def greeting(self, guild_id: int) -> Greeting | None:
        found = select(greetings).where(greetings.c.guild_id == guild_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(found)).one_or_none()
        return _greeting(row) if row is not None else None

    async def greet(self, guild_id: int, now: datetime) -> None:
        anew: dict[str, object] = {
            "joined_at": now,
            "person_id": None,
            "greeted_at": None,
            "next_at": now,
            "tries": 0,
            "error": "",
        }
        await self._add_greeting(guild_id, now, anew)

    async def need_no_greeting(self, guild_id: int, now: datetime) -> None:
        await self._add_greeting(guild_id, now, None, greeted_at=now, settled_at=now)

    async def ungreeted(self, guild_ids: Sequence[int]) -> list[int]:
        known = select(greetings.c.guild_id).where(greetings.c.guild_id.in_(guild_ids))
        async with self._database.reading() as connection:
            found = set(await connection.scalars(known))
        return [one for one in guild_ids if one not in found]

    async def due_greetings(self, now: datetime) -> list[Greeting]:
        due = select(greetings).where(greetings.c.greeted_at.is_(None), greetings.c.next_at <= now)
        async with self._database.reading() as connection:
            rows = (await connection.execute(due.order_by(greetings.c.joined_at))).all()
        return [_greeting(row) for row in rows]

    async def greeting_tried(self, greeting: Greeting, person_id: int) -> None:
        await self._change_greeting(
            _same(greeting), tries=greetings.c.tries + 1, person_id=person_id
        )

    async def greeted(self, greeting: Greeting, now: datetime, *, error: str = "") -> None:
        await self._change_greeting(_same(greeting), greeted_at=now, error=error)

    async def greeting_waits(self, greeting: Greeting, *, next_at: datetime, error: str) -> None:
        await self._change_greeting(_same(greeting), next_at=next_at, error=error)

    async def choose_unlimited(self, guild_id: int, *, unlimited: bool) -> None:
        await self._change_greeting(greetings.c.guild_id == guild_id, unlimited=unlimited)

    async def settle_greeting(self, guild_id: int, now: datetime) -> None:
        open_ = (greetings.c.guild_id == guild_id) & greetings.c.settled_at.is_(None)
        await self._change_greeting(open_, settled_at=now)

    async def _add_greeting(
        self, guild_id: int, now: datetime, anew: dict[str, object] | None, **values: object
    ) -> None:
        row = {"joined_at": now, "next_at": now, "tries": 0, "error": "", "unlimited": False}
        async with self._database.writing() as connection:
            new = inserting(connection, greetings).values(guild_id=guild_id, **row | values)
            if anew is None:
                await connection.execute(new.on_conflict_do_nothing())
            else:
                keys = [greetings.c.guild_id]
                await connection.execute(new.on_conflict_do_update(index_elements=keys, set_=anew))

    async def _change_greeting(self, which: ColumnElement[bool], **values: object) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(greetings).where(which).values(**values))


def _same(greeting: Greeting) -> ColumnElement[bool]:
    return (greetings.c.guild_id == greeting.guild_id) & (
        greetings.c.joined_at == greeting.joined_at
    )


def _greeting(row: Row[tuple[object, ...]]) -> Greeting:
    return Greeting(
        guild_id=row.guild_id,
        joined_at=row.joined_at,
        next_at=row.next_at,
        tries=row.tries,
        person_id=row.person_id,
        greeted_at=row.greeted_at,
        unlimited=row.unlimited,
        settled_at=row.settled_at,
    )
