"""Rentals in the database: exact, begun once per quote, changed by one at a time."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from bot.adapters.storage.store import SqlStore
from bot.adapters.storage.tables import events, rentals
from bot.domain.budgets import TEAM, Scope, Subject
from bot.domain.forecasts import Forecast
from bot.domain.images import Image
from bot.domain.money import Usd
from bot.domain.offers import Sort, Wish
from bot.domain.omens import Omen, Sign
from bot.domain.prospects import Carried, Effect, Prospect
from bot.domain.rentals import (
    Address,
    ContractId,
    Phase,
    Reason,
    Rental,
    RentalId,
    State,
    Try,
)
from bot.errors import Stale, Store
from tests.builders import CHANNEL, GUILD, NOW, OWNER, SetClock, a_quote, a_rental, an_offer, begun

AT = NOW + timedelta(microseconds=123_456)
FULL = a_rental(
    name="fast.ai, Lektion 1 – «ü»",
    wish=Wish(
        gpu="RTX A5000",
        max_price=Usd.of("0.400001"),
        min_vram_gb=24,
        gpus=2,
        disk_gb=77,
        region="SE",
        sort=Sort.VALUE,
        offer_id=9_876_543_210,
    ),
    image=Image(
        name="own",
        reference="pytorch/pytorch:latest",
        note="ours",
        max_compute_cap=890,
        course="https://example.org/course",
        packages=("fastai", "fastbook"),
    ),
    offer=an_offer(reliability=Decimal("0.99743210000"), available_until=AT),
    hours=5,
)
FILLED = replace(
    FULL,
    version=1,
    state=State.CLOSED,
    attempt=2,
    sent_at=AT,
    tried=(20_000_001, 9_876_543_210),
    contract=ContractId(9_223_372_036_854_775_807),
    machine_id=24817,
    rates=replace(FULL.offer.rates, gpu_per_hour=Usd.of("0.297001")),
    phase=Phase.REACHABLE,
    phase_at=AT,
    detail="success, running vastai/pytorch",
    created_at=AT,
    running_at=AT,
    ready_at=AT,
    missing_since=AT,
    host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMq",
    addresses=(Address("203.0.113.7", 40022), Address("ssh5.vast.ai", 12044)),
    note="The course could not be fetched.",
    reason=Reason.RELEASED,
    ended_by=OWNER,
    released_at=AT,
    waived_by=OWNER + 1,
    destroyed_at=AT,
    absent_seen=2,
    gone_at=AT,
    closed_at=AT,
    settled_until=AT,
    next_at=AT,
    fails=3,
    save_asked_at=AT,
    archive_id="b2k7xq-0001",
    proven_at=AT,
    save_fails=1,
    save_next_at=NOW + timedelta(minutes=50),
    held="40 GB",
    held_at=NOW + timedelta(minutes=51),
    save_allowed="owner",
    ahead_id="ahead",
    ahead_at=NOW + timedelta(minutes=52),
    restore_id="c3m8yr-0002",
    restored_at=AT,
    omens=(
        Omen(sign=Sign.HOST_ENDS, since=AT, at=AT, detail="ü \x00"),
        Omen(sign=Sign.OFFLINE, since=AT),
    ),
    adopted_at=AT,
    replacing=True,
    proposal=an_offer(reliability=Decimal("0.9974321"), available_until=AT),
    proposed_until=AT,
    broken_since=AT,
    tries=(
        Try(
            number=1,
            offer=an_offer(),
            reason=Reason.NO_SSH,
            words="SSH: refuses connections.",
            began_at=AT,
            ended_at=AT,
            contract=ContractId(9_223_372_036_854_775_806),
            machine_id=24818,
            created_at=AT,
            running_at=AT,
            gone_at=AT,
            gpu=Usd(12),
            storage=Usd(3),
        ),
        Try(
            number=2,
            offer=an_offer(),
            reason=Reason.NO_OFFER,
            words="",
            began_at=AT,
            ended_at=AT,
        ),
    ),
    save_failed_at=AT,
    moves_from=RentalId("d4n9zs"),
    cleared_at=AT,
    address="f6q3bt",
    forecast=Forecast(
        bytes=20_000_000_001,
        disk_gb=30,
        takes=timedelta(seconds=754),
        download=Usd(400_001),
        upload=Usd(2),
        meanwhile=Usd(3),
    ),
    prospect=Prospect(
        until=AT,
        hours=Usd(930_001),
        archive=Carried(bytes=5_000_000_000, cost=Usd(3)),
        image=Carried(bytes=8_000_000_001, cost=Usd(0)),
        restore=Carried(bytes=20_000_000_001, cost=Usd(400_001)),
        moved=Usd(7),
        effects=(
            Effect(subject=TEAM, spent=Usd(12_400_000), most=Usd(15_300_001), limit=Usd.of(40)),
            Effect(subject=Subject(Scope.MEMBER, OWNER), spent=Usd(0), most=Usd(1)),
        ),
    ),
)


async def test_a_quote_comes_back_as_it_was(store: SqlStore) -> None:
    """What was shown is what is rented: every field, to the last decimal."""
    quote = a_quote(
        wish=FULL.wish,
        image=FULL.image,
        offer=FULL.offer,
        name="lesson",
        hours=3,
        made_at=AT,
        restore_id="c3m8yr-0002",
        moves_from=FILLED.moves_from,
        address=FILLED.address,
        forecast=FILLED.forecast,
        prospect=FILLED.prospect,
    )

    await store.add_quote(quote)

    assert await store.quote(quote.id) == quote
    assert await store.quote("unknown") is None


async def test_a_new_rental_comes_back_as_it_was(store: SqlStore) -> None:
    """Empty fields stay empty, and a Discord id keeps all its digits."""
    quote = a_quote()
    await store.add_quote(quote)
    rental = a_rental(quote)

    returned = await store.begin(rental, quote_id=quote.id)

    assert returned == rental
    assert await store.rental(rental.id) == rental
    assert (rental.guild_id, rental.channel_id, rental.owner_id) == (GUILD, CHANNEL, OWNER)
    assert await store.rental(RentalId("unknown")) is None


async def test_every_field_of_a_rental_is_stored(store: SqlStore) -> None:
    """A field that is added to `Rental` is added to the table, or this test says so."""
    rental = await begun(store, FULL)
    empty = [
        field.name
        for field in fields(FILLED)
        if field.name != "message_id" and getattr(FILLED, field.name) in (None, "", 0, ())
    ]

    written = await store.apply(replace(FILLED, id=rental.id), event="Close")

    assert empty == []
    assert written == replace(FILLED, version=2)
    assert await store.rental(rental.id) == written


async def test_a_time_of_another_zone_is_the_same_moment(store: SqlStore) -> None:
    """12:00+03:00 is 09:00 UTC on both databases; SQLite alone would make it 12:00."""
    east = datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=3)))
    rental = await begun(store)

    await store.apply(replace(rental, sent_at=east), event="Create")
    stored = await store.rental(rental.id)

    assert stored is not None
    assert stored.sent_at == east
    assert stored.sent_at.tzinfo is UTC
    assert stored.sent_at.hour == 9


async def test_a_time_without_a_zone_is_refused(store: SqlStore) -> None:
    """A naive time is a fault of ours and must not be guessed at."""
    rental = await begun(store)
    naive = NOW.replace(tzinfo=None)

    with pytest.raises(Store):
        await store.apply(replace(rental, sent_at=naive), event="Create")

    assert await store.rental(rental.id) == rental


async def test_text_that_a_database_cannot_hold_does_not_stop_a_rental(store: SqlStore) -> None:
    """A NUL or half a surrogate in a machine's message is replaced, in a price list kept."""
    rental = await begun(store)
    odd = replace(rental, detail="a\0b\ud800c", offer=replace(rental.offer, region="\0, SE"))

    await store.apply(odd, event="Wait")
    stored = await store.rental(rental.id)

    assert stored is not None
    assert stored.detail == "a�b�c"
    assert stored.offer.region == "\0, SE"


