"""Wishes that wait for a machine, and the letters due about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, select, update

from bot.adapters.storage import wire
from bot.adapters.storage.tables import lookouts
from bot.adapters.storage.unit import Part
from bot.domain.lookouts import Lookout, State
from bot.errors import Stale

_PLAIN = (
    *("id", "version", "guild_id", "channel_id", "owner_id", "owner_name", "name", "hours"),
    *("restore_id", "rents", "made_at", "until", "looked_at", "ended_at", "note", "tell_at"),
    "tries",
)


class SqlLookouts(Part):
    async def add_lookout(self, lookout: Lookout) -> None:
        async with self._database.writing() as connection:
            await connection.execute(insert(lookouts).values(_values(lookout)))

    async def lookout(self, lookout_id: str) -> Lookout | None:
        found = await self._lookouts(select(lookouts).where(lookouts.c.id == lookout_id))
        return found[0] if found else None

    async def open_lookouts(
        self, *, guild_id: int | None = None, owner_id: int | None = None
    ) -> list[Lookout]:
        chosen = select(lookouts).where(lookouts.c.state == State.OPEN.value)
        if guild_id is not None:
            chosen = chosen.where(lookouts.c.guild_id == guild_id)
        if owner_id is not None:
            chosen = chosen.where(lookouts.c.owner_id == owner_id)
        return await self._lookouts(chosen)

    async def keep_lookout(self, lookout: Lookout) -> Lookout:
        changed = replace(lookout, version=lookout.version + 1)
        change = (
            update(lookouts)
            .where(lookouts.c.id == lookout.id, lookouts.c.version == lookout.version)
            .values(_values(changed))
            .returning(lookouts.c.id)
        )
        async with self._database.writing() as connection:
            if (await connection.execute(change)).one_or_none() is None:
                raise Stale(f"lookout {lookout.id} is no longer at version {lookout.version}")
        return changed

    async def lookouts_to_tell(self, now: datetime) -> list[Lookout]:
        return await self._lookouts(select(lookouts).where(lookouts.c.tell_at <= now))

    async def _lookouts(self, chosen: Select[Any]) -> list[Lookout]:
        ordered = chosen.order_by(lookouts.c.made_at, lookouts.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(ordered)).all()
        return [_lookout(row) for row in rows]


def _values(lookout: Lookout) -> dict[str, Any]:
    return {name: getattr(lookout, name) for name in _PLAIN} | {
        "state": lookout.state.value,
        "wish": wire.wish_text(lookout.wish),
        "image": wire.image_text(lookout.image),
        "offer": wire.offer_text(lookout.offer) if lookout.offer is not None else None,
        "role_ids": wire.numbers_text(lookout.role_ids),
    }


def _lookout(row: Row[Any]) -> Lookout:
    return Lookout(
        **{name: getattr(row, name) for name in _PLAIN},
        state=State(row.state),
        wish=wire.wish_of(row.wish),
        image=wire.image_of(row.image),
        offer=wire.offer_of(row.offer) if row.offer is not None else None,
        role_ids=wire.numbers_of(row.role_ids),
    )
