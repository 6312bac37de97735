"""Budgets at work: refused, asked for, approved, told, and what ends when they are used up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.adapters.storage.engine import parsed, writing_engine
from bot.domain.access import Actor
from bot.domain.budgets import TEAM, VALID, WARNING, Grant, Scope, Subject
from bot.domain.ledger import Entry, Kind
from bot.domain.letters import Kind as LetterKind
from bot.domain.letters import deferred
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import ContractId, Phase, Rental, State
from bot.errors import BadInput, NotFound, NotYours, OverBudget, Refused
from bot.ports.books import Store
from bot.services.desk import Place
from tests.builders import CHANNEL, GUILD, NOW, SetClock, an_offer
from tests.services.worlds import DictMarket, House

ADA = Actor(id=1, guild_id=GUILD, name="ada")
LEA = Actor(id=9, guild_id=GUILD, name="lea", lead=True)
MAX = Actor(id=8, guild_id=GUILD, name="max", lead=True)
HERS = Subject(Scope.MEMBER, ADA.id)
PLACE = Place(GUILD, CHANNEL)
HOUR = timedelta(hours=1)


@pytest.fixture
async def house(store: Store, clock: SetClock) -> AsyncIterator[House]:
    house = House(store=store, market=DictMarket([an_offer(id=1), an_offer(id=2)]), clock=clock)
    yield house
    await house.tasks.aclose()


async def rent(house: House, actor: Actor = ADA, *, hours: int = 10) -> Rental:
    quote = await house.desk.quote(actor, PLACE, Wish(), hours=hours)
    return await house.desk.rent(actor, quote.id)


async def ready(house: House, *, hours: int = 1) -> Rental:
    rental = await rent(house, hours=hours)
    now = house.clock.now()
    return await house.store.apply(
        replace(
            rental,
            state=State.READY,
            phase=Phase.REACHABLE,
            contract=ContractId(5),
            created_at=now,
            running_at=now,
            ready_at=now,
        ),
        event="ready",
    )


async def spend(house: House, rental: Rental, dollars: str) -> None:
    now = house.clock.now()
    entry = Entry(
        rental_id=rental.id, kind=Kind.GPU, period_start=now, period_end=now, amount=Usd.of(dollars)
    )
    row = await house.store.rental(rental.id)
    assert row is not None
    await house.store.apply(row, event="booked by a test", entries=[entry])


async def told(house: House, rental: Rental) -> list[str]:
    await house.budgets.watch()
    return [letter.writing.detail for letter in await house.store.letters_of(rental.id)]


async def test_a_rental_beyond_the_budget_is_refused_with_the_sums(house: House) -> None:
    """And nothing is rented; within it the same quote is fine."""
    await house.budgets.set(LEA, HERS, Usd.of(3))

    with pytest.raises(OverBudget) as refused:
        await rent(house, hours=10)

    assert "$3.00 a month: $0.00 is used. This needs up to $3.18 more." in refused.value.public
    assert refused.value.over == 178_200
    assert await house.store.open_rentals() == []
    await rent(house, hours=9)


async def test_a_lead_approves_and_the_rental_goes_ahead(house: House) -> None:
    """Not the asker, not a member; once."""
    await house.budgets.set(LEA, HERS, Usd.of(3))
    grant = await house.budgets.request(ADA, Usd.of(1), "quote")
    own = await house.budgets.request(LEA, Usd.of(1))

    with pytest.raises(NotYours, match="no lead"):
        await house.budgets.decide(ADA, grant.id, approved=True)
    with pytest.raises(NotYours, match="asker"):
        await house.budgets.decide(LEA, own.id, approved=True)
    with pytest.raises(NotFound):
        await house.budgets.decide(LEA, "nothing", approved=True)
    decided = await house.budgets.decide(LEA, grant.id, approved=True)
    with pytest.raises(Refused, match="decided"):
        await house.budgets.decide(MAX, grant.id, approved=False)

    assert (decided.approved, decided.decided_by, decided.quote_id) == (True, LEA.id, "quote")
    await rent(house, hours=10)


async def test_a_denied_request_changes_nothing(house: House) -> None:
    await house.budgets.set(LEA, HERS, Usd.of(3))
    grant = await house.budgets.request(ADA, Usd.of(1))
    await house.budgets.decide(LEA, grant.id, approved=False)

    with pytest.raises(OverBudget):
        await rent(house, hours=10)


@pytest.mark.parametrize("later", [VALID, timedelta(days=9)])
async def test_a_request_that_was_not_answered_in_time_is_over(
    house: House, later: timedelta
) -> None:
    """A day later, or in another month."""
    grant = await house.budgets.request(ADA, Usd.of(1))
    house.clock.turn(later)

    with pytest.raises(Refused) as over:
        await house.budgets.decide(LEA, grant.id, approved=True)

    assert over.value.public == "This request is over; it was not answered in time."


async def test_a_request_for_something_that_was_rented_meanwhile_is_over(house: House) -> None:
    """The budget was raised, and the same quote rented; a late yes would be for nothing."""
    await house.budgets.set(LEA, HERS, Usd.of(3))
    quote = await house.desk.quote(ADA, PLACE, Wish(), hours=10)
    grant = await house.budgets.request(ADA, Usd.of(1), quote.id)
    await house.budgets.set(LEA, HERS, Usd.of(30))
    await house.desk.rent(ADA, quote.id)

    with pytest.raises(Refused) as over:
        await house.budgets.decide(LEA, grant.id, approved=True)

    assert "is running already" in over.value.public
    (use,) = (await house.budgets.show(ADA))[1]
    assert use.granted == Usd()


async def test_a_quote_is_asked_about_once_at_a_time(house: House) -> None:
    """However often the button is pressed: two leads' yes to one need would be twice the money.
    Denied, or not answered in time, it may be asked about again."""
    quote = await house.desk.quote(ADA, PLACE, Wish(), hours=10)

    pressed = await asyncio.gather(
        *(house.budgets.request(ADA, Usd.of(1), quote.id) for _ in range(3)),
        return_exceptions=True,
    )

    (first,) = [one for one in pressed if isinstance(one, Grant)]
    assert [str(one) for one in pressed if isinstance(one, Refused)] == [
        f"a request for {quote.id} waits"
    ] * 2
    await house.budgets.decide(LEA, first.id, approved=False)
    await house.budgets.request(ADA, Usd.of(1), quote.id)
    house.clock.turn(VALID)
    await house.budgets.request(ADA, Usd.of(1), quote.id)


async def test_a_used_up_budget_wakes_nobody_unless_machines_end(house: House) -> None:
    """What is only news waits for the end of quiet hours; the warning of an end does not."""
    await house.budgets.set(LEA, HERS, Usd.of(10))
    rental = await ready(house)
    await spend(house, rental, "5")
    await house.budgets.watch()
    await house.store.change_policy({"over_budget": '"end"'}, by=None)
    await spend(house, rental, "0")
    house.clock.turn(HOUR)
    await spend(house, rental, "6")
    await house.budgets.watch()

    letters = [one.writing for one in await house.store.letters_of(rental.id)]

    assert sorted((deferred(one), "100 %" in one.detail) for one in letters) == [
        (False, True),
        (True, False),
    ]


async def test_where_policy_refuses_nobody_asks(house: House) -> None:
    """And nobody asks for nothing."""
    with pytest.raises(BadInput):
        await house.budgets.request(ADA, Usd())
    await house.store.change_policy({"over_budget": '"refuse"'}, by=None)

    with pytest.raises(Refused, match="policy"):
        await house.budgets.request(ADA, Usd.of(1))


async def test_only_leads_set_budgets_and_members_see_their_own(house: House) -> None:
    with pytest.raises(NotYours):
        await house.budgets.set(ADA, TEAM, Usd.of(10**6))
    for subject in (TEAM, Subject(Scope.MEMBER, 2), HERS, Subject(Scope.ROLE, 7)):
        await house.budgets.set(LEA, subject, Usd.of(5))

    _, hers = await house.budgets.show(replace(ADA, role_ids=(7,)))
    _, alls = await house.budgets.show(LEA)

    assert [use.subject for use in hers] == [TEAM, Subject(Scope.ROLE, 7), HERS]
    assert len(alls) == 4


async def test_each_mark_is_told_once_to_whom_it_concerns(house: House) -> None:
    """The member directly, the team's to the leads; of several at once only the highest."""
    await house.budgets.set(LEA, HERS, Usd.of(10))
    await house.budgets.set(LEA, TEAM, Usd.of(1000))
    rental = await ready(house)

    assert await told(house, rental) == []
    await spend(house, rental, "5")
    first = await told(house, rental)
    house.clock.turn(HOUR)
    assert await told(house, rental) == first
    await spend(house, rental, "6")
    last = await told(house, rental)

    assert first == ["This person's budget: 50 % reached\n$5.00 of $10.00 used this month."]
    assert len(last) == 2
    assert last[1].startswith("This person's budget: 100 % reached\n$11.00 of $10.00 used")
    assert last[1].endswith("Nothing new can be rented on it without a lead's approval.")
    letters = await house.store.letters_of(rental.id)
    assert {letter.kind for letter in letters} == {LetterKind.BUDGET}


