"""Sums of the books over a span: by rental and machine, and by the hour for a picture."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, cast, func, literal, or_, select

from bot.adapters.storage.ledger import TOTAL
from bot.adapters.storage.tables import bills, ledger, rentals, tabs
from bot.adapters.storage.tabs import readable
from bot.adapters.storage.types import Money
from bot.adapters.storage.unit import Part
from bot.domain.ledger import Kind
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import ContractId, RentalId, State
from bot.domain.tabs import Tab
from bot.ports.money import Life, Spent

_JOINED = ledger.join(rentals, ledger.c.rental_id == rentals.c.id)

_BYTES = ledger.c.kind.in_([Kind.DOWNLOAD.value, Kind.UPLOAD.value])
_OWN = and_(_BYTES, ledger.c.contract == rentals.c.contract)
_MOVED = cast(func.sum(case((_OWN, ledger.c.amount), else_=literal(ZERO, Money()))), Money()).label(
    "moved"
)


class SqlSpending(Part):
    async def spent(
        self, guild_id: int, owner_id: int | None, start: datetime, end: datetime
    ) -> list[Spent]:
        by = (ledger.c.rental_id, ledger.c.contract, ledger.c.kind)
        sums = (
            select(*by, TOTAL)
            .select_from(_JOINED)
            .where(*_whose(guild_id, owner_id), *_within(start, end))
            .group_by(*by)
        )
        async with self._database.reading() as connection:
            return [
                Spent(
                    rental_id=RentalId(row.rental_id),
                    contract=ContractId(row.contract),
                    kind=Kind(row.kind),
                    amount=row.total,
                )
                for row in await connection.execute(sums)
            ]

    async def lives(
        self, guild_id: int, owner_id: int | None, start: datetime, end: datetime
    ) -> Mapping[RentalId, Life]:
        whose = _whose(guild_id, owner_id)
        within = select(ledger.c.rental_id).select_from(_JOINED).where(*whose, *_within(start, end))
        open_now = rentals.c.state != State.CLOSED.value
        owing = rentals.c.id.in_(select(tabs.c.rental_id).where(tabs.c.ended_at.is_(None)))
        chosen = select(rentals.c.id).where(*whose, or_(rentals.c.id.in_(within), open_now, owing))
        whole = (
            select(ledger.c.rental_id, TOTAL, _MOVED)
            .select_from(_JOINED)
            .where(ledger.c.rental_id.in_(chosen))
            .group_by(ledger.c.rental_id)
        )
        seen_at = case((bills.c.contract == rentals.c.contract, bills.c.seen_at))
        billed = (
            select(
                bills.c.rental_id,
                cast(func.sum(bills.c.total), Money()).label("total"),
                func.max(seen_at).label("seen_at"),
            )
            .select_from(bills.join(rentals, bills.c.rental_id == rentals.c.id))
            .where(bills.c.rental_id.in_(chosen))
            .group_by(bills.c.rental_id)
        )
        columns = (
            *(rentals.c.id, rentals.c.owner_id, rentals.c.owner_name, rentals.c.name),
            *(rentals.c.agreed_per_hour, rentals.c.created_at, rentals.c.gone_at),
            *(rentals.c.contract, rentals.c.ready_at, rentals.c.state),
        )
        async with self._database.reading() as connection:
            rows = (
                await connection.execute(select(*columns).where(rentals.c.id.in_(chosen)))
            ).all()
            books = {row.rental_id: row for row in await connection.execute(whole)}
            charged = {row.rental_id: row for row in await connection.execute(billed)}
        return {
            RentalId(row.id): Life(
                owner_id=row.owner_id,
                owner_name=row.owner_name,
                name=row.name or row.id,
                agreed_per_hour=row.agreed_per_hour,
                created_at=row.created_at,
                gone_at=row.gone_at,
                contract=row.contract,
                used=row.ready_at is not None or row.state != State.CLOSED.value,
                booked=books[row.id].total if row.id in books else ZERO,
                transfer=books[row.id].moved if row.id in books else ZERO,
                billed=charged[row.id].total if row.id in charged else None,
                billed_at=charged[row.id].seen_at if row.id in charged else None,
            )
            for row in rows
        }

    async def open_tabs_of(self, guild_id: int, owner_id: int | None) -> list[Tab]:
        columns = (tabs.c.tab, tabs.c.contract)
        joined = tabs.join(rentals, tabs.c.rental_id == rentals.c.id)
        chosen = (
            select(*columns)
            .select_from(joined)
            .where(*_whose(guild_id, owner_id), tabs.c.ended_at.is_(None))
        )
        async with self._database.reading() as connection:
            return readable(list(await connection.execute(chosen)))

    async def by_hour(
        self,
        guild_id: int,
        owner_id: int | None,
        start: datetime,
        end: datetime,
        *,
        by_member: bool,
    ) -> list[tuple[datetime, str, Usd]]:
        part: ColumnElement[Any] = rentals.c.owner_id if by_member else ledger.c.kind
        sums = (
            select(ledger.c.period_start, part.label("part"), TOTAL)
            .select_from(_JOINED)
            .where(*_whose(guild_id, owner_id), *_within(start, end))
            .group_by(ledger.c.period_start, part)
        )
        async with self._database.reading() as connection:
            return [
                (row.period_start, str(row.part), row.total)
                for row in await connection.execute(sums)
            ]


def _whose(guild_id: int, owner_id: int | None) -> tuple[ColumnElement[bool], ...]:
    team = rentals.c.guild_id == guild_id
    return (team,) if owner_id is None else (team, rentals.c.owner_id == owner_id)


def _within(start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    """An hour across midnight counts where it begins."""
    return ledger.c.period_start >= start, ledger.c.period_start < end
