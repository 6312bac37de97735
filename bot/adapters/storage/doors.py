"""Tickets and the sessions they are exchanged for; only digests of either are stored.

A pass that somebody has by a share is good for as long as that share is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.tables import sessions, shares, tickets
from bot.adapters.storage.unit import Part
from bot.domain.rentals import RentalId
from bot.ports.books import Pass


class SqlDoors(Part):
    async def add_ticket(self, ticket: Pass) -> None:
        new = insert(tickets).values(
            digest=ticket.digest,
            rental_id=ticket.rental_id,
            member_id=ticket.member_id,
            port=ticket.port,
            share_id=ticket.share_id,
            made_at=self._clock.now(),
            expires_at=ticket.expires_at,
        )
        async with self._database.writing() as connection:
            await connection.execute(new)

    async def ticket(self, digest: str, now: datetime) -> Pass | None:
        good = _passes(tickets, now).where(tickets.c.digest == digest, tickets.c.spent_at.is_(None))
        async with self._database.reading() as connection:
            row = (await connection.execute(good)).one_or_none()
        return _pass(row) if row is not None else None

    async def spend(self, digest: str, session: Pass, now: datetime) -> bool:
        by_share = select(shares.c.id).where(shares.c.id == tickets.c.share_id, good_share(now))
        spent = (
            update(tickets)
            .where(
                tickets.c.digest == digest,
                tickets.c.spent_at.is_(None),
                tickets.c.revoked_at.is_(None),
                tickets.c.expires_at > now,
                or_(tickets.c.share_id.is_(None), by_share.exists()),
            )
            .values(spent_at=now)
            .returning(tickets.c.digest)
        )
        began = insert(sessions).values(
            digest=session.digest,
            ticket=digest,
            rental_id=session.rental_id,
            member_id=session.member_id,
            port=session.port,
            share_id=session.share_id,
            began_at=now,
            expires_at=session.expires_at,
        )
        async with self._database.writing() as connection:
            if (await connection.execute(spent)).one_or_none() is None:
                return False
            await connection.execute(began)
        return True

    async def session(self, digest: str, now: datetime) -> Pass | None:
        good = _passes(sessions, now).where(sessions.c.digest == digest)
        async with self._database.reading() as connection:
            row = (await connection.execute(good)).one_or_none()
        return _pass(row) if row is not None else None

    async def past_session(self, digest: str) -> Pass | None:
        found = _all_passes(sessions).where(sessions.c.digest == digest)
        async with self._database.reading() as connection:
            row = (await connection.execute(found)).one_or_none()
        return _pass(row) if row is not None else None

    async def living_sessions(self, now: datetime) -> list[Pass]:
        living = _passes(sessions, now).order_by(sessions.c.began_at, sessions.c.digest)
        async with self._database.reading() as connection:
            rows = (await connection.execute(living)).all()
        return [_pass(row) for row in rows]

    async def revoke(self, rental_id: RentalId, now: datetime) -> int:
        async with self._database.writing() as connection:
            return await revoke_where(connection, now, rental_id=rental_id)

    async def revoke_member(self, rental_id: RentalId, member_id: int, now: datetime) -> int:
        async with self._database.writing() as connection:
            return await revoke_where(connection, now, rental_id=rental_id, member_id=member_id)


async def revoke_where(connection: AsyncConnection, now: datetime, **whose: Any) -> int:
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


def good_share(now: datetime) -> ColumnElement[bool]:
    """Whether a row of `shares` lets in at this moment."""
    return and_(shares.c.ended_at.is_(None), shares.c.until > now)


def _passes(table: Table, now: datetime) -> Select[Any]:
    """The passes of a table that are good now, with what their share says."""
    return _all_passes(table).where(
        table.c.revoked_at.is_(None),
        table.c.expires_at > now,
        or_(table.c.share_id.is_(None), good_share(now)),
    )


def _all_passes(table: Table) -> Select[Any]:
    return select(table, shares.c.view_only).outerjoin(shares, shares.c.id == table.c.share_id)


def _pass(row: Row[Any]) -> Pass:
    return Pass(
        digest=row.digest,
        rental_id=RentalId(row.rental_id),
        member_id=row.member_id,
        expires_at=row.expires_at,
        port=row.port,
        share_id=row.share_id,
        view_only=bool(row.view_only),
    )
