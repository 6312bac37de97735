"""How earlier machines started: from their rows, and from the event of the first connection."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from bot.adapters.storage.tables import events, rentals
from bot.adapters.storage.unit import Part
from bot.adapters.storage.wire import offer_of
from bot.domain.paces import Start
from bot.domain.rentals import RentalId

CONNECTED = "connect: connected"
"""The event that the reconciler writes when a machine lets us in."""


class SqlStarts(Part):
    async def starts(self, image: str, *, since: datetime, limit: int) -> list[Start]:
        # Of the present machine: one that was tried before had to be gone first.
        connected = (
            select(func.min(events.c.at))
            .where(
                events.c.rental_id == rentals.c.id,
                events.c.event == CONNECTED,
                events.c.at >= rentals.c.created_at,
            )
            .scalar_subquery()
        )
        chosen = (
            select(
                *(rentals.c.offer, rentals.c.machine_id, rentals.c.created_at),
                *(rentals.c.running_at, rentals.c.restored_at, rentals.c.ready_at),
                connected.label("connected_at"),
            )
            .where(
                rentals.c.image.contains(f'"reference":{json.dumps(image)}', autoescape=True),
                rentals.c.requested_at >= since,
                rentals.c.created_at.is_not(None),
                rentals.c.ready_at.is_not(None),
                rentals.c.moves_from.is_(None),
                rentals.c.adopted_at.is_(None),
            )
            .order_by(rentals.c.requested_at.desc(), rentals.c.id)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [_start(row) for row in await connection.execute(chosen)]

    async def connected_at(self, rental_id: RentalId, since: datetime) -> datetime | None:
        chosen = select(func.min(events.c.at)).where(
            events.c.rental_id == rental_id, events.c.event == CONNECTED, events.c.at >= since
        )
        async with self._database.reading() as connection:
            found: datetime | None = (await connection.execute(chosen)).scalar_one()
        return found


def _start(row: Any) -> Start:
    return Start(
        gpu_name=offer_of(row.offer).gpu_name,
        machine_id=row.machine_id,
        created_at=row.created_at,
        running_at=row.running_at,
        connected_at=row.connected_at,
        restored_at=row.restored_at,
        ready_at=row.ready_at,
    )
