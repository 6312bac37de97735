"""People's own public SSH keys; one belongs to one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select

from bot.adapters.storage.tables import ssh_keys
from bot.adapters.storage.unit import Part, insert_new
from bot.domain.ssh_keys import OwnKey, PublicKey
from bot.errors import Limit


class SqlKeys(Part):
    async def add_key(self, own: OwnKey, *, most: int) -> OwnKey | None:
        there = select(ssh_keys).where(ssh_keys.c.fingerprint == own.key.fingerprint)
        mine = (
            select(func.count()).select_from(ssh_keys).where(ssh_keys.c.member_id == own.member_id)
        )
        async with self._database.writing() as connection:
            if connection.dialect.name == "postgresql":
                # Two that are added at once are put one behind the other; SQLite does so by itself.
                await connection.execute(select(func.pg_advisory_xact_lock(own.member_id)))
            row = (await connection.execute(there)).one_or_none()
            if row is not None:
                return _own(row)
            await insert_new(connection, ssh_keys, [_values(own)])
            if (await connection.execute(mine)).scalar_one() > most:
                raise Limit(
                    f"{own.member_id} has {most} keys",
                    public=f"You have {most} keys, which is as many as there may be.",
                    hint="Remove one with /sshkey remove first.",
                )
            row = (await connection.execute(there)).one()
        return _own(row) if row.member_id != own.member_id else None

    async def keys_of(self, member_ids: Sequence[int]) -> list[OwnKey]:
        chosen = (
            select(ssh_keys)
            .where(ssh_keys.c.member_id.in_(member_ids))
            .order_by(ssh_keys.c.added_at, ssh_keys.c.fingerprint)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [_own(row) for row in rows]

    async def remove_key(self, member_id: int, fingerprint: str) -> bool:
        gone = (
            delete(ssh_keys)
            .where(ssh_keys.c.member_id == member_id, ssh_keys.c.fingerprint == fingerprint)
            .returning(ssh_keys.c.fingerprint)
        )
        async with self._database.writing() as connection:
            return (await connection.execute(gone)).one_or_none() is not None


def _values(own: OwnKey) -> dict[str, Any]:
    return {
        "fingerprint": own.key.fingerprint,
        "member_id": own.member_id,
        "line": own.key.line,
        "comment": own.key.comment,
        "added_at": own.added_at,
    }


def _own(row: Row[Any]) -> OwnKey:
    return OwnKey(
        member_id=row.member_id,
        key=PublicKey(line=row.line, comment=row.comment, fingerprint=row.fingerprint),
        added_at=row.added_at,
    )
