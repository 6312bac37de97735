"""How many machines there may be: counted in the transaction that would begin one more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.rows import rental_of
from bot.adapters.storage.tables import rentals
from bot.domain.rentals import Rental, State
from bot.errors import Limit
from bot.ports.books import Allowance

_NAMED = 5


async def demand_room(
    connection: AsyncConnection, rental: Rental, quote_id: str, allowance: Allowance
) -> None:
    """Raise Limit unless there is room for one more; a quote that is a rental already has its own.

    On PostgreSQL two that come at once are put one behind the other; SQLite does so by itself.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(rental.guild_id)))
    chosen = (
        select(rentals)
        .where(rentals.c.guild_id == rental.guild_id, rentals.c.state != State.CLOSED.value)
        .order_by(rentals.c.requested_at)
    )
    rows = (await connection.execute(chosen)).all()
    if any(row.quote_id == quote_id for row in rows):
        return
    own = [one for one in rows if one.owner_id == rental.owner_id]
    if allowance.member and len(own) >= allowance.member:
        raise Limit(
            f"{rental.owner_id} has {len(own)} of {allowance.member}",
            public=f"You may have {_machines(allowance.member)} at a time, "
            f"and these are yours: {_names(own)}.",
        )
    if allowance.team and len(rows) >= allowance.team:
        raise Limit(
            f"the team has {len(rows)} of {allowance.team}",
            public=f"The team may have {_machines(allowance.team)} at a time, "
            f"and these run: {_names(rows)}.",
        )


def _machines(count: int) -> str:
    return f"{count} machine{'s' if count > 1 else ''}"


def _names(open_rentals: Sequence[Row[Any]]) -> str:
    names = [f"{_title(one)} ({one.owner_name})" for one in open_rentals[:_NAMED]]
    more = len(open_rentals) - _NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _title(row: Row[Any]) -> str:
    """One that cannot be read takes its room, and goes by what can be read of it."""
    try:
        return rental_of(row).title
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(row.name or row.id)
