"""Budgets in the database: nobody spends a dollar that somebody else has taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from bot.adapters.storage.store import open_store
from bot.domain import tabs
from bot.domain.budgets import TEAM, Budget, Grant, Scope, Subject, Use, month_of
from bot.domain.ledger import Entry, Kind
from bot.domain.letters import Kind as LetterKind
from bot.domain.letters import Writing
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Reason, Rental, RentalId, State, new_id
from bot.errors import OverBudget
from bot.errors import Store as StoreError
from bot.ports.books import Store
from bot.ports.money import Claim
from tests.builders import GUILD, NOW, SetClock, a_quote, a_rental, an_instance

HOUR = timedelta(hours=1)
MONTH = month_of(NOW, UTC)
ADA, BEN = Subject(Scope.MEMBER, 1), Subject(Scope.MEMBER, 2)
RED, BLUE = Subject(Scope.ROLE, 71), Subject(Scope.ROLE, 72)


async def limit(store: Store, subject: Subject, dollars: str | None, minutes: int = 0) -> None:
    amount = Usd.of(dollars) if dollars is not None else None
    at = NOW + timedelta(minutes=minutes)
    await store.set_budget(GUILD, Budget(subject=subject, amount=amount, set_by=9, set_at=at))


async def begin(
    store: Store, owner: int = 1, roles: Sequence[Subject] = (), *, hours: int = 10
) -> Rental:
    """A rental that holds a dollar an hour."""
    quote = a_quote(owner_id=owner, hours=hours)
    await store.add_quote(quote)
    rental = a_rental(quote, id=RentalId(new_id(12)), agreed_per_hour=Usd.of(1), requested_at=NOW)
    claim = Claim(role_ids=tuple(role.id for role in roles), month=MONTH)
    return await store.begin(rental, quote_id=quote.id, claim=claim)


async def book(store: Store, rental: Rental, dollars: str, *, ago: timedelta = HOUR) -> None:
    entry = Entry(
        rental_id=rental.id,
        kind=Kind.GPU,
        period_start=NOW - ago,
        period_end=NOW - ago + HOUR,
        amount=Usd.of(dollars),
    )
    current = await store.rental(rental.id)
    assert current is not None
    await store.apply(current, event="booked by a test", entries=[entry])


async def close(store: Store, rental: Rental) -> None:
    current = await store.rental(rental.id)
    assert current is not None
    ended = replace(current, state=State.CLOSED, reason=Reason.CANCELLED, closed_at=NOW)
    await store.apply(ended, event="closed by a test")


async def uses(store: Store) -> dict[Subject, Use]:
    return {use.subject: use for use in await store.uses(GUILD, MONTH)}


@pytest.mark.parametrize("round_", range(3))
async def test_two_at_the_same_moment_cannot_spend_the_same_dollar(
    database_url: str, clock: SetClock, round_: int
) -> None:
    """Twenty people through two processes' worth of connections; there is room for three."""
    async with (
        open_store(database_url, clock=clock) as one,
        open_store(database_url, clock=clock) as other,
    ):
        await limit(one, TEAM, "39.99")
        pressed = [begin((one, other)[n % 2], owner=n) for n in range(20)]

        done = await asyncio.gather(*pressed, return_exceptions=True)

        assert sum(isinstance(each, Rental) for each in done) == 3
        assert sum(isinstance(each, OverBudget) for each in done) == 17
        assert len(await one.open_rentals()) == 3
        assert (await uses(one))[TEAM].held == Usd.of(30)


async def test_a_second_press_of_the_same_button_is_the_same_rental(store: Store) -> None:
    """It does not compete with itself for what is left."""
    await limit(store, TEAM, "10")
    quote = a_quote(hours=10)
    await store.add_quote(quote)
    rental = a_rental(quote, agreed_per_hour=Usd.of(1), requested_at=NOW)
    claim = Claim(role_ids=(), month=MONTH)

    first = await store.begin(rental, quote_id=quote.id, claim=claim)
    again = await store.begin(replace(rental, id=RentalId("zzz")), quote_id=quote.id, claim=claim)

    assert again.id == first.id


async def test_what_is_spent_open_and_held_counts(store: Store, clock: SetClock) -> None:
    """Entries of this month, what is on the tab since, and the hours still planned."""
    await limit(store, ADA, "40")
    await limit(store, BEN, "5")
    rental = await begin(store)
    await book(store, rental, "3")
    await book(store, rental, "8", ago=timedelta(days=40))  # last month's
    machine = an_instance(rental, created_at=NOW, running_since=NOW)
    tab = tabs.opened(rental, ContractId(1), machine, NOW)
    tab, _ = tabs.read(tab, machine, clock.turn(HOUR / 4))
    await store.write_tab(tab)
    now = clock.turn(HOUR / 4)

    found = await uses(store)

    owing = tabs.outstanding(tab, now).total
    assert owing.micros > 148_500
    assert found[ADA] == Use(
        subject=ADA, limit=Usd.of(40), spent=Usd.of(3) + owing, held=Usd.of("9.5")
    )
    assert found[BEN] == Use(subject=BEN, limit=Usd.of(5), spent=Usd())


