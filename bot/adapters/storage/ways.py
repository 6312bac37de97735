"""The ways to notebooks, which the worker writes, and what relays carried, which they write."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import and_, delete, or_, select

from bot.adapters.storage import wire
from bot.adapters.storage.tables import rentals, routes, traffic
from bot.adapters.storage.unit import Part, inserting
from bot.domain.rentals import Reason, RentalId, State
from bot.ports.processes import Carriage, Way

# While a machine is archived its notebook is as open as before; a move's last copy ends that.
_ENTERED = or_(
    rentals.c.state == State.READY.value,
    rentals.c.state
    == State.BOOTING.value,  # the house itself looks before it says that it is ready
    and_(
        rentals.c.state == State.ARCHIVING.value,
        or_(rentals.c.reason.is_(None), rentals.c.reason != Reason.MOVED.value),
    ),
)


class SqlWays(Part):
    async def ways(self) -> list[Way]:
        chosen = (
            select(routes, rentals.c.addresses, rentals.c.host_key)
            .join(rentals, rentals.c.id == routes.c.rental_id)
            .where(_ENTERED)
            .order_by(routes.c.rental_id)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [
            Way(
                rental_id=RentalId(row.rental_id),
                target=row.target,
                token=row.token,
                addresses=wire.addresses_of(row.addresses),
                host_key=row.host_key,
            )
            for row in rows
        ]

    async def keep_way(self, rental_id: RentalId, *, target: str, token: str) -> None:
        values = {"target": target, "token": token}
        async with self._database.writing() as connection:
            new = inserting(connection, routes).values(rental_id=rental_id, **values)
            await connection.execute(
                new.on_conflict_do_update(index_elements=[routes.c.rental_id], set_=values)
            )

    async def drop_way(self, rental_id: RentalId) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(routes).where(routes.c.rental_id == rental_id))

    async def carry(self, carriages: Sequence[Carriage]) -> None:
        if not carriages:
            return
        async with self._database.writing() as connection:
            new = inserting(connection, traffic)
            upsert = new.on_conflict_do_update(
                index_elements=[traffic.c.process_id, traffic.c.rental_id],
                set_={name: new.excluded[name] for name in ("human_at", "bytes", "kept")},
            )
            await connection.execute(upsert, [_values(one) for one in carriages])

    async def carried(self) -> list[Carriage]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(traffic))).all()
        return [
            Carriage(
                process_id=row.process_id,
                rental_id=RentalId(row.rental_id),
                human_at=row.human_at,
                bytes=row.bytes,
                kept=json.loads(row.kept),
            )
            for row in rows
        ]


def _values(one: Carriage) -> dict[str, object]:
    return {
        "process_id": one.process_id,
        "rental_id": one.rental_id,
        "human_at": one.human_at,
        "bytes": one.bytes,
        "kept": json.dumps(dict(one.kept)),
    }
