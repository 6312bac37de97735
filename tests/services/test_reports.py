"""The team's reports from real books: once each, over restarts, missed hours and other servers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain import tabs
from bot.domain.access import Actor
from bot.domain.bulletins import Bulletin
from bot.domain.ledger import Entry, Kind
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Phase, Reason, Rental, RentalId, State, Status
from bot.errors import NotYours
from bot.ports.books import Store
from bot.services.policy import Policies
from bot.services.reports import Reports
from bot.tasks import Wake
from tests.builders import GUILD, NOW, SetClock, a_quote, a_rental, an_instance, an_offer

HOUR = timedelta(hours=1)
LEA = Actor(id=9, guild_id=GUILD, name="lea", lead=True)
MONDAY = datetime.fromisoformat("2026-11-23T09:00Z")


@pytest.fixture
def reports(store: Store, clock: SetClock) -> Reports:
    return anew(store, clock)


def anew(store: Store, clock: SetClock) -> Reports:
    """A process that begins: nothing in memory, the same rows."""
    return Reports(store=store, policies=Policies(store=store), clock=clock, telling=Wake())


async def rented(store: Store, number: int = 1, **changes: object) -> Rental:
    """A machine of somebody's that is ready, since NOW, which is a Sunday at noon."""
    quote = a_quote(
        owner_id=number,
        owner_name=f"Member {number}",
        offer=an_offer(gpu_name="RTX 4090"),
        **changes,
    )
    await store.add_quote(quote)
    row = replace(
        a_rental(quote),
        state=State.READY,
        phase=Phase.REACHABLE,
        contract=ContractId(number),
        created_at=NOW,
        running_at=NOW,
        ready_at=NOW,
    )
    return await store.begin(row, quote_id=quote.id)


async def book(store: Store, rental: Rental, dollars: str, at: datetime = NOW) -> None:
    entry = Entry(
        rental_id=rental.id,
        contract=rental.contract or ContractId(0),
        kind=Kind.GPU,
        period_start=at,
        period_end=at + HOUR,
        amount=Usd.of(dollars),
    )
    row = await store.rental(rental.id)
    assert row is not None
    await store.apply(row, event="booked by a test", entries=[entry])


async def ended(store: Store, rental: Rental, at: datetime, reason: Reason) -> None:
    row = await store.rental(rental.id)
    assert row is not None
    gone = replace(
        row,
        state=State.CLOSED,
        reason=reason,
        waived_by=1,
        released_at=at,
        gone_at=at,
        closed_at=at,
    )
    await store.apply(gone, event="ended by a test")


async def told(store: Store) -> dict[str, Bulletin]:
    return {one.key: one for one in await store.bulletins("report/")}