async def test_a_person_in_two_roles_counts_for_both_and_for_good(store: Store) -> None:
    """Begun with both; what was begun counts on when a role is taken away, or the member leaves."""
    await limit(store, RED, "15")
    await limit(store, BLUE, "100")
    await limit(store, TEAM, "100")

    rental = await begin(store, roles=[RED, BLUE])
    with pytest.raises(OverBudget, match="role"):
        await begin(store, owner=2, roles=[RED])
    await begin(store, roles=[BLUE])  # the red role is gone
    await book(store, rental, "2")
    await close(store, rental)

    found = await uses(store)
    assert (found[RED].spent, found[RED].held) == (Usd.of(2), Usd())
    assert (found[BLUE].spent, found[BLUE].held) == (Usd.of(2), Usd.of(10))
    assert await store.counted(GUILD, RED) == []
    assert len(await store.counted(GUILD, BLUE)) == len(await store.counted(GUILD, TEAM)) == 1


async def test_the_newest_limit_holds_and_none_is_no_limit(store: Store) -> None:
    """The earlier ones stay as the record."""
    await limit(store, TEAM, "50")
    await limit(store, TEAM, "5", minutes=1)
    with pytest.raises(OverBudget):
        await begin(store)
    await limit(store, TEAM, None, minutes=2)

    await begin(store)

    assert await store.budgets(GUILD) == []
    assert await store.guilds() == [GUILD]


def a_grant(dollars: str, *, member: int = 1, id: str = "g1") -> Grant:
    return Grant(
        id=id,
        guild_id=GUILD,
        member_id=member,
        amount=Usd.of(dollars),
        month=MONTH.name,
        asked_at=NOW,
    )


async def test_an_approved_request_makes_room_for_its_asker_alone(
    store: Store, clock: SetClock
) -> None:
    """For a day, in every budget that was in the way."""
    await limit(store, ADA, "5")
    await limit(store, TEAM, "5")
    await store.add_grant(a_grant("5"))
    with pytest.raises(OverBudget):
        await begin(store)

    decided = await store.decide_grant("g1", by=9, approved=True, now=NOW)

    assert decided is not None
    assert decided.approved
    with pytest.raises(OverBudget):
        await begin(store, owner=2)
    await begin(store)
    assert (await uses(store))[TEAM].granted == Usd.of(5)
    with pytest.raises(OverBudget):  # once is enough
        await begin(store, hours=1)


async def test_an_approval_that_is_too_old_makes_no_room(store: Store, clock: SetClock) -> None:
    """Valid for a day after it was given."""
    await limit(store, TEAM, "5")
    await store.add_grant(a_grant("50"))
    await store.decide_grant("g1", by=9, approved=True, now=NOW)
    clock.turn(timedelta(hours=25))

    with pytest.raises(OverBudget):
        await begin(store, hours=40)
    assert (await uses(store))[TEAM].granted == Usd()  # nor is it said to be there


async def test_an_approval_that_was_used_counts_for_the_rest_of_the_month(
    store: Store, clock: SetClock
) -> None:
    """What was begun on it was allowed, and is not over the budget a day later."""
    await limit(store, TEAM, "5")
    await store.add_grant(a_grant("50"))
    await store.decide_grant("g1", by=9, approved=True, now=NOW)
    await begin(store, hours=40)
    clock.turn(timedelta(hours=25))

    assert (await uses(store))[TEAM].granted == Usd.of(50)


async def test_a_request_is_decided_once_and_never_by_its_asker(store: Store) -> None:
    """Of two leads the second learns that it is done; the database refuses the asker itself."""
    await store.add_grant(a_grant("5"))

    with pytest.raises(StoreError, match="not_by_the_asker"):
        await store.decide_grant("g1", by=1, approved=True, now=NOW)
    both = await asyncio.gather(
        store.decide_grant("g1", by=8, approved=True, now=NOW),
        store.decide_grant("g1", by=9, approved=False, now=NOW),
    )

    (decided,) = [one for one in both if one is not None]
    assert await store.grant("g1") == decided


async def test_a_mark_is_told_once_a_month(store: Store) -> None:
    """Mark and letter are one transaction."""
    rental = await begin(store)
    letter = Writing(kind=LetterKind.BUDGET, at=NOW, detail="half")

    async def tell() -> bool:
        return await store.mark(GUILD, ADA, MONTH, [50, 80], letters={rental.id: [letter]})

    assert [await tell(), await tell()] == [True, False]
    assert set(await store.marked(GUILD, MONTH)) == {(ADA, 50), (ADA, 80)}
    assert len(await store.letters_of(rental.id)) == 1

    await store.unmark(GUILD, ADA, MONTH, 80)
    assert list(await store.marked(GUILD, MONTH)) == [(ADA, 50)]
