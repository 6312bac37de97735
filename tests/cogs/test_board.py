"""`/board` in chat: one live message a channel, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
import pytest

from bot.adapters.discord.boards import DiscordPanels
from bot.adapters.storage.store import open_store
from bot.client import Services
from bot.domain.boards import APART, REFRESH
from bot.domain.budgets import TEAM, Budget, Scope, Subject
from bot.domain.idle_memory import Asking, Question, begin
from bot.domain.letters import Kind, Writing
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Phase, Rental, State
from bot.domain.standing import Name, Report
from bot.errors import Down
from bot.ports.books import Store
from bot.services.account import AccountWatch
from bot.services.boards import COUNT_EVERY, BoardKeeper
from bot.services.budgets import Budgets
from bot.services.credit import Credit
from bot.services.policy import Policies
from bot.tasks import Wake
from cogs.ui import boards as cards
from tests.builders import NOW, SetClock, a_quote, a_rental, an_instance, an_offer
from tests.cogs.conftest import Chat, text
from tests.cogs.market import FixedMarket

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def store(database_url: str, clock: SetClock) -> AsyncIterator[Store]:
    """Here on each kind of database."""
    async with open_store(database_url, clock=clock) as opened:
        yield opened


@pytest.fixture
def credit(services: Services, store: Store, market: FixedMarket, clock: SetClock) -> Credit:
    policies = Policies(store=store)
    return Credit(
        store=store, market=market, policies=policies, clock=clock, wake=Wake(), telling=Wake()
    )


@pytest.fixture
def keeper(chat: Chat, credit: Credit) -> BoardKeeper:
    return anew(chat, credit)


def anew(chat: Chat, credit: Credit) -> BoardKeeper:
    """A process that begins: nothing in memory, the same rows."""
    return BoardKeeper(
        store=chat.store,
        panels=DiscordPanels(client=chat.env.bot, render=cards.card, said=cards.said),
        budgets=Budgets(store=chat.store, clock=chat.clock, wake=Wake(), news=Wake()),
        credit=credit,
        account=AccountWatch(),
        policies=Policies(store=chat.store),
        clock=chat.clock,
        hung=Wake(),
    )


async def machine(chat: Chat, number: int = 1, **changes: Any) -> Rental:
    """Somebody's machine that is ready, without the way there."""
    quote = a_quote(
        guild_id=chat.guild.id,
        channel_id=chat.channel.id,
        owner_id=chat.ada.id,
        owner_name="Ada",
        offer=an_offer(gpu_name="RTX 4090"),
        name=changes.pop("name", None),
    )
    await chat.store.add_quote(quote)
    now = chat.clock.now()
    row = replace(
        a_rental(quote),
        state=State.READY,
        phase=Phase.REACHABLE,
        contract=ContractId(number),
        created_at=now,
        running_at=now,
        ready_at=now,
    )
    return await chat.store.begin(replace(row, **changes), quote_id=quote.id)


async def put_up(chat: Chat, keeper: BoardKeeper) -> discord.Message:
    await chat.ada.slash(chat.channel, "board")
    assert await keeper.look() == 1
    return chat.cards[-1]


def edits(chat: Chat) -> int:
    """How often a message in the channel was edited."""
    path = f"/channels/{chat.channel.id}/messages/"
    return sum(one.method == "PATCH" and path in one.path for one in chat.env.http_requests)


async def test_an_empty_board_says_how_to_begin(chat: Chat, keeper: BoardKeeper) -> None:
    """In the channel, for all; who asked gets a private word."""
    answer = await chat.ada.slash(chat.channel, "board")
    assert answer.ephemeral
    assert "The board comes to the end of this channel" in text(answer.response)

    await keeper.look()

    (shown,) = chat.cards
    assert "### No machines" in text(shown)
    assert "/offers shows machines with their whole price." in text(shown)


async def test_the_board_says_who_runs_what_at_what_price(
    chat: Chat, keeper: BoardKeeper, credit: Credit, market: FixedMarket
) -> None:
    """And how each is used, what is used of the budgets, and how long the credit lasts."""
    rental = await machine(chat, name="lesson")
    market.listing = [an_instance(rental)]
    market.credit = Usd.of("6.36")
    await credit.pass_once()
    for subject in (TEAM, Subject(Scope.MEMBER, chat.ada.id)):
        limit = Budget(subject=subject, amount=Usd.of(40), set_by=1, set_at=NOW)
        await chat.store.set_budget(chat.guild.id, limit)
    quiet = Report(NOW, Name.QUIET)
    await chat.store.remember(rental.id, begin(NOW), version=0, report=quiet)
    chat.clock.turn(30 * MINUTE)

    shown = text(await put_up(chat, keeper))

    assert "### 1 machine · $0.318/h" in shown
    since = f"<t:{int(NOW.timestamp())}:R>"
    line = f"- <@{chat.ada.id}> **lesson** · RTX 4090 · $0.318/h · **idle since {since}**"
    assert line in shown.splitlines()
    assert "**The team** · $0.00 of $40.00 used" in shown
    assert f"**<@{chat.ada.id}>**" not in shown  # her own budget is her own affair
    assert "Vast credit $6.36: **20 h** at $0.318/h for 1 machine." in shown