async def test_a_quote_becomes_one_rental(store: SqlStore) -> None:
    """A second press of the same button gives the first rental, as it is now."""
    quote = a_quote()
    await store.add_quote(quote)
    first = await store.begin(a_rental(quote), quote_id=quote.id)
    moved = await store.apply(replace(first, state=State.CREATING), event="Intend")

    again = await store.begin(a_rental(quote), quote_id=quote.id)

    assert again == moved
    assert await store.open_rentals() == [moved]


async def test_presses_at_the_same_moment_become_one_rental(store: SqlStore) -> None:
    """Of ten that come at once one is stored, and all ten get that one."""
    quote = a_quote()
    await store.add_quote(quote)

    got = await asyncio.gather(
        *(store.begin(a_rental(quote), quote_id=quote.id) for _ in range(10))
    )

    stored = await store.open_rentals()
    assert len(stored) == 1
    assert got == stored * 10
    assert len(await store.due(NOW)) == 1


async def test_an_id_that_is_taken_is_no_rental_of_somebody_else(store: SqlStore) -> None:
    """Ids are short and random: a clash is an error, not the other member's machine."""
    taken = await begun(store)
    quote = a_quote()
    await store.add_quote(quote)

    with pytest.raises(Store, match=taken.id):
        await store.begin(a_rental(quote, id=taken.id), quote_id=quote.id)


