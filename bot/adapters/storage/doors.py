"""Tickets and the sessions they are exchanged for; only digests of either are stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

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

    async def revoke(self, rental_id: RentalId, now: datetime) -> int:
        """Tickets first: one that is being spent this moment becomes a session we then see."""
        unspent = (
            update(tickets)
            .where(
                tickets.c.rental_id == rental_id,
                tickets.c.spent_at.is_(None),
                tickets.c.revoked_at.is_(None),
                tickets.c.expires_at > now,
            )
            .values(revoked_at=now)
            .returning(tickets.c.digest)
        )
        living = (
            update(sessions)
            .where(
                sessions.c.rental_id == rental_id,
                sessions.c.revoked_at.is_(None),
                sessions.c.expires_at > now,
            )
            .values(revoked_at=now)
            .returning(sessions.c.digest)
        )
        async with self._database.writing() as connection:
            ended = len((await connection.execute(unspent)).all())
            ended += len((await connection.execute(living)).all())
        return ended


def _pass(row: Row[Any]) -> Pass:
    return Pass(
        digest=row.digest,
        rental_id=RentalId(row.rental_id),
        member_id=row.member_id,
        expires_at=row.expires_at,
    )
