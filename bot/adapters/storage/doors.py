"""Tickets and the sessions they are exchanged for; only digests of either are stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.tables import sessions, tickets
from bot.adapters.storage.unit import Part
from bot.domain.rentals import RentalId
from bot.ports.books import Pass


class SqlDoors(Part):
    async def add_ticket(self, ticket: Pass) -> None:
        new = insert(tickets).values(
            digest=ticket.digest,
            rental_id=ticket.rental_id,
            member_id=ticket.member_id,
            made_at=self._clock.now(),
            expires_at=ticket.expires_at,
        )
        async with self._database.writing() as connection:
            await connection.execute(new)

    async def ticket(self, digest: str, now: datetime) -> Pass | None:
        good = select(tickets).where(
            tickets.c.digest == digest,
            tickets.c.spent_at.is_(None),
            tickets.c.revoked_at.is_(None),
            tickets.c.expires_at > now,
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(good)).one_or_none()
        return _pass(row) if row is not None else None

    async def spend(self, digest: str, session: Pass, now: datetime) -> bool:
        spent = (
            update(tickets)
            .where(
                tickets.c.digest == digest,
                tickets.c.spent_at.is_(None),
                tickets.c.revoked_at.is_(None),
                tickets.c.expires_at > now,
            )
            .values(spent_at=now)
            .returning(tickets.c.digest)
        )
        began = insert(sessions).values(
            digest=session.digest,
            ticket=digest,
            rental_id=session.rental_id,
            member_id=session.member_id,
            began_at=now,
            expires_at=session.expires_at,
        )
        async with self._database.writing() as connection:
            if (await connection.execute(spent)).one_or_none() is None:
                return False
            await connection.execute(began)
        return True

    async def session(self, digest: str, now: datetime) -> Pass | None:
        good = select(sessions).where(
            sessions.c.digest == digest,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(good)).one_or_none()
        return _pass(row) if row is not None else None

    async def past_session(self, digest: str) -> Pass | None:
        found = select(sessions).where(sessions.c.digest == digest)
        async with self._database.reading() as connection:
            row = (await connection.execute(found)).one_or_none()
        return _pass(row) if row is not None else None

    async def living_sessions(self, now: datetime) -> list[Pass]:
        living = (
            select(sessions)
            .where(sessions.c.revoked_at.is_(None), sessions.c.expires_at > now)
            .order_by(sessions.c.began_at, sessions.c.digest)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(living)).all()
        return [_pass(row) for row in rows]

    async def revoke(self, rental_id: RentalId, now: datetime) -> int:
        async with self._database.writing() as connection:
            return await _revoke(connection, now, rental_id=rental_id)

    async def revoke_member(self, rental_id: RentalId, member_id: int, now: datetime) -> int:
        async with self._database.writing() as connection:
            return await _revoke(connection, now, rental_id=rental_id, member_id=member_id)


async def _revoke(connection: AsyncConnection, now: datetime, **whose: Any) -> int:
    """End the tickets and sessions with these values in their columns; how many there were.

    Tickets first: one that is being spent this moment becomes a session we then see.
    """
    ended = 0
    for table, unspent in ((tickets, [tickets.c.spent_at.is_(None)]), (sessions, [])):
        living = (
            update(table)
            .where(
                *(table.c[name] == value for name, value in whose.items()),
                *unspent,
                table.c.revoked_at.is_(None),
                table.c.expires_at > now,
            )
            .values(revoked_at=now)
            .returning(table.c.digest)
        )
        ended += len((await connection.execute(living)).all())
    return ended


def _pass(row: Row[Any]) -> Pass:
    return Pass(
        digest=row.digest,
        rental_id=RentalId(row.rental_id),
        member_id=row.member_id,
        expires_at=row.expires_at,
    )