async def test_an_unknown_quote_begins_nothing(store: SqlStore) -> None:
    """Every rental has the quote that was agreed to."""
    with pytest.raises(Store) as caught:
        await store.begin(a_rental(), quote_id="unknown")

    assert caught.value.public == "Our database refused that change."
    assert await store.open_rentals() == []


async def test_a_change_raises_the_version(store: SqlStore) -> None:
    """Who writes gets back what is stored, with the version the next change must name."""
    rental = await begun(store)

    after = await store.apply(replace(rental, state=State.CREATING, attempt=1), event="Create")

    assert after == replace(rental, state=State.CREATING, attempt=1, version=2)
    assert await store.rental(rental.id) == after


async def test_a_change_of_an_old_version_is_stale(store: SqlStore) -> None:
    """The result of a look at an older row is dropped whole: no row, event, entry or notice."""
    rental = await begun(store)
    newer = await store.apply(replace(rental, attempt=1), event="Create")

    with pytest.raises(Stale) as caught:
        await store.apply(replace(rental, attempt=7), event="Create")

    assert caught.value.public == "This machine has just changed."
    assert await store.rental(rental.id) == newer
    assert [notice.version for notice in await store.due(NOW)] == [2]


async def test_of_changes_at_the_same_moment_one_holds(store: SqlStore) -> None:
    """Twenty of one version: one is written, nineteen are told to look again."""
    rental = await begun(store)

    results = await asyncio.gather(
        *(store.apply(replace(rental, fails=n), event="Wait") for n in range(1, 21)),
        return_exceptions=True,
    )

    written = [result for result in results if isinstance(result, Rental)]
    assert len(written) == 1
    assert sum(isinstance(result, Stale) for result in results) == 19
    assert await store.rental(rental.id) == written[0]


async def test_no_change_is_lost_between_reading_and_writing(store: SqlStore) -> None:
    """200 increments by four writers who read, add and try again end at exactly 200."""
    rental = await begun(store)

    async def add(times: int) -> None:
        while times:
            seen = await store.rental(rental.id)
            assert seen is not None
            try:
                await store.apply(replace(seen, fails=seen.fails + 1), event="Wait", notify=False)
            except Stale:
                continue
            times -= 1

    await asyncio.gather(*(add(50) for _ in range(4)))

    stored = await store.rental(rental.id)
    assert stored is not None
    assert (stored.fails, stored.version) == (200, 201)


async def test_every_change_leaves_an_event(store: SqlStore, clock: SetClock) -> None:
    """The log of a rental says what happened, when, and in which state that left it."""
    rental = await begun(store)
    later = clock.turn(timedelta(minutes=1))
    await store.apply(replace(rental, state=State.CREATING), event="Intend")

    async with store._database.reading() as connection:
        rows = (await connection.execute(select(events).order_by(events.c.version))).all()

    assert [tuple(row) for row in rows] == [
        (rental.id, 1, NOW, "requested", "requested"),
        (rental.id, 2, later, "creating", "Intend"),
    ]


async def test_the_id_of_a_card_survives_a_change_that_did_not_know_it(store: SqlStore) -> None:
    """The card is posted while a pass is under way: the pass must not forget the card."""
    rental = await begun(store)

    await store.card_posted(rental.id, 1234567890123456789)
    after = await store.apply(replace(rental, attempt=1), event="Create")

    assert after.message_id == 1234567890123456789
    assert await store.rental(rental.id) == after
    assert after.version == 2


async def test_open_rentals_come_oldest_first(store: SqlStore) -> None:
    """Whoever asked first is looked after first; what is closed is left alone."""
    young = await begun(store, requested_at=NOW + timedelta(hours=1))
    old = await begun(store, requested_at=NOW - timedelta(hours=1))
    closed = await begun(store)
    await store.apply(replace(closed, state=State.CLOSED, closed_at=NOW), event="Close")

    assert await store.open_rentals() == [old, young]


