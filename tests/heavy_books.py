"""Books as a busy team has them after a year: thousands of rentals, 100,000 entries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import insert

from bot.adapters.storage.rows import quote_values, rental_values
from bot.adapters.storage.store import SqlStore
from bot.adapters.storage.tables import ledger
from bot.adapters.storage.tables import quotes as quote_table
from bot.adapters.storage.tables import rentals as rental_table
from bot.domain.money import Usd
from bot.domain.rentals import Rental, RentalId, State
from tests.builders import a_quote

HOUR = timedelta(hours=1)


async def fill(store: SqlStore, like: Rental, *, rentals: int, entries: int) -> None:
    """Closed rentals like this one, with entries of ten cents over the last weeks."""

    start = (like.created_at or like.requested_at) - timedelta(days=20)
    made, rows, lines = [], [], []
    for number in range(rentals):
        quote = a_quote(id=f"q{number}", guild_id=like.guild_id)
        made.append(quote_values(quote))
        closed = replace(
            like,
            id=RentalId(f"r{number}"),
            state=State.CLOSED,
            owner_id=number % 12 + 1,
            owner_name=f"Member {number % 12 + 1}",
            waived_by=1,
            gone_at=like.requested_at,
            closed_at=like.requested_at,
        )
        rows.append(rental_values(closed) | {"quote_id": quote.id})
        lines += [
            {
                "rental_id": closed.id,
                "contract": number + 1,
                "kind": "gpu",
                "period_start": start + ((number + hour) % 400) * HOUR,
                "period_end": start + ((number + hour) % 400 + 1) * HOUR,
                "amount": Usd(100_000),
                "written_at": start,
            }
            for hour in range(entries)
        ]
    async with store._database.writing() as connection:
        await connection.execute(insert(quote_table), made)
        await connection.execute(insert(rental_table), rows)
        await connection.execute(insert(ledger), lines)
