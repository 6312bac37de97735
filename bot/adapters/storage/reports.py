"""The team's reports in the database: which are settled, and what they are made from."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from bot.adapters.storage import wire
from bot.adapters.storage.bulletins import write_bulletin
from bot.adapters.storage.rows import rental_of
from bot.adapters.storage.tables import rentals, reports
from bot.adapters.storage.unit import Part, inserting
from bot.domain.bulletins import Bulletin
from bot.domain.rentals import Reason, Rental, RentalId
from bot.domain.reports import Due

log = logging.getLogger(__name__)

_AT_ONCE = 500  # parameters of one statement


class SqlReports(Part):
    async def renting_guilds(self) -> list[int]:
        async with self._database.reading() as connection:
            return list(await connection.scalars(select(rentals.c.guild_id).distinct()))

    async def settled(self, guild_id: int, due: Due) -> bool:
        chosen = select(reports.c.said).where(
            reports.c.guild_id == guild_id,
            reports.c.kind == due.kind.value,
            reports.c.day == due.day.isoformat(),
        )
        async with self._database.reading() as connection:
            return (await connection.execute(chosen)).first() is not None

    async def settle(self, guild_id: int, due: Due, bulletin: Bulletin | None) -> bool:
        now = self._clock.now()
        row = {
            "guild_id": guild_id,
            "kind": due.kind.value,
            "day": due.day.isoformat(),
            "due_at": due.at,
            "settled_at": now,
            "said": bulletin is not None,
        }
        async with self._database.writing() as connection:
            new = inserting(connection, reports).values(row).on_conflict_do_nothing()
            if (await connection.execute(new.returning(reports.c.day))).first() is None:
                return False
            if bulletin is not None:
                await write_bulletin(connection, bulletin, now)
        return True

    async def kinds(self, rental_ids: Collection[RentalId]) -> Mapping[RentalId, str]:
        wanted, found = sorted(rental_ids), {}
        async with self._database.reading() as connection:
            for at in range(0, len(wanted), _AT_ONCE):
                chosen = select(rentals.c.id, rentals.c.offer).where(
                    rentals.c.id.in_(wanted[at : at + _AT_ONCE])
                )
                for row in await connection.execute(chosen):
                    try:
                        found[RentalId(row.id)] = wire.offer_of(row.offer).title
                    except (ValueError, KeyError, TypeError) as error:
                        log.error("the offer of rental %s cannot be read: %r", row.id, error)
        return found

    async def ended_idle(self, guild_id: int, start: datetime, end: datetime) -> list[Rental]:
        chosen = select(rentals).where(
            rentals.c.guild_id == guild_id,
            rentals.c.reason == Reason.IDLE.value,
            rentals.c.gone_at >= start,
            rentals.c.gone_at < end,
        )
        found = []
        async with self._database.reading() as connection:
            for row in await connection.execute(chosen):
                try:
                    found.append(rental_of(row))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    log.error("the row of rental %s cannot be read: %r", row.id, error)
        return found