async def test_a_members_rentals_come_newest_first(store: SqlStore) -> None:
    """Bounded by server, member, time and number; closed ones are among them."""
    first = await begun(store, requested_at=NOW - timedelta(days=2))
    second = await begun(store, requested_at=NOW - timedelta(days=1))
    third = await begun(store, requested_at=NOW)
    third = await store.apply(replace(third, state=State.CLOSED, closed_at=NOW), event="Close")
    other = await begun(store, owner_id=OWNER + 1, requested_at=NOW - timedelta(hours=30))
    await begun(store, guild_id=GUILD + 1)

    assert await store.rentals_of(GUILD, OWNER) == [third, second, first]
    assert await store.rentals_of(GUILD, None) == [third, second, other, first]
    assert await store.rentals_of(GUILD, OWNER, limit=1) == [third]
    assert await store.rentals_of(GUILD, OWNER, only_open=True) == [second, first]
    assert await store.rentals_of(GUILD, OWNER, since=second.requested_at) == [third, second]
    assert await store.rentals_of(GUILD, OWNER + 2) == []


READY = {"ready_at": NOW, "contract": ContractId(31_000_001)}


@pytest.mark.parametrize("state", [State.DESTROYING, State.CLOSED])
@pytest.mark.parametrize("reason", [Reason.RELEASED, None])
async def test_work_is_not_destroyed_without_a_word(
    store: SqlStore, state: State, reason: Reason | None
) -> None:
    """The database itself refuses to end a machine that was ready and whose work nobody waived."""
    rental = await begun(store)
    ended = replace(rental, state=state, reason=reason, gone_at=NOW, closed_at=NOW, **READY)

    with pytest.raises(Store) as caught:
        await store.apply(ended, event="Destroy")

    assert caught.value.public == "Our database refused that change."
    assert "ck_rentals_work_given_up" in str(caught.value)
    assert await store.rental(rental.id) == rental


@pytest.mark.parametrize(
    "known",
    [
        {"reason": Reason.RELEASED, "waived_by": OWNER, **READY},
        {"reason": Reason.VANISHED, **READY},
        {"reason": Reason.TOO_SLOW, "contract": ContractId(31_000_001)},
    ],
    ids=["waived", "vanished", "never ready"],
)
async def test_a_machine_whose_work_is_accounted_for_may_end(
    store: SqlStore, known: dict[str, object]
) -> None:
    """Its owner gave the work up, it is gone already, or there was none."""
    rental = await begun(store)

    after = await store.apply(replace(rental, state=State.DESTROYING, **known), event="Destroy")

    assert after.state is State.DESTROYING


async def test_a_rental_with_a_machine_is_not_closed_before_that_is_gone(store: SqlStore) -> None:
    """Only being seen gone closes a row; a row that never had a machine closes freely."""
    rental = await begun(store)
    early = replace(rental, state=State.CLOSED, contract=ContractId(31_000_001), closed_at=NOW)

    with pytest.raises(Store, match="ck_rentals_closed_when_gone"):
        await store.apply(early, event="Close")


async def test_two_open_rentals_cannot_claim_one_machine(store: SqlStore) -> None:
    """A machine is paid for once; of two open rows that own it one would end the other's."""
    one, other = await begun(store), await begun(store)
    contract = ContractId(31_000_001)
    one = await store.apply(replace(one, contract=contract), event="Adopt")

    with pytest.raises(Store):
        await store.apply(replace(other, contract=contract), event="Adopt")

    closed = replace(one, state=State.CLOSED, gone_at=NOW, closed_at=NOW)
    await store.apply(closed, event="Close")
    after = await store.apply(replace(other, contract=contract), event="Adopt")
    assert after.contract == contract


async def test_every_value_the_code_knows_may_be_stored(store: SqlStore) -> None:
    """A value that is added to an enum needs a migration of its CHECK; autogenerate sees none."""
    for value in (*State, *Phase, *Reason):
        rental = await begun(store)
        field = type(value).__name__.lower()

        after = await store.apply(replace(rental, **{field: value}), event="Wait")

        assert await store.rental(rental.id) == after


async def test_a_state_the_code_does_not_know_is_refused(store: SqlStore) -> None:
    """The list of states is in the database too."""
    rental = await begun(store)

    with pytest.raises(Store):
        async with store._database.writing() as connection:
            await connection.execute(rentals.update().values(state="lost"))

    assert await store.rental(rental.id) == rental


async def test_a_cancelled_writer_leaves_the_way_free(store: SqlStore) -> None:
    """SQLite has one writing connection: whoever is cancelled inside must not take it along."""
    rental = await begun(store)

    for step in range(40):
        task = asyncio.create_task(
            store.apply(replace(rental, fails=step), event="Wait", notify=False)
        )
        for _ in range(step):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        rental = await store.rental(rental.id) or rental

    after = await asyncio.wait_for(store.apply(replace(rental, fails=99), event="Wait"), 30)
    async with store._database.reading() as connection:
        logged = (await connection.execute(select(func.count()).select_from(events))).scalar_one()
    assert await store.rental(rental.id) == after
    assert logged == after.version
