"""The names of notebooks' addresses: each leads to one rental, and goes over to another as one
transaction with what makes that one its heir."""

from __future__ import annotations

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.tables import addresses, rentals
from bot.adapters.storage.unit import Part, inserting
from bot.domain.rentals import Rental, RentalId, State

_CLOSED = select(rentals.c.id).where(rentals.c.state == State.CLOSED.value)


class SqlAddresses(Part):
    async def at(self, name: str) -> RentalId | None:
        chosen = select(addresses.c.rental_id).where(addresses.c.name == name)
        async with self._database.reading() as connection:
            row = (await connection.execute(chosen)).one_or_none()
        return RentalId(row.rental_id) if row is not None else None


async def claim(connection: AsyncConnection, name: str, rental_id: RentalId) -> bool:
    """Take a name that is new, or whose rental has ended; whether it is this rental's now."""
    new = inserting(connection, addresses).values(name=name, rental_id=rental_id)
    taken = new.on_conflict_do_update(
        index_elements=[addresses.c.name],
        set_={"rental_id": rental_id},
        where=or_(addresses.c.rental_id.in_(_CLOSED), addresses.c.rental_id == rental_id),
    )
    found = await connection.execute(taken.returning(addresses.c.name))
    return found.one_or_none() is not None


async def take_over(connection: AsyncConnection, rental: Rental) -> bool:
    """A ready rental answers at its address: in place of the one it was moved from, or that ended.

    Nothing else gives a name away: while the other one is open and no move, it keeps it. Returns
    whether it changed hands just now.
    """
    taken = (
        update(addresses)
        .where(
            addresses.c.name == rental.host_name,
            or_(
                addresses.c.rental_id == (rental.moves_from or ""),
                addresses.c.rental_id.in_(_CLOSED),
            ),
        )
        .values(rental_id=rental.id)
        .returning(addresses.c.name)
    )
    return (await connection.execute(taken)).one_or_none() is not None
