"""What was tried before a rental's present machine, and the hosts that failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.rows import rental_of, try_of, try_values
from bot.adapters.storage.tables import grudges, tries
from bot.adapters.storage.unit import Part, insert_new
from bot.domain.rentals import ContractId, Reason, Rental, RentalId, Try
from bot.domain.replacement import Grudge


class SqlGrudges(Part):
    async def grudges(self, *, since: datetime) -> list[Grudge]:
        chosen = select(grudges).where(grudges.c.at >= since).order_by(grudges.c.at.desc())
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [
            Grudge(
                rental_id=RentalId(row.rental_id),
                contract=ContractId(row.contract),
                machine_id=row.machine_id,
                host_id=row.host_id,
                reason=Reason(row.reason),
                at=row.at,
            )
            for row in rows
        ]

    async def hold_against(self, grudge: Grudge) -> None:
        async with self._database.writing() as connection:
            await insert_grudge(connection, grudge)


async def insert_grudge(connection: AsyncConnection, grudge: Grudge) -> None:
    """Remembered once for each contract."""
    row = {
        "rental_id": grudge.rental_id,
        "contract": grudge.contract,
        "machine_id": grudge.machine_id,
        "host_id": grudge.host_id,
        "reason": grudge.reason.value,
        "at": grudge.at,
    }
    await insert_new(connection, grudges, [row])


async def write_tries(connection: AsyncConnection, rental: Rental) -> None:
    """Write the tries of a rental that are not there yet; those that are never change."""
    await insert_new(connection, tries, [try_values(rental.id, one) for one in rental.tries])


async def with_tries(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Rental]:
    """The rentals of these rows, each with what was tried for it before."""
    if not rows:
        return []
    chosen = select(tries).where(tries.c.rental_id.in_([row.id for row in rows]))
    found: dict[str, list[Try]] = defaultdict(list)
    for row in await connection.execute(chosen.order_by(tries.c.number)):
        found[row.rental_id].append(try_of(row))
    return [rental_of(row, tuple(found[row.id])) for row in rows]
