"""One card a rental in the channel, whatever Discord answers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import discord
import pytest

from bot.adapters.discord import post
from bot.adapters.discord.border import parts
from bot.domain.rentals import Reason, RentalId, State
from bot.errors import Unavailable, Undeliverable
from cogs.ui.cards import rental_card
from tests.adapters.discord.conftest import Town, a_notice
from tests.builders import NOW, SetClock, a_rental


async def test_a_card_is_posted_with_the_notices_nonce(town: Town) -> None:
    """So that Discord itself drops a second one, and nobody is pinged."""
    message_id = await town.post.card(town.rental(), a_notice())

    (message,) = town.channel.history()
    assert message.id == message_id
    (sent,) = town.sent()
    assert sent["nonce"] == a_notice().id
    assert sent["enforce_nonce"] is True
    assert sent["allowed_mentions"] == {"parse": []}


async def test_a_card_that_is_there_is_edited(town: Town) -> None:
    """The same message for the rental's whole life."""
    first = await town.post.card(town.rental(), a_notice())

    again = await town.post.card(town.rental(message_id=first, state=State.READY), a_notice())

    assert again == first
    (message,) = town.channel.history()
    assert "ready" in _text(message)


async def test_a_card_that_was_deleted_is_posted_anew(town: Town) -> None:
    """Somebody cleaned up the channel; the rental still needs its card."""
    first = await town.post.card(town.rental(), a_notice())
    await town.channel.history()[0].delete()

    second = await town.post.card(town.rental(message_id=first), a_notice())

    assert second != first
    assert [message.id for message in town.channel.history()] == [second]


async def test_a_card_that_was_posted_anew_is_found_as_well(town: Town) -> None:
    """The answer to the second posting was lost too: there is no third one."""
    first = await town.post.card(town.rental(), a_notice())
    await town.channel.history()[0].delete()
    second = await town.post.card(town.rental(message_id=first), a_notice())

    found = await town.post.card(town.rental(message_id=first), a_notice(tries=1))

    assert found == second
    assert [message.id for message in town.channel.history()] == [second]


@pytest.mark.parametrize("ended", [False, True])
async def test_a_later_try_finds_the_card_of_an_earlier_one(town: Town, ended: bool) -> None:
    """Its answer was lost, not the card: known by its buttons or by its small print."""
    end = {"state": State.CLOSED, "reason": Reason.NO_OFFER, "closed_at": NOW}
    rental = town.rental(**end if ended else {})
    first = await town.post.card(rental, a_notice())
    await town.post.card(town.rental(id=RentalId("bbbbbb")), a_notice())

    found = await town.post.card(rental, a_notice(tries=1))

    assert found == first
    assert len(town.channel.history()) == 2


async def test_a_name_that_is_like_an_id_is_no_card_of_that_rental(town: Town) -> None:
    """Only buttons and small print count, and no person writes those."""
    await town.post.card(town.rental(id=RentalId("bbbbbb"), name="k7m2xp"), a_notice())

    await town.post.card(town.rental(), a_notice(tries=1))

    assert len(town.channel.history()) == 2


async def test_without_the_right_to_look_back_it_is_posted(town: Town) -> None:
    """A card that may be there twice is better than none."""
    town.refuse(403, 50001, method="GET")

    await town.post.card(town.rental(), a_notice(tries=1))

    assert len(town.channel.history()) == 1


@pytest.mark.parametrize(("status", "code"), [(403, 50013), (403, 50001), (404, 10003), (400, 0)])
async def test_what_will_not_get_better_is_undeliverable(
    town: Town, status: int, code: int
) -> None:
    """The channel is gone or closed to us, or Discord does not want the card."""
    town.refuse(status, code)

    with pytest.raises(Undeliverable) as error:
        await town.post.card(town.rental(), a_notice())

    assert isinstance(error.value.__cause__, discord.HTTPException)
    assert "We may not write in that channel." in error.value.public


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503])
async def test_what_may_pass_is_unavailable(town: Town, status: int) -> None:
    """The outbox tries again."""
    town.refuse(status, times=None)

    with pytest.raises(Unavailable):
        await town.post.card(town.rental(), a_notice())


async def test_an_edit_in_a_channel_that_is_gone_is_undeliverable(town: Town) -> None:
    """Only the message may be missing, not the place for another."""
    message_id = await town.post.card(town.rental(), a_notice())
    town.refuse(404, 10003, method="PATCH")

    with pytest.raises(Undeliverable):
        await town.post.card(town.rental(message_id=message_id), a_notice())


async def test_a_silent_discord_is_given_up_in_time(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call has a deadline."""
    monkeypatch.setattr(post, "_DEADLINE_S", 0.05)
    monkeypatch.setattr(town.env.bot.http, "send_message", _never)

    with pytest.raises(Unavailable):
        await town.post.card(town.rental(), a_notice())


async def test_a_broken_connection_is_unavailable(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the network says is translated at the border."""
    monkeypatch.setattr(town.env.bot.http, "send_message", _reset)

    with pytest.raises(Unavailable) as error:
        await town.post.card(town.rental(), a_notice())

    assert isinstance(error.value.__cause__, ConnectionResetError)


async def test_before_discord_is_there_a_card_waits(clock: SetClock) -> None:
    """A start with notices due finds them undelivered, not in error."""
    async with discord.Client(intents=discord.Intents(guilds=True)) as client:
        early = post.ChannelPost(client=client, render=rental_card, clock=clock)

        with pytest.raises(Unavailable):
            await early.card(a_rental(), a_notice())


async def test_the_card_shows_the_time_of_its_delivery(town: Town) -> None:
    """What it has cost is counted when it is written."""
    rental = town.rental(state=State.READY, created_at=NOW - timedelta(hours=1), running_at=NOW)

    await town.post.card(rental, a_notice())

    assert f"$0.02 so far, counted <t:{int(NOW.timestamp())}:R>" in _text(town.channel.history()[0])


def _text(message: discord.Message) -> str:
    return "\n".join(getattr(part, "content", "") for part in parts(message.components))


async def _never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


async def _reset(*_: object, **__: object) -> None:
    raise ConnectionResetError("connection lost")
