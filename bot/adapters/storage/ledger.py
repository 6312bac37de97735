"""The books: append-only entries, each written once, and their sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.tables import ledger
from bot.adapters.storage.types import Money
from bot.adapters.storage.unit import Part, insert_new
from bot.domain.ledger import Entry, Kind
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, RentalId

# PostgreSQL sums a BIGINT to a NUMERIC: the cast brings it back.
TOTAL = cast(func.sum(ledger.c.amount), Money()).label("total")


class SqlLedger(Part):
    async def totals(self, rental_ids: Sequence[RentalId]) -> Mapping[RentalId, Mapping[Kind, Usd]]:
        sums = (
            select(ledger.c.rental_id, ledger.c.kind, TOTAL)
            .where(ledger.c.rental_id.in_(rental_ids))
            .group_by(ledger.c.rental_id, ledger.c.kind)
        )
        books: dict[RentalId, dict[Kind, Usd]] = {rental_id: {} for rental_id in rental_ids}
        async with self._database.reading() as connection:
            for row in await connection.execute(sums):
                books[RentalId(row.rental_id)][Kind(row.kind)] = row.total
        return books

    async def totals_by_machine(
        self, rental_ids: Sequence[RentalId]
    ) -> Mapping[tuple[RentalId, ContractId], Mapping[Kind, Usd]]:
        by = (ledger.c.rental_id, ledger.c.contract, ledger.c.kind)
        sums = select(*by, TOTAL).where(ledger.c.rental_id.in_(rental_ids)).group_by(*by)
        books: dict[tuple[RentalId, ContractId], dict[Kind, Usd]] = {}
        async with self._database.reading() as connection:
            for row in await connection.execute(sums):
                machine = RentalId(row.rental_id), ContractId(row.contract)
                books.setdefault(machine, {})[Kind(row.kind)] = row.total
        return books


async def write(connection: AsyncConnection, entries: Sequence[Entry], now: datetime) -> None:
    """Write the entries whose rental, machine, kind and period are not in the books yet."""
    await insert_new(
        connection,
        ledger,
        [
            {
                "rental_id": entry.rental_id,
                "contract": entry.contract,
                "kind": entry.kind.value,
                "period_start": entry.period_start,
                "period_end": entry.period_end,
                "amount": entry.amount,
                "why": entry.why or None,
                "written_at": now,
            }
            for entry in entries
        ],
    )
