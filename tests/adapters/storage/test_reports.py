"""Reports over both databases: each is settled once, with its words, whoever tries again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, time, timedelta

from bot.domain.bulletins import Audience, Bulletin
from bot.domain.money import Usd
from bot.domain.pictures import Picture, Series
from bot.domain.reports import Due, daily
from bot.ports.books import Store
from tests.builders import CHANNEL, GUILD, NOW, a_quote, a_rental, begun

TOLD = Bulletin(
    key="report/daily/1/2026-11-22",
    title="Yesterday",
    text="Nobody did anything.",
    audience=Audience.TEAM,
    guild_id=1,
    picture=Picture(
        title="A day", days=(NOW.date(),), series=(Series("李雷", (Usd(5),)),), before=(Usd(6),)
    ),
)


def digest() -> Due:
    due = daily(time(9), NOW, UTC)
    assert due is not None
    return due


async def test_who_settles_a_report_second_changes_nothing(store: Store) -> None:
    """Not even with other words: what was sent is not edited by a restart."""
    assert not await store.settled(1, digest())

    assert await store.settle(1, digest(), TOLD)
    assert not await store.settle(1, digest(), replace(TOLD, text="Other words."))

    assert await store.settled(1, digest())
    assert await store.bulletin(TOLD.key) == TOLD
    (posting,) = await store.due_bulletins(NOW)
    assert posting.version == 1


async def test_a_day_that_was_silent_stays_settled(store: Store) -> None:
    """For this server and this day alone."""
    await store.settle(1, digest(), None)

    assert not await store.settle(1, digest(), TOLD)
    assert await store.bulletins("report/") == []
    assert not await store.settled(2, digest())
    assert not await store.settled(1, replace(digest(), day=NOW.date() + timedelta(days=1)))


async def test_servers_that_rent_and_where_they_did_last(store: Store) -> None:
    """Each has its own newest place."""
    await begun(store)
    quote = a_quote(guild_id=GUILD + 1, channel_id=CHANNEL + 1, made_at=NOW - timedelta(days=1))
    await store.add_quote(quote)
    await store.begin(a_rental(quote), quote_id=quote.id)

    assert sorted(await store.renting_guilds()) == [GUILD, GUILD + 1]
    assert await store.leads_place() == (GUILD, CHANNEL)
    assert await store.leads_place(GUILD + 1) == (GUILD + 1, CHANNEL + 1)