async def test_a_change_shows_within_seconds_in_the_same_message(
    chat: Chat, keeper: BoardKeeper
) -> None:
    """But not more often than Discord likes; what happened meanwhile is in one edit."""
    board = await put_up(chat, keeper)
    chat.clock.turn(APART - timedelta(seconds=1))
    await machine(chat, 1, name="one")
    await machine(chat, 2, name="two")
    assert await keeper.look() == 0

    chat.clock.turn(timedelta(seconds=1))
    assert await keeper.look() == 1

    (shown,) = chat.cards
    assert shown.id == board.id
    assert "### 2 machines" in text(shown)
    assert "**two**" in text(shown)
    assert edits(chat) == 1
    chat.clock.turn(APART)
    assert await keeper.look() == 0


async def test_figures_alone_are_written_anew_each_minute_at_most(
    chat: Chat, keeper: BoardKeeper, credit: Credit, market: FixedMarket
) -> None:
    """The credit is another at each look."""
    await put_up(chat, keeper)
    market.credit = Usd.of(17)
    await credit.pass_once()
    chat.clock.turn(REFRESH - timedelta(seconds=1))
    assert await keeper.look() == 0

    chat.clock.turn(timedelta(seconds=1))

    assert await keeper.look() == 1
    assert "Vast credit $17.00" in text(chat.cards[0])


async def test_a_restart_sends_no_second_board_and_misses_no_change(
    chat: Chat, keeper: BoardKeeper, credit: Credit
) -> None:
    """What it says and where is on its row."""
    await put_up(chat, keeper)
    chat.clock.turn(APART)
    again = anew(chat, credit)
    await credit.pass_once()
    assert await again.look() == 0

    await machine(chat)
    await again.look()

    (shown,) = chat.cards
    assert "### 1 machine" in text(shown)


async def test_asked_for_again_it_moves_to_the_end_of_the_channel(
    chat: Chat, keeper: BoardKeeper
) -> None:
    """The message before it is gone; there is one board a channel."""
    first = await put_up(chat, keeper)
    await chat.ready(name="between")

    second = await put_up(chat, keeper)

    assert second.id > first.id
    assert [one.id for one in chat.cards if "machine" in text(one)] == [second.id]
    assert first.id not in [one.id for one in chat.cards]
    (row,) = await chat.store.boards()
    assert (row.message_id, row.earlier_id) == (second.id, None)


async def test_a_deleted_board_stays_deleted_until_it_is_asked_for(
    chat: Chat, keeper: BoardKeeper
) -> None:
    """Whoever deletes it wants none."""
    board = await put_up(chat, keeper)
    chat.env.backend.delete_message(chat.channel.id, board.id)
    chat.clock.turn(APART)
    await machine(chat)

    await keeper.look()

    assert chat.cards == []
    assert await chat.store.boards() == []
    await put_up(chat, keeper)
    assert len(chat.cards) == 1


async def test_where_the_bot_may_not_write_the_command_says_so(chat: Chat) -> None:
    """And nothing is put up."""
    closed = chat.guild.create_text_channel(
        "closed", overwrites={chat.guild.me: discord.PermissionOverwrite(send_messages=False)}
    )

    answer = text((await chat.ada.slash(closed, "board")).response)

    assert "I may not write in this channel, so the board could not appear here." in answer
    assert await chat.store.boards() == []


async def test_a_right_that_comes_back_brings_the_board_back(
    chat: Chat, keeper: BoardKeeper
) -> None:
    """Meanwhile it waits, longer each time."""
    board = await put_up(chat, keeper)
    chat.clock.turn(APART)
    await machine(chat)
    path = f"/channels/{chat.channel.id}/messages*"
    chat.env.inject_error("PATCH", path, status=403, code=50013)
    assert await keeper.look() == 0
    (waiting,) = await chat.store.boards()
    assert waiting.tries == 1
    assert await keeper.look() == 0  # not before its time

    chat.clock.turn(MINUTE)

    assert await keeper.look() == 1
    assert "### 1 machine" in text(next(one for one in chat.cards if one.id == board.id))


async def test_a_channel_that_is_gone_takes_its_board_along(
    chat: Chat, keeper: BoardKeeper
) -> None:
    """Nobody asks Discord about it for ever."""
    await put_up(chat, keeper)
    chat.clock.turn(timedelta(hours=1))
    path = f"/channels/{chat.channel.id}/messages*"
    chat.env.inject_error("PATCH", path, status=404, code=10003)

    await keeper.look()

    assert await chat.store.boards() == []


