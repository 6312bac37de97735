"""`/spend` in chat: three columns, a picture, a table, and 100,000 entries."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text as sql

from bot.adapters.storage.engine import parsed, writing_engine
from bot.adapters.storage.store import SqlStore
from bot.client import Services
from bot.domain.access import Actor
from bot.domain.bills import Bill, Parts
from bot.domain.ledger import Entry, Kind
from bot.domain.money import Usd
from bot.domain.periods import Period
from bot.domain.rentals import ContractId, Reason, Rental, State
from bot.errors import Down
from bot.ports.books import Store
from bot.services.credit import Credit
from bot.services.policy import Policies
from bot.tasks import Wake
from tests.builders import an_instance, begun
from tests.cogs.conftest import Chat, text
from tests.cogs.market import FixedMarket
from tests.heavy_books import fill

HOUR = timedelta(hours=1)


async def billed(chat: Chat, rental: Rental, dollars: str) -> None:
    now = chat.clock.now()
    assert rental.contract is not None
    await chat.store.write_bill(
        Bill(
            rental_id=rental.id,
            contract=rental.contract,
            total=Usd.of(dollars),
            parts=Parts(gpu=Usd.of(dollars)),
            seen_at=now,
            changed_at=now,
        )
    )


async def attached(answer: Any) -> dict[str, bytes]:
    """The files of an answer by their names."""
    return {file.filename: await file.read() for file in answer.response.attachments}


pytestmark = pytest.mark.usefixtures("drawn")


async def test_quote_reckoning_and_bill_stand_side_by_side(chat: Chat) -> None:
    """Of each machine that Vast has billed, and of all of them together."""
    rental = await chat.ready(name="lesson")
    chat.clock.turn(2 * HOUR)
    await billed(chat, await chat.ended(rental), "0.461")

    shown = text((await chat.ada.slash(chat.channel, "spend")).response)

    assert "### $0.44 spent in November" in shown
    assert "-# quoted $0.44 · reckoned $0.44 · Vast $0.46" in shown
    assert "**1 machine that Vast has billed**" in shown
    assert "Quoted           $0.44\nReckoned         $0.44\nVast             $0.46" in shown
    assert "Vast charged $0.02 more than quoted." in shown


async def test_a_bill_that_is_not_whole_yet_is_held_against_nothing(chat: Chat) -> None:
    """Vast bills hours later: of a machine that runs, or has just ended, its figure is one so far,
    and no “less than quoted” is made of it."""
    rental = await chat.ready(name="lesson")
    chat.clock.turn(HOUR)
    await billed(chat, rental, "0.22")
    chat.clock.turn(HOUR)
    await chat.look(rental.id)

    runs = text((await chat.ada.slash(chat.channel, "spend")).response)
    await chat.ended(rental)
    ended = text((await chat.ada.slash(chat.channel, "spend")).response)
    await billed(chat, rental, "0.44")
    whole = text((await chat.ada.slash(chat.channel, "spend")).response)

    for shown in (runs, ended):
        assert "-# quoted $0.44 · reckoned $0.44 · Vast $0.22 so far" in shown
        assert "than quoted" not in shown
    assert "· Vast $0.44\n" in whole
    assert "**1 machine that Vast has billed**" in whole


async def test_a_picture_and_a_table_come_with_it(chat: Chat) -> None:
    """The table has every digit, and no name in it is a formula."""
    rental = await chat.ready(name="=HYPERLINK(1)")
    chat.clock.turn(2 * HOUR)
    await chat.ended(rental)

    answer = await chat.ada.slash(chat.channel, "spend", period="week")

    files = await attached(answer)
    assert files["spend.png"].startswith(b"\x89PNG")
    rows = list(csv.DictReader(io.StringIO(files["spend.csv"].decode())))
    assert {row["kind"]: row["dollars"] for row in rows} == {
        "gpu": "0.402000",
        "storage": "0.041640",
    }
    assert {row["name"] for row in rows} == {"'=HYPERLINK(1)"}
    assert {row["failed_try"] for row in rows} == {"no"}


async def test_a_span_holds_what_was_spent_in_it(chat: Chat) -> None:
    """Last month's machine is not this month's; the year has both."""
    rental = await chat.ready(name="old")
    chat.clock.turn(HOUR)
    await chat.ended(rental)
    chat.clock.turn(timedelta(days=20))

    this = text((await chat.ada.slash(chat.channel, "spend")).response)
    last = text((await chat.ada.slash(chat.channel, "spend", period="last month")).response)
    year = text((await chat.ada.slash(chat.channel, "spend", period="year")).response)

    assert "No machine was rented yet in December." in this
    assert "### $0.22 spent in November" in last
    assert "### $0.22 spent in a year" in year


async def test_failed_tries_are_in_it_and_marked(chat: Chat) -> None:
    """A machine that was replaced costs its rental's owner, and is told apart."""
    rental = await chat.ready()
    now = chat.clock.now()
    entry = Entry(
        rental_id=rental.id,
        contract=ContractId(404),
        kind=Kind.GPU,
        period_start=now,
        period_end=now + HOUR,
        amount=Usd.of("0.15"),
    )
    await chat.store.apply(await chat.again(rental.id), event="a try", entries=[entry])

    answer = await chat.ada.slash(chat.channel, "spend")

    assert "$0.15 of it for machines that failed" in text(answer.response)
    assert b",404,yes,gpu,0.150000" in (await attached(answer))["spend.csv"]