async def test_each_report_is_written_once_over_restarts(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """On Monday both; an hour later, and in another process, neither."""
    await book(store, await rented(store), "4")
    clock.at = MONDAY

    assert await reports.look() == 2
    assert await reports.look() == 0
    clock.turn(HOUR)
    assert await anew(store, clock).look() == 0

    found = await told(store)
    assert set(found) == {
        f"report/daily/{GUILD}/2026-11-23",
        f"report/weekly/{GUILD}/2026-11-23",
    }
    assert found[f"report/daily/{GUILD}/2026-11-23"].title == "Yesterday: $4.00 spent"


async def test_a_missed_report_is_written_late_and_only_the_newest(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """Down from Sunday to Wednesday evening: Wednesday's digest, and the week's report."""
    await book(store, await rented(store), "4")
    clock.at = datetime.fromisoformat("2026-11-25T21:00Z")

    await reports.look()
    clock.at = datetime.fromisoformat("2026-11-26T08:59Z")
    await reports.look()

    days = await told(store)
    assert [one for one in days if "daily" in one] == []  # nothing ran on Tuesday
    assert [one for one in days if "weekly" in one] == [f"report/weekly/{GUILD}/2026-11-23"]


async def test_a_day_with_nothing_to_say_stays_silent_for_good(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """What happens after the hour of the digest belongs to the next one."""
    quiet = await rented(store)
    await ended(store, quiet, NOW, Reason.RELEASED)
    clock.at = MONDAY
    await reports.look()

    await book(store, await rented(store, 2), "5", MONDAY + HOUR)
    clock.at = MONDAY + 5 * HOUR
    await reports.look()
    assert await told(store) == {}

    clock.at = MONDAY + 24 * HOUR
    await reports.look()
    assert [one.title for one in (await told(store)).values()] == ["Yesterday: $5.00 spent"]


async def test_another_zone_tells_no_day_twice(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """The calendar's day is the key, wherever its nine o'clock is."""
    await book(store, await rented(store), "4")
    clock.at = MONDAY
    await reports.look()
    await store.change_policy({"zone": '"America/New_York"'}, by=None)

    clock.at = MONDAY + 6 * HOUR
    await reports.look()

    assert len(await told(store)) == 2


async def test_reports_can_be_put_off_and_turned_off(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """By policy, and by the team's quiet hours."""
    await book(store, await rented(store), "4")
    await store.change_policy({"weekly": "null", "quiet": '"20:00-10:00"'}, by=None)
    clock.at = MONDAY
    assert await reports.look() == 0

    clock.turn(HOUR)
    assert await reports.look() == 1
    assert len(await told(store)) == 1


async def test_a_server_reads_of_its_own_machines_only(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """Another server's are another team's."""
    await book(store, await rented(store), "4")
    await book(store, await rented(store, 2, guild_id=GUILD + 1), "7")
    clock.at = MONDAY

    await reports.look()

    titles = {key.split("/")[2]: one.title for key, one in (await told(store)).items()}
    assert titles[str(GUILD)] == "Last week: $4.00 spent"
    assert titles[str(GUILD + 1)] == "Last week: $7.00 spent"


async def test_a_week_tells_who_what_trend_saving_and_what_stands_still(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """From the books, the tabs of machines and the rows of those that ended."""
    first = await rented(store, 1)
    await book(store, first, "6", NOW - timedelta(days=2))
    await book(store, first, "8", NOW - timedelta(days=8))
    second = await rented(store, 2)
    await book(store, second, "2", NOW)
    await ended(store, second, NOW + 3 * HOUR, Reason.IDLE)
    stopped = an_instance(first, status=Status.STOPPED, created_at=NOW, running_since=None)
    assert first.contract is not None
    await store.write_tab(tabs.opened(first, first.contract, stopped, NOW))
    clock.at = MONDAY

    await reports.look()

    week = (await told(store))[f"report/weekly/{GUILD}/2026-11-23"]
    assert week.title == "Last week: $8.00 spent"
    assert week.text.startswith("As much as the week before ($8.00).")
    assert "🟦 Member 1: $6.00 on 1 machine\n🟧 Member 2: $2.00 on 1 machine" in week.text
    assert "RTX 4090: $8.00 on 2 machines" in week.text
    assert "Stopped, and their disks still cost:\nRTX 4090 of Member 1, $0.021/h" in week.text
    saved = second.per_hour.times(18)  # from three in the afternoon to nine
    assert f"About {saved} saved by ending 1 idle machine" in week.text
    assert week.picture is not None
    assert [one.label for one in week.picture.series] == ["Member 1", "Member 2"]
    assert week.picture.total == Usd.of(8)
    assert Usd.sum(week.picture.before) == Usd.of(8)


async def test_a_lead_reads_the_week_so_far(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """With what is not booked yet; nothing is settled by looking, and members do not look."""
    rental = await rented(store)
    running = an_instance(rental, created_at=NOW, running_since=NOW)
    assert rental.contract is not None
    clock.at = NOW + HOUR / 2
    tab = tabs.opened(rental, rental.contract, running, NOW)
    tab, entries = tabs.read(tab, running, clock.now())
    await store.write_tab(tab, entries)

    week = await reports.week_so_far(LEA)

    half = Usd(rental.per_hour.micros // 2)
    assert week.title == f"The last seven days: {half} spent"
    assert week.picture is not None
    assert abs(week.picture.total.micros - half.micros) <= 2
    assert await told(store) == {}
    with pytest.raises(NotYours):
        await reports.week_so_far(replace(LEA, lead=False))


async def test_a_row_that_cannot_be_read_keeps_no_report_back(
    store: Store, clock: SetClock, reports: Reports
) -> None:
    """An id without a rental has no kind, and its dollars still have an owner."""
    rental = await rented(store)
    await book(store, rental, "4")

    assert await store.kinds([rental.id, RentalId("nobody")]) == {rental.id: "RTX 4090"}
