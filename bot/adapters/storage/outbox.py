"""What must still be said in chat: for each rental, up to which version its card has been shown.

A rental has one row here, and asking again only raises the version it asks for; so whatever
happened since, one delivery of the newest is enough. The row's id, Discord's nonce, stays the same
until a delivery is known to have succeeded: a message that may have been posted just before a crash
is recognised, even when the next try says something newer. Then it changes, so that a later message
is never taken for an earlier one.

A card can also be asked for anew at the same version. While one waits or is on its way, the
delivered version then sinks below zero, one step each time: a delivery that began before does not
count as having shown it.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import and_, case, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.tables import notices
from bot.adapters.storage.types import UtcTime
from bot.adapters.storage.unit import Part, inserting
from bot.domain.rentals import RentalId
from bot.ports.books import Notice

_NONE = -1
"""The delivered version of a card that is to be shown whatever its version."""

_PENDING = notices.c.version > notices.c.delivered_version


class SqlOutbox(Part):
    async def due(self, now: datetime, *, limit: int = 20) -> list[Notice]:
        chosen = (
            select(notices)
            .where(_PENDING, notices.c.next_at <= now)
            .order_by(notices.c.asked_at, notices.c.key)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [
            Notice(
                id=row.id,
                key=row.key,
                rental_id=RentalId(row.rental_id),
                version=row.version,
                tries=row.tries,
                first_tried_at=row.first_tried_at,
                mark=row.delivered_version,
            )
            for row in rows
        ]

    async def trying(self, notice: Notice, now: datetime) -> None:
        change = (
            update(notices)
            .where(notices.c.id == notice.id)
            .values(
                tries=notices.c.tries + 1,
                first_tried_at=func.coalesce(notices.c.first_tried_at, literal(now, UtcTime())),
            )
        )
        async with self._database.writing() as connection:
            await connection.execute(change)

    async def delivered(self, notice: Notice, now: datetime) -> None:
        change = (
            update(notices)
            .where(notices.c.id == notice.id)
            .values(
                id=_new_nonce(),
                delivered_version=case(
                    (notices.c.delivered_version == notice.mark, notice.version),
                    else_=_NONE,  # it was asked for anew meanwhile
                ),
                delivered_at=now,
                tries=0,
                first_tried_at=None,
                error="",
            )
        )
        async with self._database.writing() as connection:
            await connection.execute(change)

    async def failed(self, notice: Notice, *, next_at: datetime, error: str) -> None:
        # Something newer that was asked for during the try does not wait.
        wait = case(
            (notices.c.version == notice.version, literal(next_at, UtcTime())),
            else_=notices.c.next_at,
        )
        change = update(notices).where(notices.c.id == notice.id).values(next_at=wait, error=error)
        async with self._database.writing() as connection:
            await connection.execute(change)


async def ask_for_card(
    connection: AsyncConnection, rental_id: RentalId, version: int, now: datetime
) -> None:
    """Ask that the rental's card be shown as of this version; an older wish is overtaken."""
    wanted = inserting(connection, notices).values(
        key=f"card/{rental_id}",
        id=_new_nonce(),
        rental_id=rental_id,
        version=version,
        delivered_version=_NONE,
        asked_at=now,
        next_at=now,
        tries=0,
        error="",
    )
    newer = wanted.excluded
    await connection.execute(
        wanted.on_conflict_do_update(
            index_elements=[notices.c.key],
            set_={
                "version": newer.version,
                "next_at": newer.next_at,
                # A rental that changes all the time keeps its place in the queue.
                "asked_at": case((_PENDING, notices.c.asked_at), else_=newer.asked_at),
            },
            where=notices.c.version < newer.version,
        )
    )


async def show_card_anew(connection: AsyncConnection, rental_id: RentalId, now: datetime) -> None:
    """Ask for the card though its rental has not changed: what else it shows has."""
    delivered = notices.c.delivered_version
    await connection.execute(
        update(notices)
        .where(notices.c.key == f"card/{rental_id}")
        .values(
            delivered_version=case((and_(_PENDING, delivered < 0), delivered - 1), else_=_NONE),
            next_at=now,
            asked_at=case((_PENDING, notices.c.asked_at), else_=now),
        )
    )


def _new_nonce() -> str:
    return secrets.token_hex(12)