async def test_a_try_whose_answer_was_lost_is_found_again(chat: Chat, keeper: BoardKeeper) -> None:
    """There is one message, and it is the board."""
    board = await put_up(chat, keeper)
    (row,) = await chat.store.boards()
    lost = replace(row, message_id=None, shown_at=None, tries=1)
    panels = DiscordPanels(client=chat.env.bot, render=cards.card, said=cards.said)
    scene = await keeper._scene(chat.guild.id, [])

    assert await panels.show(lost, scene) == board.id
    assert len(chat.cards) == 1


async def test_another_servers_machines_are_not_on_it(chat: Chat, keeper: BoardKeeper) -> None:
    """A board shows the machines of the server it stands in."""
    await machine(chat, guild_id=chat.guild.id + 1)

    assert "### No machines" in text(await put_up(chat, keeper))


@pytest.mark.parametrize("count", [1, 30, 60])
async def test_any_number_of_machines_fits(chat: Chat, keeper: BoardKeeper, count: int) -> None:
    """Whatever the names; Discord refuses a message that is too long, and the rest is counted."""
    for number in range(count):
        rental = await machine(chat, number + 1, name="_*|~" * 16, message_id=10**18 + number)
        memory = begin(NOW - timedelta(days=3))
        await chat.store.remember(rental.id, memory, version=0)

    shown = await put_up(chat, keeper)

    said = text(shown)
    lines = sum(line.startswith("- ") for line in said.splitlines())
    assert f"### {count} machine" in said
    assert lines == count or f"… and {count - lines} more." in said
    assert len(said) <= 4000


async def test_what_vast_does_not_say_is_not_known(
    chat: Chat, keeper: BoardKeeper, credit: Credit, market: FixedMarket
) -> None:
    """A credit that could not be read is no credit of nothing."""
    market.trouble = Down("a 502")
    await credit.pass_once()

    assert "Vast credit: not known yet" in text(await put_up(chat, keeper))


def test_budgets_are_counted_more_often_than_they_are_shown() -> None:
    """Or a minute's edit would show the figures of the minute before."""
    assert COUNT_EVERY < REFRESH


async def test_who_has_several_is_named_once_above_them(chat: Chat, keeper: BoardKeeper) -> None:
    """Person by person, and within that as they were asked for, so that nothing changes places."""
    ada, ben = f"<@{chat.ada.id}>", f"<@{chat.ben.id}>"
    await machine(chat, 1, name="first")
    await machine(chat, 2, name="his", owner_id=chat.ben.id, owner_name="Ben")
    chat.clock.turn(MINUTE)
    await machine(chat, 3, name="second", requested_at=chat.clock.now())

    shown = text(await put_up(chat, keeper)).splitlines()

    listed = [line.split(" · ")[0] for line in shown if line.startswith(("<@", "- "))]
    assert listed == [ada, "- **first**", "- **second**", ben, "- **his**"]
    assert shown[shown.index(ben) - 1] == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": State.BOOTING, "phase": Phase.LOADING, "phase_at": NOW}, "loading since <t:"),
        ({"released_at": NOW}, "ending"),
        ({"broken_since": NOW}, "cannot be reached since <t:"),
        ({"state": State.ARCHIVING}, "archiving"),
        ({}, "ready"),
    ],
)
async def test_each_machine_says_where_it_stands(
    chat: Chat, keeper: BoardKeeper, changes: dict[str, Any], said: str
) -> None:
    """In a word, in place of how it is used."""
    await machine(chat, name="lesson", **changes)

    shown = text(await put_up(chat, keeper))

    (line,) = [one for one in shown.splitlines() if "**lesson**" in one]
    assert f"$0.318/h · {said}" in line


async def test_an_owner_who_was_asked_sees_when_it_ends(chat: Chat, keeper: BoardKeeper) -> None:
    """Once the question has reached somebody; a machine that nobody can look at is not idle."""
    asked = await chat.ready(name="asked")
    blind = await machine(chat, 2, name="blind")
    deadline = NOW + 90 * MINUTE
    question = Question(kind=Asking.IDLE, asked_at=NOW, deadline=deadline)
    writing = Writing(kind=Kind.ASK, at=NOW, asked_at=NOW, ends=True)
    memory = replace(begin(NOW), question=question)
    await chat.store.remember(asked.id, memory, version=0, letters=[writing])
    unseen = replace(begin(NOW), blind_since=NOW)
    await chat.store.remember(blind.id, unseen, version=0)
    await chat.write()

    shown = text(await put_up(chat, keeper))

    since = f"<t:{int(NOW.timestamp())}:R>"
    ends = f"<t:{int(deadline.timestamp())}:R>"
    assert f"**idle since {since}**, owner asked; it ends {ends}" in shown
    assert f"not seen since {since}" in shown
