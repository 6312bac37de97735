"""Budgets in the database: limits, requests, marks, and the lock under which money is claimed.

Whoever begins a rental on a server's money first counts up that server's row of `purses`, which
holds it until the end of the transaction: of two at the same moment the second sees what the first
has taken. SQLite has one writer at a time anyway.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.ledger import TOTAL
from bot.adapters.storage.letters import write_letters
from bot.adapters.storage.rows import rental_of
from bot.adapters.storage.tables import (
    budget_marks,
    budgets,
    grants,
    ledger,
    purses,
    rental_roles,
    rentals,
    tabs,
)
from bot.adapters.storage.tabs import readable
from bot.adapters.storage.unit import Part, insert_new, inserting
from bot.domain.budgets import (
    VALID,
    Budget,
    Grant,
    Month,
    Scope,
    Subject,
    Use,
    demand_room,
    hold,
    subjects,
)
from bot.domain.letters import Writing
from bot.domain.money import ZERO, Usd
from bot.domain.prospects import Used
from bot.domain.rentals import Rental, RentalId, State
from bot.domain.tabs import Tab, outstanding, per_hour
from bot.ports.money import Claim

log = logging.getLogger(__name__)

_GRANT = (
    *("id", "guild_id", "member_id", "amount", "month", "asked_at", "quote_id", "decided_at"),
    *("decided_by", "approved"),
)


class SqlBudgets(Part):
    async def budgets(self, guild_id: int) -> list[Budget]:
        async with self._database.reading() as connection:
            return await _budgets(connection, guild_id)

    async def guilds(self) -> list[int]:
        async with self._database.reading() as connection:
            return list(await connection.scalars(select(budgets.c.guild_id).distinct()))

    async def set_budget(self, guild_id: int, budget: Budget) -> None:
        row = {
            "guild_id": guild_id,
            "scope": budget.subject.scope.value,
            "subject_id": budget.subject.id,
            "set_at": budget.set_at,
            "amount": budget.amount,
            "set_by": budget.set_by,
        }
        async with self._database.writing() as connection:
            new = inserting(connection, budgets).values(row)
            keys = [budgets.c.guild_id, budgets.c.scope, budgets.c.subject_id, budgets.c.set_at]
            changed = {"amount": budget.amount, "set_by": budget.set_by}
            await connection.execute(new.on_conflict_do_update(index_elements=keys, set_=changed))

    async def budget_changes(self, guild_id: int, *, limit: int) -> list[Budget]:
        newest = (budgets.c.set_at.desc(), budgets.c.scope, budgets.c.subject_id)
        chosen = select(budgets).where(budgets.c.guild_id == guild_id).order_by(*newest)
        async with self._database.reading() as connection:
            return [_budget(row) for row in await connection.execute(chosen.limit(limit))]

    async def uses(
        self, guild_id: int, month: Month, subjects: Sequence[Subject] | None = None
    ) -> list[Use]:
        now = self._clock.now()
        async with self._database.reading() as connection:
            found = await _uses(connection, guild_id, month, now, subjects)
            approved = (await connection.execute(_approved(guild_id, month))).all()
            given = [one for one in map(_grant, approved) if await _stands(connection, one, now)]
            return [
                replace(use, granted=_granted(given, await _members(connection, guild_id, use)))
                for use in found
            ]

    async def used(self, guild_id: int, month: Month, subjects: Sequence[Subject]) -> list[Used]:
        budgeted = {use.subject: use for use in await self.uses(guild_id, month)}
        now = self._clock.now()
        found = []
        async with self._database.reading() as connection:
            live = await _live(connection, guild_id, month, now)
            for subject in subjects:
                use = budgeted.get(subject)
                spent, held = await _count(connection, guild_id, month, subject, live)
                limit = use.limit + use.granted if use is not None else None
                found.append(Used(subject=subject, spent=spent, held=held, limit=limit))
        return found

    async def counted(self, guild_id: int, subject: Subject) -> list[RentalId]:
        chosen = (
            _of(select(rentals.c.id), subject)
            .where(rentals.c.guild_id == guild_id, rentals.c.state != State.CLOSED.value)
            .order_by(rentals.c.requested_at)
        )
        async with self._database.reading() as connection:
            return [RentalId(one) for one in await connection.scalars(chosen)]

    async def add_grant(self, grant: Grant) -> bool:
        waiting = select(grants.c.id).where(
            grants.c.guild_id == grant.guild_id,
            grants.c.quote_id == grant.quote_id,
            grants.c.decided_at.is_(None),
            grants.c.asked_at > grant.asked_at - VALID,
        )
        async with self._database.writing() as connection:
            await _hold_purse(connection, grant.guild_id)  # the second press waits
            if grant.quote_id is not None and (await connection.execute(waiting)).first():
                return False
            await connection.execute(
                insert(grants).values({name: getattr(grant, name) for name in _GRANT})
            )
        return True

    async def grant(self, grant_id: str) -> Grant | None:
        async with self._database.reading() as connection:
            row = (
                await connection.execute(select(grants).where(grants.c.id == grant_id))
            ).one_or_none()
        return _grant(row) if row is not None else None

    async def begun_with(self, quote_id: str) -> RentalId | None:
        chosen = select(rentals.c.id).where(rentals.c.quote_id == quote_id)
        async with self._database.reading() as connection:
            found = (await connection.execute(chosen)).scalar_one_or_none()
        return RentalId(found) if found is not None else None

    async def decide_grant(
        self, grant_id: str, *, by: int, approved: bool, now: datetime
    ) -> Grant | None:
        change = (
            update(grants)
            .where(grants.c.id == grant_id, grants.c.decided_at.is_(None))
            .values(decided_at=now, decided_by=by, approved=approved)
            .returning(*grants.c)
        )
        async with self._database.writing() as connection:
            row = (await connection.execute(change)).one_or_none()
        return _grant(row) if row is not None else None

    async def marked(self, guild_id: int, month: Month) -> Mapping[tuple[Subject, int], datetime]:
        chosen = select(budget_marks).where(
            budget_marks.c.guild_id == guild_id, budget_marks.c.month == month.name
        )
        async with self._database.reading() as connection:
            return {
                (Subject(Scope(row.scope), row.subject_id), row.percent): row.told_at
                for row in await connection.execute(chosen)
            }

    async def mark(
        self,
        guild_id: int,
        subject: Subject,
        month: Month,
        percents: Sequence[int],
        *,
        letters: Mapping[RentalId, Sequence[Writing]],
    ) -> bool:
        now = self._clock.now()
        of = {
            "guild_id": guild_id,
            "scope": subject.scope.value,
            "subject_id": subject.id,
            "month": month.name,
            "told_at": now,
        }
        async with self._database.writing() as connection:
            new = inserting(connection, budget_marks).values(of | {"percent": percents[-1]})
            done = await connection.execute(
                new.on_conflict_do_nothing().returning(budget_marks.c.percent)
            )
            if done.first() is None:
                return False
            before = [of | {"percent": percent} for percent in percents[:-1]]
            await insert_new(connection, budget_marks, before)
            for rental_id, writings in letters.items():
                await write_letters(connection, rental_id, writings, now)
        return True

    async def unmark(self, guild_id: int, subject: Subject, month: Month, percent: int) -> None:
        gone = delete(budget_marks).where(
            budget_marks.c.guild_id == guild_id,
            budget_marks.c.scope == subject.scope.value,
            budget_marks.c.subject_id == subject.id,
            budget_marks.c.month == month.name,
            budget_marks.c.percent == percent,
        )
        async with self._database.writing() as connection:
            await connection.execute(gone)


async def claim_room(
    connection: AsyncConnection, rental: Rental, quote_id: str, claim: Claim, now: datetime
) -> None:
    """Hold the server's purse, and raise OverBudget unless the rental fits what is left in it."""
    await _hold_purse(connection, rental.guild_id)
    if await _begun(connection, quote_id):
        return  # pressed twice: it is in there already
    await _demand_room(connection, rental, claim, now)


