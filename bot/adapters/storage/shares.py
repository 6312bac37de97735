"""Shares of rentals with teammates, and the sessions that are good now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.doors import good_share, revoke_where
from bot.adapters.storage.tables import addresses, rentals, sessions, shares
from bot.adapters.storage.unit import Part
from bot.domain.rentals import Rental, RentalId
from bot.domain.shares import Ending, Share, inherited
from bot.ports.sharing import Entered

_PLAIN = (
    *("id", "rental_id", "guild_id", "member_id", "member_name", "by_id", "view_only", "made_at"),
    *("until", "ended_at", "ended_by", "tell_at", "tries"),
)


class SqlShares(Part):
    async def add_share(self, share: Share) -> Share | None:
        before = select(shares).where(
            shares.c.rental_id == share.rental_id,
            shares.c.member_id == share.member_id,
            shares.c.ended_at.is_(None),
        )
        async with self._database.writing() as connection:
            row = (await connection.execute(before)).one_or_none()
            if row is not None:
                await _end(
                    connection, row.id, Ending.REPLACED, share.made_at, by=share.by_id, tell=False
                )
            await connection.execute(insert(shares).values(_values(share)))
        return share_of(row) if row is not None else None

    async def share(self, share_id: str) -> Share | None:
        found = await self._shares(select(shares).where(shares.c.id == share_id))
        return found[0] if found else None

    async def open_share(self, rental_id: RentalId, member_id: int, now: datetime) -> Share | None:
        chosen = _good(now).where(shares.c.rental_id == rental_id, shares.c.member_id == member_id)
        found = await self._shares(chosen)
        return found[0] if found else None

    async def end_share(
        self, share: Share, ending: Ending, now: datetime, *, by: int | None, tell: bool
    ) -> bool:
        async with self._database.writing() as connection:
            # With its machine it ends only if it has not gone over to another one meanwhile.
            machine = share.rental_id if ending is Ending.OVER else None
            return await _end(connection, share.id, ending, now, by=by, tell=tell, machine=machine)

    async def open_shares(self, rental_ids: Sequence[RentalId] | None = None) -> list[Share]:
        chosen = select(shares).where(shares.c.ended_at.is_(None))
        if rental_ids is not None:
            chosen = chosen.where(shares.c.rental_id.in_(rental_ids))
        return await self._shares(chosen)

    async def shared_with(self, guild_id: int, member_id: int, now: datetime) -> list[Share]:
        return await self._shares(
            _good(now).where(shares.c.guild_id == guild_id, shares.c.member_id == member_id)
        )

    async def shares_to_tell(self, now: datetime) -> list[Share]:
        return await self._shares(select(shares).where(shares.c.tell_at <= now))

    async def share_told(self, share: Share, *, next_at: datetime | None, tries: int) -> None:
        ended = shares.c.ended_at
        same = ended.is_(None) if share.ended_at is None else ended.is_not(None)
        change = (
            update(shares).where(shares.c.id == share.id, same).values(tell_at=next_at, tries=tries)
        )
        async with self._database.writing() as connection:
            await connection.execute(change)

    async def entered(
        self, now: datetime, rental_ids: Sequence[RentalId] | None = None
    ) -> list[Entered]:
        chosen = (
            select(sessions)
            .outerjoin(shares, shares.c.id == sessions.c.share_id)
            .where(
                sessions.c.revoked_at.is_(None),
                sessions.c.expires_at > now,
                or_(sessions.c.share_id.is_(None), good_share(now)),
            )
            .order_by(sessions.c.began_at, sessions.c.digest)
        )
        if rental_ids is not None:
            chosen = chosen.where(sessions.c.rental_id.in_(rental_ids))
        async with self._database.reading() as connection:
            rows = (await connection.execute(chosen)).all()
        return [
            Entered(
                rental_id=RentalId(row.rental_id),
                member_id=row.member_id,
                port=row.port,
                began_at=row.began_at,
                expires_at=row.expires_at,
            )
            for row in rows
        ]

    async def _shares(self, chosen: Select[Any]) -> list[Share]:
        ordered = chosen.order_by(shares.c.made_at, shares.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(ordered)).all()
        return [share_of(row) for row in rows]


async def go_over(connection: AsyncConnection, rental: Rental, now: datetime) -> None:
    """A ready rental that answers at another one's address is shared as that one was, until then.

    Its owner's only. A share that ended with the other machine is told of anew; nobody is let in
    by it before they come in again.
    """
    there = select(addresses.c.rental_id).where(addresses.c.name == rental.host_name)
    if (await connection.execute(there)).scalar_one_or_none() != rental.id:
        return
    same = select(rentals.c.id).where(
        func.coalesce(rentals.c.address, rentals.c.id) == rental.host_name,
        rentals.c.owner_id == rental.owner_id,
        rentals.c.guild_id == rental.guild_id,
    )
    rows = (await connection.execute(select(shares).where(shares.c.rental_id.in_(same)))).all()
    every = [share_of(row) for row in rows]
    own = {one.member_id: one for one in every if one.rental_id == rental.id and not one.ended_at}
    for share in inherited(every, rental.id, now):
        if older := own.get(share.member_id):
            await _end(connection, older.id, Ending.REPLACED, now, by=share.by_id, tell=False)
        values: dict[str, Any] = {"rental_id": rental.id}
        if share.ended_at is not None:
            values |= {"ended_at": None, "ended_by": None, "ending": None}
            values |= {"tell_at": now, "tries": 0}
        await connection.execute(update(shares).where(shares.c.id == share.id).values(values))


def share_of(row: Row[Any]) -> Share:
    return Share(
        **{name: getattr(row, name) for name in _PLAIN},
        ending=Ending(row.ending) if row.ending is not None else None,
    )


def _good(now: datetime) -> Select[Any]:
    return select(shares).where(good_share(now))


def _values(share: Share) -> dict[str, Any]:
    ending = share.ending.value if share.ending is not None else None
    return {name: getattr(share, name) for name in _PLAIN} | {"ending": ending}


async def _end(
    connection: AsyncConnection,
    share_id: str,
    ending: Ending,
    now: datetime,
    *,
    by: int | None,
    tell: bool,
    machine: RentalId | None = None,
) -> bool:
    """The share first: whoever spends one of its tickets this moment then finds it ended.

    With a `machine` it is ended only while it is a share of that one.
    """
    of = [shares.c.rental_id == machine] if machine is not None else []
    ended = (
        update(shares)
        .where(and_(shares.c.id == share_id, shares.c.ended_at.is_(None), *of))
        .values(
            ended_at=now,
            ended_by=by,
            ending=ending.value,
            tell_at=now if tell else None,
            tries=0,
        )
        .returning(shares.c.id)
    )
    if (await connection.execute(ended)).one_or_none() is None:
        return False
    await revoke_where(connection, now, share_id=share_id)
    return True