async def test_a_machine_that_is_gone_before_its_first_hour_was_booked_counts(chat: Chat) -> None:
    """Its row is closed, and its tab waits for the next look: there is nothing else of it yet."""
    rental = await chat.ready(name="lesson")
    now = chat.clock.turn(HOUR / 2)
    await chat.change(
        rental.id,
        state=State.CLOSED,
        reason=Reason.VANISHED,
        released_at=now,
        gone_at=now,
        closed_at=now,
        waived_by=rental.owner_id,
    )

    shown = text((await chat.ada.slash(chat.channel, "spend", period="today")).response)

    assert "### $0.11 spent today" in shown
    assert "lesson" in shown


async def test_a_row_that_cannot_be_read_is_left_out_and_that_is_said(
    chat: Chat, sqlite_url: str
) -> None:
    """The others are named, and the sum is whole."""
    broken = await chat.ready(name="broken")
    chat.clock.turn(timedelta(seconds=1))
    other = await chat.ready(name="lesson")
    chat.clock.turn(HOUR)
    for rental in (broken, other):
        await chat.look(rental.id)
    engine = writing_engine(parsed(sqlite_url))
    async with engine.begin() as connection:
        await connection.execute(
            sql("UPDATE rentals SET offer = '{}' WHERE id = :id"), {"id": broken.id}
        )
    await engine.dispose()

    shown = text((await chat.ada.slash(chat.channel, "spend")).response)

    assert "### $0.44 spent in November" in shown
    assert "lesson" in shown
    assert "1 machine cannot be read from our database and is not named here" in shown
    assert "what it cost, $0.22, is in the sum." in shown


async def test_where_no_row_can_be_read_no_table_is_named(chat: Chat, sqlite_url: str) -> None:
    """Discord refuses a card that names a file which is not there."""
    broken = await chat.ready()
    chat.clock.turn(HOUR)
    await chat.look(broken.id)
    engine = writing_engine(parsed(sqlite_url))
    async with engine.begin() as connection:
        await connection.execute(sql("UPDATE rentals SET offer = '{}'"))
    await engine.dispose()

    answer = await chat.ada.slash(chat.channel, "spend")

    assert "1 machine cannot be read from our database" in text(answer.response)
    assert "spend.csv" not in str(answer.response.components)


async def test_the_credit_is_in_it_or_that_it_is_not_known(
    chat: Chat, services: Services, market: FixedMarket
) -> None:
    """How long it lasts for everything on the account; an old look says how old."""
    await chat.ready()
    credit = watch(chat, market)
    services.spend._credit = credit

    before = text((await chat.ada.slash(chat.channel, "spend")).response)
    await credit.pass_once()
    idle = text((await chat.ada.slash(chat.channel, "spend")).response)
    market.listing = [an_instance(gpu_billed=True), an_instance(gpu_billed=True)]
    await credit.pass_once()
    burning = text((await chat.ada.slash(chat.channel, "spend")).response)
    market.trouble = Down("away")
    await credit.pass_once()
    old = text((await chat.ada.slash(chat.channel, "spend")).response)

    assert "Vast credit: not known yet" in before
    assert "Vast credit $100.00: nothing uses it." in idle
    assert "Vast credit $100.00: **6 d 13 h** at $0.636/h for 2 machines (2 not ours)." in burning
    assert f"As of <t:{int(chat.clock.now().timestamp())}:R>: it has not been readable" in old


def watch(chat: Chat, market: FixedMarket) -> Credit:
    return Credit(
        store=chat.store,
        market=market,
        policies=Policies(store=chat.store),
        clock=chat.clock,
        wake=Wake(),
        telling=Wake(),
    )


async def test_the_teams_spending_is_the_leads_to_see(chat: Chat) -> None:
    """Everybody's together."""
    await chat.ready()
    chat.clock.turn(HOUR)

    hers = text((await chat.lead.slash(chat.channel, "spend", team=True)).response)
    refused = text((await chat.ada.slash(chat.channel, "spend", team=True)).response)

    assert "### $0.22 spent by the team in November" in hers
    assert "Only leads see the whole team's spending." in refused


async def test_a_hundred_thousand_entries_are_summed_by_the_database(
    store: Store, services: Services
) -> None:
    """2,000 rentals of 50 entries; twenty are named and the rest counted, and weeks are drawn."""
    first = await begun(store)
    assert isinstance(store, SqlStore)
    await fill(store, first, rentals=2_000, entries=50)
    lead = Actor(id=9, guild_id=first.guild_id, name="lea", lead=True)

    report = await services.spend.report(lead, team=True, period=Period.YEAR)

    assert report.total == Usd.of(10_000)
    assert len(report.lines) == 20
    assert report.more_cost == Usd.of(10_000 - 20 * 5)
    assert report.picture is not None
    assert len(report.picture.days) == 53
    assert report.picture.series[-1].label == "6 others"
    drawn = Usd.sum(amount for one in report.picture.series for amount in one.amounts)
    assert drawn == report.total
