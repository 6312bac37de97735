"""What must be said is said once, after whatever happens, and holds up nothing else."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest

from bot.adapters.discord.bulletins import DiscordBoard
from bot.domain.bulletins import Audience, Bulletin, Tone
from bot.domain.rentals import Rental
from bot.ports.chat import Desired
from bot.services.bulletins import Bulletins
from bot.services.policy import Policies
from bot.tasks import Wake
from cogs.ui import bulletins as bulletin_cards
from tests.cogs.conftest import Chat, text


def a_bulletin(**changes: object) -> Bulletin:
    facts = {"key": "stray/5", "title": "A stray machine", "text": "It was left alone."}
    return Bulletin(**{**facts, **changes})  # type: ignore[arg-type]


async def tell(chat: Chat) -> int:
    """One round of the bulletins, as a process that has just begun runs it."""
    board = DiscordBoard(client=chat.env.bot, render=bulletin_cards.bulletin)
    policies = Policies(store=chat.store)
    told = Bulletins(
        store=chat.store, board=board, news=Wake(), clock=chat.clock, policies=policies
    )
    return await told.deliver()


async def in_another_channel(chat: Chat) -> tuple[Rental, int]:
    """A rental of Ben's whose card is elsewhere; that channel."""
    other = chat.guild.create_text_channel("elsewhere")
    quote = await chat.ben.slash(other, "rent")
    await chat.ben.click(quote.response, label="Rent")
    return (await chat.store.rentals_of(chat.guild.id, chat.ben.id))[0], other.id


async def test_a_bulletin_is_sent_once_and_then_edited(chat: Chat) -> None:
    """Told again with the same words nothing happens, with others the message changes."""
    await chat.rented()
    before = len(chat.cards)
    await chat.store.tell(a_bulletin())
    assert await tell(chat) == 1
    await chat.store.tell(a_bulletin())
    assert await tell(chat) == 0

    await chat.store.tell(a_bulletin(text="Seen gone.", tone=Tone.OVER))
    await tell(chat)

    assert len(chat.cards) == before + 1
    assert "Seen gone." in text(chat.cards[-1])


async def test_a_bulletin_whose_answer_was_lost_is_found_again(chat: Chat) -> None:
    """A try that may have got through is looked for before anything is sent."""
    rental = await chat.rented()
    await chat.store.tell(a_bulletin())
    (posting,) = await chat.store.due_bulletins(chat.clock.now())
    await chat.store.bulletin_tried(posting)
    board = DiscordBoard(client=chat.env.bot, render=bulletin_cards.bulletin)
    await board.post(posting, Desired(guild_id=rental.guild_id, channel_id=rental.channel_id))
    count = len(chat.cards)
    # The process dies here: Discord has it, and our database does not say so.
    chat.clock.turn(timedelta(minutes=10))

    assert await tell(chat) == 1

    assert len(chat.cards) == count


async def test_a_deleted_channel_holds_up_nobody(chat: Chat) -> None:
    """Cards elsewhere are posted, and the bulletin finds another channel."""
    lost, channel_id = await in_another_channel(chat)
    rental = await chat.rented()
    chat.env.inject_error(
        "POST", f"/channels/{channel_id}/messages", status=404, code=10003, times=None
    )
    await chat.store.tell(a_bulletin(rental_id=lost.id))

    await chat.deliver()
    await tell(chat)

    shown = "\n".join(text(card) for card in chat.cards)
    assert rental.id in shown
    assert "A stray machine" in shown
    chat.clock.turn(timedelta(minutes=10))
    assert await chat.store.due(chat.clock.now()) == []
    assert await chat.store.due_bulletins(chat.clock.now()) == []


async def test_closed_direct_messages_hold_up_nobody(chat: Chat) -> None:
    """The owner is named in the channel instead."""
    rental = await chat.rented()
    direct = chat.ada.user.dm_channel.id
    chat.env.inject_error("POST", f"/channels/{direct}/messages", status=403, code=50007)
    await chat.store.tell(a_bulletin(rental_id=rental.id, audience=Audience.OWNER))

    await tell(chat)

    assert f"<@{chat.ada.id}>" in text(chat.cards[-1])
    assert "A stray machine" in text(chat.cards[-1])


async def test_an_owner_is_told_directly(chat: Chat) -> None:
    """Not before everybody."""
    rental = await chat.rented()
    await chat.store.tell(a_bulletin(rental_id=rental.id, audience=Audience.OWNER))

    await tell(chat)

    assert "A stray machine" in text(chat.ada.user.dm_channel.history()[-1])


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (403, 50013), (404, 10003)])
async def test_a_removed_bot_keeps_nothing_waiting(chat: Chat, status: int, code: int) -> None:
    """It may write nowhere: everything is done with, and the work goes on."""
    await chat.rented()
    chat.env.inject_error("POST", "/channels/*/messages", status=status, code=code, times=None)
    await chat.store.tell(a_bulletin())

    await chat.deliver()
    await tell(chat)

    chat.clock.turn(timedelta(minutes=10))
    assert await chat.store.due(chat.clock.now()) == []
    assert await chat.store.due_bulletins(chat.clock.now()) == []


async def test_what_leads_must_know_stands_in_their_channel(chat: Chat) -> None:
    """Also what is about a machine; what its owner must know goes to them."""
    rental = await chat.ready()
    leads = chat.guild.create_text_channel("leads-only")
    await Policies(store=chat.store).change(None, {"leads_channel": str(leads.id)})
    before = len(chat.cards)

    await chat.store.tell(a_bulletin())
    await chat.store.tell(a_bulletin(key="held/6", text="Held.", rental_id=rental.id))
    await chat.store.tell(a_bulletin(key="omen/7", audience=Audience.OWNER, rental_id=rental.id))
    await tell(chat)

    said = [text(one) for one in leads.history()]
    assert len(chat.cards) == before
    assert len(said) == 2
    assert any("Held." in one for one in said)
    assert not any(f"<@{chat.ada.id}>" in one for one in said)
    assert len(chat.ada.user.dm_channel.history()) == 1


async def test_a_leads_channel_that_is_closed_sends_a_bulletin_to_the_machines(chat: Chat) -> None:
    """What the leads must know is said somewhere, and rather beside what it is about."""
    await chat.rented()
    theirs, elsewhere = await in_another_channel(chat)
    closed = chat.guild.create_text_channel(
        "closed", overwrites={chat.guild.me: discord.PermissionOverwrite(view_channel=False)}
    )
    await Policies(store=chat.store).change(None, {"leads_channel": str(closed.id)})
    before = len(chat.cards)

    await chat.store.tell(a_bulletin(rental_id=theirs.id))
    await tell(chat)

    channel = next(one for one in chat.env.bot.get_all_channels() if one.id == elsewhere)
    assert isinstance(channel, discord.TextChannel)
    found = [text(one) async for one in channel.history()]
    assert any("A stray machine" in one for one in found)
    assert len(chat.cards) == before
