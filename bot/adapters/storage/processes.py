"""Who is there, and Bellhop's own keys: what every process of an installation needs to know."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from bot.adapters.storage.tables import house_keys, processes, traffic
from bot.adapters.storage.unit import Part, inserting
from bot.ports.processes import Process

GONE = "gone"
"""The role of one that ended in order."""


class SqlProcesses(Part):
    async def process_seen(self, process: Process) -> None:
        values = {"role": process.role, "address": process.address, "seen_at": process.seen_at}
        async with self._database.writing() as connection:
            new = inserting(connection, processes).values(id=process.id, **values)
            await connection.execute(
                new.on_conflict_do_update(index_elements=[processes.c.id], set_=values)
            )

    async def processes(self, *, since: datetime) -> list[Process]:
        chosen = select(processes).where(processes.c.seen_at >= since).order_by(processes.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [
            Process(id=row.id, role=row.role, address=row.address, seen_at=row.seen_at)
            for row in rows
        ]

    async def process_gone(self, process_id: str) -> None:
        # Its row stays for a while: with it what it carried, which may not have been heard yet.
        change = update(processes).where(processes.c.id == process_id).values(role=GONE)
        async with self._database.writing() as connection:
            await connection.execute(change)

    async def forget_processes(self, before: datetime) -> int:
        there = select(processes.c.id)
        async with self._database.writing() as connection:
            old = delete(processes).where(processes.c.seen_at < before)
            gone = (await connection.execute(old.returning(processes.c.id))).all()
            await connection.execute(delete(traffic).where(traffic.c.process_id.not_in(there)))
        return len(gone)


class SqlHouseKeys(Part):
    async def house_key(self, name: str) -> str | None:
        chosen = select(house_keys.c.sealed).where(house_keys.c.name == name)
        async with self._database.reading() as connection:
            return (await connection.execute(chosen)).scalar_one_or_none()

    async def keep_house_key(self, name: str, sealed: str) -> str:
        values = {"name": name, "sealed": sealed, "made_at": self._clock.now()}
        async with self._database.writing() as connection:
            new = inserting(connection, house_keys).values(values).on_conflict_do_nothing()
            await connection.execute(new)
            chosen = select(house_keys.c.sealed).where(house_keys.c.name == name)
            return str((await connection.execute(chosen)).scalar_one())
