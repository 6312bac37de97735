"""The team's policy: JSON texts by their keys. What they mean is the services' affair."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select

from bot.adapters.storage.tables import policy
from bot.adapters.storage.unit import Part, inserting


class SqlPolicies(Part):
    async def policy(self) -> Mapping[str, str]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(policy))).all()
        return {row.key: row.value for row in rows}

    async def set_policy(self, key: str, value: str | None) -> None:
        async with self._database.writing() as connection:
            if value is None:
                await connection.execute(delete(policy).where(policy.c.key == key))
                return
            new = inserting(connection, policy).values(key=key, value=value)
            await connection.execute(
                new.on_conflict_do_update(
                    index_elements=[policy.c.key], set_={"value": new.excluded.value}
                )
            )
