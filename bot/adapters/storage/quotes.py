"""Quotes: prices that were shown, each good for one rental."""

from __future__ import annotations

from sqlalchemy import insert, select

from bot.adapters.storage.rows import quote_of, quote_values
from bot.adapters.storage.tables import quotes
from bot.adapters.storage.unit import Part
from bot.domain.rentals import Quote


class SqlQuotes(Part):
    async def add_quote(self, quote: Quote) -> None:
        async with self._database.writing() as connection:
            await connection.execute(insert(quotes).values(quote_values(quote)))

    async def quote(self, quote_id: str) -> Quote | None:
        async with self._database.reading() as connection:
            found = await connection.execute(select(quotes).where(quotes.c.id == quote_id))
            row = found.one_or_none()
        return quote_of(row) if row is not None else None