async def claim_more(
    connection: AsyncConnection, rental: Rental, claim: Claim, now: datetime
) -> None:
    """The same for an open rental at another price: what it held so far is free for it.

    It counts for the roles that were written down when it began, whichever its owner has now.
    """
    await _hold_purse(connection, rental.guild_id)
    kept = select(rental_roles.c.role_id).where(rental_roles.c.rental_id == rental.id)
    roles = tuple(await connection.scalars(kept))
    await _demand_room(connection, rental, replace(claim, role_ids=roles), now)


async def _begun(connection: AsyncConnection, quote_id: str) -> bool:
    chosen = select(rentals.c.id).where(rentals.c.quote_id == quote_id)
    return (await connection.execute(chosen)).first() is not None


async def keep_roles(connection: AsyncConnection, rental_id: RentalId, claim: Claim) -> None:
    """Write down for whose budgets the rental counts, whatever becomes of its owner's roles."""
    await insert_new(
        connection,
        rental_roles,
        [{"rental_id": rental_id, "role_id": role} for role in sorted(set(claim.role_ids))],
    )


async def _hold_purse(connection: AsyncConnection, guild_id: int) -> None:
    new = inserting(connection, purses).values(guild_id=guild_id, begun=0)
    await connection.execute(new.on_conflict_do_nothing())
    await connection.execute(
        update(purses).where(purses.c.guild_id == guild_id).values(begun=purses.c.begun + 1)
    )