async def test_of_marks_passed_at_once_the_lower_are_never_told(house: House) -> None:
    """Not in a later round either: nobody reads of 50 % who has read of 80 %."""
    await house.budgets.set(LEA, HERS, Usd.of(10))
    rental = await ready(house)
    await spend(house, rental, "8.5")
    await told(house, rental)
    house.clock.turn(timedelta(minutes=1))

    (only,) = await told(house, rental)

    assert "80 % reached" in only


async def test_a_new_month_begins_in_the_teams_zone(house: House) -> None:
    """At eleven in the evening UTC it is December in Berlin."""
    await house.budgets.set(LEA, HERS, Usd.of(5))
    rental = await ready(house)
    await spend(house, rental, "5")
    house.clock.at = NOW.replace(day=30, hour=23, minute=5)

    with pytest.raises(OverBudget):
        await rent(house, hours=1)
    await house.store.change_policy({"zone": '"Europe/Berlin"'}, by=None)

    await rent(house, hours=1)


async def test_what_runs_is_warned_then_archived_then_ended(house: House) -> None:
    """Where the team has chosen so; and never without a proven archive."""
    await house.store.change_policy({"over_budget": '"end"'}, by=None)
    await house.budgets.set(LEA, HERS, Usd.of(5))
    rental = await ready(house)
    await spend(house, rental, "6")

    (warning,) = await told(house, rental)
    house.clock.turn(WARNING - timedelta(minutes=1))
    await house.budgets.watch()
    waiting = await house.store.rental(rental.id)
    house.clock.turn(timedelta(minutes=2))
    await house.budgets.watch()
    ending = await house.store.rental(rental.id)

    assert "In 30 minutes what runs on it is archived and then destroyed." in warning
    assert waiting is not None
    assert waiting.released_at is None
    assert ending is not None
    assert ending.state is State.READY
    assert ending.released_at == house.clock.now()
    assert ending.waived_by is None
    assert ending.note.startswith("This person's budget is used up")


