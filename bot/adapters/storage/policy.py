"""The team's policy: JSON texts by their keys, and every change of them.

What they mean is the services' affair.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, insert, select, text

from bot.adapters.storage.tables import policy, policy_changes
from bot.adapters.storage.unit import Part, inserting
from bot.ports.books import PolicyChange


class SqlPolicies(Part):
    async def policy(self) -> Mapping[str, str]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(policy))).all()
        return {row.key: row.value for row in rows}

    async def change_policy(
        self, values: Mapping[str, str | None], *, by: int | None
    ) -> list[PolicyChange]:
        now = self._clock.now()
        async with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                # One change at a time, so that what is written down as "before" was that.
                await connection.execute(text("LOCK TABLE policy IN SHARE ROW EXCLUSIVE MODE"))
            rows = (await connection.execute(select(policy))).all()
            before = {row.key: row.value for row in rows}
            changes = [
                PolicyChange(at=now, key=key, before=before.get(key), after=value, by=by)
                for key, value in values.items()
                if before.get(key) != value
            ]
            gone = [change.key for change in changes if change.after is None]
            kept = [
                {"key": change.key, "value": change.after}
                for change in changes
                if change.after is not None
            ]
            if gone:
                await connection.execute(delete(policy).where(policy.c.key.in_(gone)))
            if kept:
                new = inserting(connection, policy)
                upsert = new.on_conflict_do_update(
                    index_elements=[policy.c.key], set_={"value": new.excluded.value}
                )
                await connection.execute(upsert, kept)
            if changes:
                await connection.execute(insert(policy_changes), [_row(one) for one in changes])
        return changes

    async def policy_changes(self, *, limit: int = 10) -> list[PolicyChange]:
        chosen = select(policy_changes).order_by(policy_changes.c.id.desc()).limit(limit)
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [
            PolicyChange(at=row.at, key=row.key, before=row.before, after=row.after, by=row.by)
            for row in rows
        ]


def _row(change: PolicyChange) -> dict[str, object]:
    return {
        "at": change.at,
        "key": change.key,
        "before": change.before,
        "after": change.after,
        "by": change.by,
    }
