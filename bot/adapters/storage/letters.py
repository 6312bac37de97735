"""Letters: messages beside the card that must reach somebody once, and stay true afterwards.

The key, made of rental, kind and moment, makes a letter one however often it is written. Its id is
Discord's nonce and stays the same over all tries.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.outbox import show_card_anew
from bot.adapters.storage.plain import read, text_of
from bot.adapters.storage.tables import letters
from bot.adapters.storage.types import UtcTime
from bot.adapters.storage.unit import Part, insert_new
from bot.domain.letters import Kind, Letter, Place, Writing
from bot.domain.rentals import RentalId

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SqlLetters(Part):
    async def write_letter(self, rental_id: RentalId, writing: Writing) -> None:
        async with self._database.writing() as connection:
            await write_letters(connection, rental_id, [writing], self._clock.now())

    async def unfinished_letters(self, now: datetime) -> list[Letter]:
        chosen = (
            select(letters)
            .where(letters.c.done_at.is_(None), letters.c.next_at <= now)
            .order_by(letters.c.written_at, letters.c.key)
        )
        return await self._letters(chosen)

    async def letters_of(self, rental_id: RentalId) -> list[Letter]:
        chosen = select(letters).where(letters.c.rental_id == rental_id)
        return await self._letters(chosen.order_by(letters.c.written_at, letters.c.key))

    async def letter_tried(self, letter: Letter) -> None:
        await self._change(letter, tries=letters.c.tries + 1)

    async def letter_shown(
        self, letter: Letter, now: datetime, *, place: Place, shown: str, done: bool
    ) -> None:
        await self._change(
            letter,
            # The card says whether its owner has been asked, and with this it is out of date.
            card_from=now if letter.place is None else None,
            channel_id=place.channel_id,
            message_id=place.message_id,
            shown=shown,
            delivered_at=func.coalesce(letters.c.delivered_at, literal(now, UtcTime())),
            done_at=now if done else None,
            tries=0,
            error="",
        )

    async def letter_done(self, letter: Letter, now: datetime, *, error: str = "") -> None:
        await self._change(letter, done_at=now, error=error)

    async def letter_waits(self, letter: Letter, *, next_at: datetime, error: str = "") -> None:
        await self._change(letter, next_at=next_at, error=error)

    async def _letters(self, chosen: Any) -> list[Letter]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [_letter(row) for row in rows]

    async def _change(
        self, letter: Letter, *, card_from: datetime | None = None, **values: Any
    ) -> None:
        change = update(letters).where(letters.c.id == letter.id).values(**values)
        async with self._database.writing() as connection:
            await connection.execute(change)
            if card_from is not None:
                await show_card_anew(connection, letter.rental_id, card_from)


async def write_letters(
    connection: AsyncConnection, rental_id: RentalId, writings: Sequence[Writing], now: datetime
) -> None:
    """Write these letters, leaving alone those that are there already."""
    rows = [
        {
            "key": _key(rental_id, writing),
            "id": secrets.token_hex(12),
            "rental_id": rental_id,
            "kind": writing.kind.value,
            "writing": text_of(writing),
            "written_at": now,
            "next_at": now,
            "tries": 0,
            "shown": "",
            "error": "",
        }
        for writing in writings
    ]
    await insert_new(connection, letters, rows)


async def look_at_receipts(connection: AsyncConnection, rental_id: RentalId, now: datetime) -> None:
    """Have a receipt that waits for Vast's bill looked at in the next round."""
    await connection.execute(
        update(letters)
        .where(
            letters.c.rental_id == rental_id,
            letters.c.kind == Kind.RECEIPT.value,
            letters.c.done_at.is_(None),
            letters.c.next_at > now,
            letters.c.tries == 0,
        )
        .values(next_at=now)
    )


def _key(rental_id: RentalId, writing: Writing) -> str:
    moment = (writing.at - _EPOCH) // timedelta(microseconds=1)
    return f"{rental_id}/{writing.kind.value}/{moment}"


def _letter(row: Row[Any]) -> Letter:
    posted = row.channel_id is not None and row.message_id is not None
    return Letter(
        id=row.id,
        rental_id=RentalId(row.rental_id),
        writing=read(Writing, row.writing),
        tries=row.tries,
        place=Place(row.channel_id, row.message_id) if posted else None,
        delivered_at=row.delivered_at,
        shown=row.shown,
        given_up=row.done_at is not None and not posted,
    )