async def _demand_room(
    connection: AsyncConnection, rental: Rental, claim: Claim, now: datetime
) -> None:
    mine = subjects(rental.owner_id, claim.role_ids)
    found = await _uses(connection, rental.guild_id, claim.month, now, mine, held_anew=rental.id)
    given = (
        await connection.execute(
            _approved(rental.guild_id, claim.month).where(grants.c.member_id == rental.owner_id)
        )
    ).all()
    more = Usd.sum(one.amount for one in map(_grant, given) if one.counts(now))
    demand_room([replace(use, granted=more) for use in found], hold(rental, claim.month, now))


@dataclass(frozen=True, slots=True)
class _Live:
    """An open rental: what of it is not booked yet, and what it may still cost."""

    id: str
    owner_id: int
    role_ids: frozenset[int]
    owing: Usd
    hold: Usd

    def counts_for(self, subject: Subject) -> bool:
        match subject.scope:
            case Scope.TEAM:
                return True
            case Scope.ROLE:
                return subject.id in self.role_ids
            case Scope.MEMBER:
                return subject.id == self.owner_id


async def _uses(
    connection: AsyncConnection,
    guild_id: int,
    month: Month,
    now: datetime,
    wanted: Sequence[Subject] | None,
    *,
    held_anew: RentalId | None = None,
) -> list[Use]:
    """How budgets stand; of the rental `held_anew` only what it has cost, not what it may."""
    limits = [
        (one.subject, one.amount)
        for one in await _budgets(connection, guild_id)
        if one.amount is not None and (wanted is None or one.subject in wanted)
    ]
    if not limits:
        return []
    live = await _live(connection, guild_id, month, now)
    found = []
    for subject, limit in limits:
        spent, held = await _count(connection, guild_id, month, subject, live, held_anew=held_anew)
        found.append(Use(subject=subject, limit=limit, spent=spent, held=held))
    return found


async def _count(
    connection: AsyncConnection,
    guild_id: int,
    month: Month,
    subject: Subject,
    live: Sequence[_Live],
    *,
    held_anew: RentalId | None = None,
) -> tuple[Usd, Usd]:
    """What is spent of the month on a subject's money, and what is held."""
    mine = [one for one in live if one.counts_for(subject)]
    booked = await _booked(connection, guild_id, month, subject)
    held = Usd.sum(one.hold for one in mine if one.id != held_anew)
    return booked + Usd.sum(one.owing for one in mine), held


async def _live(
    connection: AsyncConnection, guild_id: int, month: Month, now: datetime
) -> list[_Live]:
    of_open = select(rentals.c.id).where(
        rentals.c.guild_id == guild_id, rentals.c.state != State.CLOSED.value
    )
    rows = (await connection.execute(select(rentals).where(rentals.c.id.in_(of_open)))).all()
    roles: dict[str, set[int]] = {}
    for row in await connection.execute(
        select(rental_roles).where(rental_roles.c.rental_id.in_(of_open))
    ):
        roles.setdefault(row.rental_id, set()).add(row.role_id)
    kept: dict[str, list[Tab]] = {}
    for tab in readable(
        (await connection.execute(select(tabs).where(tabs.c.rental_id.in_(of_open)))).all()
    ):
        kept.setdefault(tab.rental_id, []).append(tab)
    return [
        _Live(
            id=row.id,
            owner_id=row.owner_id,
            role_ids=frozenset(roles.get(row.id, ())),
            owing=Usd.sum(outstanding(tab, now).total for tab in kept.get(row.id, ())),
            hold=_hold(row, kept.get(row.id, ()), month, now),
        )
        for row in rows
    ]


