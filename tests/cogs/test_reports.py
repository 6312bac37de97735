"""The team's reports in chat: where they stand, their picture, and what a lead sees before."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from simcord.components import walk_components

from bot.adapters.charts.bars import BarCharts
from bot.adapters.discord.bulletins import DiscordBoard
from bot.domain.money import Usd
from bot.domain.pictures import Picture, Series
from bot.services.bulletins import Bulletins
from bot.services.policy import Policies
from bot.services.reports import Reports
from bot.tasks import Wake
from cogs.ui import bulletins as bulletin_cards
from tests.builders import NOW
from tests.cogs.conftest import Chat, text

MONDAY = NOW.replace(day=23, hour=9)


@pytest.fixture(autouse=True)
async def _loaded() -> None:
    """The first picture loads the library, for which the pretend Discord has no patience."""
    day = Series("a", (Usd(1),))
    await BarCharts().draw(Picture(title="a", days=(NOW.date(),), series=(day,)))


async def report(chat: Chat) -> int:
    """A round of the reports and one of the bulletins, as a process that has just begun."""
    policies = Policies(store=chat.store)
    reports = Reports(store=chat.store, policies=policies, clock=chat.clock, telling=Wake())
    await reports.look()
    board = DiscordBoard(client=chat.env.bot, render=bulletin_cards.bulletin)
    told = Bulletins(
        store=chat.store,
        board=board,
        news=Wake(),
        clock=chat.clock,
        policies=policies,
        charts=BarCharts(),
    )
    return await told.deliver()


async def a_day(chat: Chat) -> None:
    """Ada works for two hours on Sunday afternoon."""
    rental = await chat.ready(name="lesson")
    chat.clock.turn(timedelta(hours=2))
    await chat.look(rental.id)
    await chat.ended(await chat.again(rental.id))
    chat.clock.at = MONDAY


def described(message: Any) -> list[str]:
    """What the galleries of a message say to whoever cannot see them."""
    parts = [part.to_dict() for part in message.components]
    return [
        item.get("description") or ""
        for part in walk_components(parts)
        for item in part.get("items") or ()
    ]


async def test_digest_and_report_stand_in_the_channel_once(chat: Chat) -> None:
    """The week's with its picture, which is also said in words."""
    await a_day(chat)
    before = len(chat.cards)

    assert await report(chat) == 2
    assert await report(chat) == 0

    digest, week = sorted(chat.cards[before:], key=lambda one: "Last week" in text(one))
    assert "### Yesterday: $0.44 spent\nBy:\nAda: $0.44 on 1 machine" in text(digest)
    assert "### Last week: $0.44 spent" in text(week)
    assert "🟦 Ada: $0.44 on 1 machine" in text(week)
    (file,) = week.attachments
    assert file.filename == "report.png"
    assert (await file.read()).startswith(b"\x89PNG")
    (said,) = described(week)
    assert said.startswith("$0.44 last week: $0.44 in all, most on 22 November")


async def test_leads_choose_the_reports_channel_and_may_have_none(chat: Chat) -> None:
    """The values are in /settings like all others."""
    other = chat.guild.create_text_channel("money")
    await a_day(chat)
    await chat.store.change_policy(
        {"reports_channel": f'"{other.id}"', "weekly": "null"}, by=chat.lead.id
    )
    before = len(chat.cards)

    assert await report(chat) == 1

    assert len(chat.cards) == before
    (digest,) = other.history()
    assert "Yesterday: $0.44 spent" in text(digest)


async def test_a_report_never_goes_to_another_server(chat: Chat) -> None:
    """Though that channel was chosen: what a team spends is its own affair."""
    strange = chat.env.create_guild("Others").create_text_channel("public")
    await a_day(chat)
    await chat.store.change_policy({"reports_channel": f'"{strange.id}"'}, by=chat.lead.id)
    before = len(chat.cards)

    await report(chat)

    assert strange.history() == []
    assert len(chat.cards) == before + 2


async def test_where_no_files_may_be_sent_the_words_still_come(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Attach Files Discord refuses the whole message."""
    await a_day(chat)
    send = discord.abc.Messageable.send

    async def refuse_files(self: Any, *args: Any, **more: Any) -> Any:
        if more.get("files"):
            answer = SimpleNamespace(status=403, reason="Forbidden")
            raise discord.Forbidden(answer, "Missing Permissions")  # type: ignore[arg-type]
        return await send(self, *args, **more)

    monkeypatch.setattr(discord.abc.Messageable, "send", refuse_files)

    assert await report(chat) == 2

    (week,) = (one for one in chat.cards if "### Last week: $0.44 spent" in text(one))
    assert week.attachments == []


async def test_a_lead_sees_the_week_before_it_is_due(chat: Chat) -> None:
    """Below the team's spending, in private; a member has no such button."""
    rental = await chat.ready(name="lesson")
    chat.clock.turn(timedelta(hours=2))
    await chat.look(rental.id)
    team = await chat.lead.slash(chat.channel, "spend", team=True)

    shown = await chat.lead.click(team.response, label="Show the week's report")

    assert shown.ephemeral
    assert "### The last seven days: $0.44 spent" in text(shown.response)
    assert "🟦 Ada: $0.44 on 1 machine" in text(shown.response)
    assert [file.filename for file in shown.response.attachments] == ["spend.png"]
    own = await chat.ada.slash(chat.channel, "spend")
    assert "Show the week's report" not in text(own.response)


async def test_the_teams_picture_has_a_key_for_every_script(chat: Chat) -> None:
    """The picture leaves out what it has no letters for; Discord shows all."""
    name = await chat.store.rental((await chat.ready()).id)
    assert name is not None
    chat.clock.turn(timedelta(hours=2))
    await chat.look(name.id)
    await chat.change(name.id, owner_name="李雷 🦊")

    team = await chat.lead.slash(chat.channel, "spend", team=True)

    assert "🟦 李雷 🦊 $0.44" in text(team.response)