async def test_nothing_ends_on_the_strength_of_an_older_message(house: House) -> None:
    """That nothing new can be rented is no warning of an end: once policy ends machines, that is
    told, and half an hour passes."""
    await house.budgets.set(LEA, HERS, Usd.of(5))
    rental = await ready(house)
    await spend(house, rental, "6")
    await told(house, rental)
    house.clock.turn(HOUR)
    await house.store.change_policy({"over_budget": '"end"'}, by=None)

    _, warning = await told(house, rental)
    waiting = await house.store.rental(rental.id)
    house.clock.turn(WARNING)
    await house.budgets.watch()
    ending = await house.store.rental(rental.id)

    assert "In 30 minutes what runs on it is archived" in warning
    assert waiting is not None
    assert waiting.released_at is None
    assert ending is not None
    assert ending.released_at == house.clock.now()


async def test_a_budget_used_up_a_second_time_is_warned_of_again(house: House) -> None:
    """The first warning came to nothing, as a lead raised the budget."""
    await house.store.change_policy({"over_budget": '"end"'}, by=None)
    await house.budgets.set(LEA, HERS, Usd.of(5))
    rental = await ready(house)
    await spend(house, rental, "6")
    await told(house, rental)
    await house.budgets.set(LEA, HERS, Usd.of(10))
    house.clock.turn(HOUR)
    await told(house, rental)
    await spend(house, rental, "6")

    letters = await told(house, rental)

    assert len([one for one in letters if "100 % reached" in one]) == 2
    row = await house.store.rental(rental.id)
    assert row is not None
    assert row.released_at is None