def _hold(row: Row[Any], kept: Sequence[Tab], month: Month, now: datetime) -> Usd:
    """What a rental may still cost; of one that cannot be read, an hour of what its machines burn.

    So one bad row stops nobody else from renting, and its money is not forgotten.
    """
    try:
        return hold(rental_of(row), month, now)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.error("the row of rental %s cannot be read: %r", row.id, error)
        return Usd.sum(per_hour(tab) for tab in kept)


async def _booked(
    connection: AsyncConnection, guild_id: int, month: Month, subject: Subject
) -> Usd:
    """What the books hold of the month; an hour across midnight counts where it begins."""
    joined = ledger.join(rentals, ledger.c.rental_id == rentals.c.id)
    sums = _of(select(TOTAL).select_from(joined), subject).where(
        rentals.c.guild_id == guild_id,
        ledger.c.period_start >= month.start,
        ledger.c.period_start < month.end,
    )
    return (await connection.execute(sums)).scalar_one() or ZERO


async def _budgets(connection: AsyncConnection, guild_id: int) -> list[Budget]:
    newest: dict[Subject, Budget] = {}
    chosen = select(budgets).where(budgets.c.guild_id == guild_id).order_by(budgets.c.set_at)
    for row in await connection.execute(chosen):
        newest[Subject(Scope(row.scope), row.subject_id)] = _budget(row)
    return [one for one in newest.values() if one.amount is not None]


def _budget(row: Row[Any]) -> Budget:
    subject = Subject(Scope(row.scope), row.subject_id)
    return Budget(subject=subject, amount=row.amount, set_by=row.set_by, set_at=row.set_at)


def _granted(given: Sequence[Grant], members: frozenset[int] | None) -> Usd:
    return Usd.sum(one.amount for one in given if members is None or one.member_id in members)


async def _stands(connection: AsyncConnection, grant: Grant, now: datetime) -> bool:
    """Whether an approval may still be used, or something was begun while it could be."""
    if grant.counts(now) or grant.decided_at is None:
        return grant.decided_at is not None
    begun = select(rentals.c.id).where(
        rentals.c.guild_id == grant.guild_id,
        rentals.c.owner_id == grant.member_id,
        rentals.c.requested_at >= grant.decided_at,
        rentals.c.requested_at < grant.decided_at + VALID,
    )
    return (await connection.execute(begun.limit(1))).first() is not None


async def _members(connection: AsyncConnection, guild_id: int, use: Use) -> frozenset[int] | None:
    """Whose grants add to a budget; None: everybody's."""
    subject = use.subject
    match subject.scope:
        case Scope.TEAM:
            return None
        case Scope.MEMBER:
            return frozenset((subject.id,))
        case Scope.ROLE:
            owners = _of(select(rentals.c.owner_id).distinct(), subject)
            return frozenset(await connection.scalars(owners.where(rentals.c.guild_id == guild_id)))


def _of(chosen: Select[Any], subject: Subject) -> Select[Any]:
    """Narrow rentals to those that count against a budget."""
    match subject.scope:
        case Scope.TEAM:
            return chosen
        case Scope.MEMBER:
            return chosen.where(rentals.c.owner_id == subject.id)
        case Scope.ROLE:
            with_role = select(rental_roles.c.rental_id).where(rental_roles.c.role_id == subject.id)
            return chosen.where(rentals.c.id.in_(with_role))


def _approved(guild_id: int, month: Month) -> Select[Any]:
    return select(grants).where(
        grants.c.guild_id == guild_id,
        grants.c.month == month.name,
        grants.c.approved.is_(True),
    )


def _grant(row: Row[Any]) -> Grant:
    return Grant(**{name: getattr(row, name) for name in _GRANT})
