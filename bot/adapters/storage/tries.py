"""What was tried before a rental's present machine, and the hosts that failed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.rows import rental_of, try_of, try_values
from bot.adapters.storage.tables import grudges, tries
from bot.adapters.storage.unit import Part, insert_new
from bot.domain.rentals import ContractId, Reason, Rental, RentalId
from bot.domain.replacement import Grudge
from bot.errors import Store

AT_A_STRETCH = 20
"""Rows made into rentals, some 2 ms, before whatever else is due has its turn."""


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


async def with_tries(
    connection: AsyncConnection,
    rows: Sequence[Row[Any]],
    *,
    unreadable: Callable[[Store], None] | None = None,
) -> list[Rental]:
    """The rentals of these rows, each with what was tried for it before; as `together` has it."""
    return await together(rows, await tries_of(connection, rows), unreadable=unreadable)


async def tries_of(
    connection: AsyncConnection, rows: Sequence[Row[Any]]
) -> Mapping[str, Sequence[Row[Any]]]:
    """What was tried before for the rentals of these rows, by their ids."""
    before: dict[str, list[Row[Any]]] = defaultdict(list)
    if rows:
        chosen = select(tries).where(tries.c.rental_id.in_([row.id for row in rows]))
        for row in await connection.execute(chosen.order_by(tries.c.number)):
            before[row.rental_id].append(row)
    return before


async def together(
    rows: Sequence[Row[Any]],
    before: Mapping[str, Sequence[Row[Any]]],
    *,
    unreadable: Callable[[Store], None] | None = None,
) -> list[Rental]:
    """The rentals of these rows, some at a stretch: a thousand would hold up the loop.

    Raises Store where one cannot be read; with `unreadable` that is told instead, and the row is
    left out.
    """
    found = []
    for number, row in enumerate(rows):
        if number % AT_A_STRETCH == AT_A_STRETCH - 1:
            await asyncio.sleep(0)
        try:
            found.append(_read(row, before.get(row.id, ())))
        except Store as error:
            if unreadable is None:
                raise
            unreadable(error)
    return found


def _read(row: Row[Any], before: Sequence[Row[Any]]) -> Rental:
    """The rental, or Store with its id: something else than we have written into the row."""
    try:
        return rental_of(row, tuple(try_of(one) for one in before))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Store(f"the row of rental {row.id} cannot be read: {error!r}") from error