async def test_whose_machines_end_for_the_teams_budget_is_warned_too(house: House) -> None:
    """Not the leads alone; once a person, however many machines they have."""
    await house.store.change_policy({"over_budget": '"end"'}, by=None)
    await house.budgets.set(LEA, TEAM, Usd.of(5))
    mine, newer = await rent(house, hours=1), await rent(house, hours=1)
    other = await rent(house, replace(ADA, id=2), hours=1)
    await spend(house, mine, "6")

    await house.budgets.watch()

    letters = {one.id: await house.store.letters_of(one.id) for one in (mine, newer, other)}
    assert {id: sorted(one.kind for one in sent) for id, sent in letters.items()} == {
        mine.id: [],
        newer.id: [LetterKind.BUDGET],
        other.id: [LetterKind.BUDGET, LetterKind.BUDGET_LEADS],
    }
    assert all(one.writing.ends for sent in letters.values() for one in sent)


async def test_an_end_whose_archive_waits_is_not_asked_for_again_meanwhile(house: House) -> None:
    """One that failed is tried again in its time; one too large to begin waits for a yes."""
    await house.store.change_policy({"over_budget": '"end"'}, by=None)
    await house.budgets.set(LEA, HERS, Usd.of(5))
    rental = await ready(house)
    await spend(house, rental, "6")
    await told(house, rental)
    house.clock.turn(WARNING)
    row = await house.store.rental(rental.id)
    assert row is not None
    later = house.clock.now() + timedelta(minutes=10)
    await house.store.apply(replace(row, save_fails=1, save_next_at=later), event="failed")

    await house.budgets.watch()
    waiting = await house.store.rental(rental.id)
    house.clock.turn(timedelta(minutes=10))
    await house.budgets.watch()
    ending = await house.store.rental(rental.id)

    assert waiting is not None
    assert waiting.released_at is None
    assert ending is not None
    assert ending.released_at == house.clock.now()


async def test_a_row_that_cannot_be_read_keeps_nobody_from_renting(
    house: House, database_url: str
) -> None:
    """It holds what its machine burns in an hour; budgets are watched on."""
    await house.budgets.set(LEA, TEAM, Usd.of(100))
    broken = await ready(house)
    engine = writing_engine(parsed(database_url))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE rentals SET offer = '{}'"))
    await engine.dispose()

    other = await rent(house, replace(ADA, id=2))
    await house.budgets.watch()

    assert other.id != broken.id


async def test_a_budget_that_was_raised_meanwhile_ends_nothing(house: House) -> None:
    """The warning was enough."""
    await house.store.change_policy({"over_budget": '"end"'}, by=None)
    await house.budgets.set(LEA, HERS, Usd.of(5))
    rental = await ready(house)
    await spend(house, rental, "6")
    await told(house, rental)

    house.clock.turn(WARNING)
    await house.budgets.set(LEA, HERS, Usd.of(50))
    await house.budgets.watch()

    row = await house.store.rental(rental.id)
    assert row is not None
    assert row.released_at is None
