"""What the sweep has seen without an owner, and which interactions were carried out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, select, update

from bot.adapters.storage.tables import interactions, sightings
from bot.adapters.storage.unit import Part, insert_new, inserting
from bot.domain.rentals import ContractId
from bot.ports.bulletins import Sighting


class SqlSightings(Part):
    async def sightings(
        self, present: Collection[ContractId], now: datetime
    ) -> Mapping[ContractId, Sighting]:
        new = [{"contract": one, "first_seen_at": now} for one in present]
        here = sightings.c.contract.in_(list(present))
        async with self._database.writing() as connection:
            await insert_new(connection, sightings, new)
            await connection.execute(update(sightings).where(here).values(missing_since=None))
            await connection.execute(
                update(sightings)
                .where(~here, sightings.c.missing_since.is_(None))
                .values(missing_since=now)
            )
            rows = (await connection.execute(select(sightings))).all()
        return {
            ContractId(row.contract): Sighting(
                contract=ContractId(row.contract),
                first_seen_at=row.first_seen_at,
                missing_since=row.missing_since,
                destroy_sent_at=row.destroy_sent_at,
            )
            for row in rows
        }

    async def destroy_sent(self, contract: ContractId, now: datetime) -> None:
        change = (
            update(sightings).where(sightings.c.contract == contract).values(destroy_sent_at=now)
        )
        async with self._database.writing() as connection:
            await connection.execute(change)

    async def forget_sighting(self, contract: ContractId) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(sightings).where(sightings.c.contract == contract))


class SqlInteractions(Part):
    async def take_interaction(self, interaction_id: int, now: datetime) -> bool:
        async with self._database.writing() as connection:
            first = (
                inserting(connection, interactions)
                .values(id=interaction_id, taken_at=now)
                .on_conflict_do_nothing()
                .returning(interactions.c.id)
            )
            return (await connection.execute(first)).first() is not None

    async def forget_interactions(self, before: datetime) -> int:
        old = delete(interactions).where(interactions.c.taken_at < before)
        async with self._database.writing() as connection:
            gone = (await connection.execute(old.returning(interactions.c.id))).all()
        return len(gone)
