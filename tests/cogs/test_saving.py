"""Archives that wait, in chat: tried again, asked about, called off, kept longer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import discord
import pytest

from bot.client import Services
from bot.domain.letters import Kind, Writing
from bot.domain.rentals import Reason, Rental, State
from bot.domain.retries import failed, held, held_letters
from tests.cogs.conftest import Chat, text
from tests.domain.test_archives import an_archive

SIZE = "40.0 GB of files would be sent, for about $3.10 and in about 95 min."


async def asked(chat: Chat, *, ends: bool = True) -> tuple[Rental, discord.Message]:
    """Ada wants her machine gone, or saved; its archive is too large to begin unasked."""
    rental = await chat.ready(name="fastbook")
    now = chat.clock.now()
    row = replace(rental, released_at=now, ended_by=rental.owner_id, reason=Reason.RELEASED)
    row = held(row if ends else replace(rental, save_asked_at=now), SIZE, now)
    await chat.store.apply(row, event="too large", letters=held_letters(row))
    await chat.write()
    (message,) = chat.ada.user.dm_channel.history()
    return row, message


async def test_a_large_archive_is_asked_about_with_its_size(chat: Chat) -> None:
    """What it costs, what may be done, and that nothing happens meanwhile."""
    _, message = await asked(chat)

    shown = text(message)
    assert "fastbook is too large to archive unasked" in shown
    assert SIZE in shown
    assert ".archiveignore" in shown
    assert "The machine keeps running" in shown


@pytest.mark.parametrize(
    ("label", "ends"),
    [("Archive anyway, keep running", False), ("Archive anyway, then destroy", True)],
)
async def test_agreeing_lets_it_go_on(chat: Chat, label: str, ends: bool) -> None:
    """An end that was asked for stays asked for; the question loses its buttons."""
    rental, message = await asked(chat, ends=ends)

    answer = await chat.ada.user.click(message, label=label)
    await chat.write()

    row = await chat.again(rental.id)
    assert (row.held, row.save_allowed) == ("", "owner")
    assert (row.released_at is not None) is ends
    assert "Archiving fastbook" in text(answer.response)
    (message,) = chat.ada.user.dm_channel.history()
    assert "Archive anyway" not in text(message)


async def test_it_can_be_called_off_from_the_question_and_the_card(chat: Chat) -> None:
    rental, message = await asked(chat)
    await chat.deliver()
    assert "waits for an answer" in text(chat.cards[0])

    answer = await chat.ada.user.click(message, label="Do not archive, keep running")

    assert "keeps running" in text(answer.response)
    row = await chat.again(rental.id)
    assert (row.held, row.released_at, row.ended_by) == ("", None, None)
    again = await chat.ada.click(chat.cards[0], label="Do not archive, keep running")
    assert "keeps running" in text(again.response)


async def test_giving_it_up_asks_once_more(chat: Chat) -> None:
    """It names what is lost; only the second press ends it."""
    rental, message = await asked(chat)

    sure = await chat.ada.user.click(message, label="Destroy without archive")
    assert "Really lose what is on fastbook?" in text(sure.response)
    assert (await chat.again(rental.id)).waived_by is None
    await chat.ada.user.click(sure.response, label="Lose it and destroy")

    assert (await chat.again(rental.id)).waived_by == chat.ada.id


async def test_others_may_not_agree(chat: Chat) -> None:
    rental, _ = await asked(chat)
    await chat.deliver()

    await chat.ben.click(chat.cards[0], label="Do not archive, keep running")

    assert (await chat.again(rental.id)).held == SIZE


async def test_card_and_status_say_when_it_is_tried_again(chat: Chat) -> None:
    rental = await chat.ready(name="fastbook")
    now = chat.clock.now()
    row = replace(rental, released_at=now, ended_by=rental.owner_id, reason=Reason.RELEASED)
    await chat.store.apply(failed(row, "Not archived: disk full.", now), event="save: failed")
    await chat.deliver()

    again = f"tried again <t:{int((now + timedelta(minutes=10)).timestamp())}:R>"
    assert again in text(chat.cards[0])
    assert "Not archived: disk full." in text(chat.cards[0])
    assert again in text((await chat.ada.slash(chat.channel, "status")).response)


async def test_a_vanished_machine_names_its_newest_archive(chat: Chat) -> None:
    """In the letter and on the card."""
    rental = await chat.ready(name="fastbook")
    at = chat.clock.now()
    gone = replace(
        rental, state=State.CLOSED, reason=Reason.VANISHED, ahead_id="night", ahead_at=at,
        gone_at=at, closed_at=at,
    )  # fmt: skip
    letter = Writing(kind=Kind.VANISHED, at=at)
    await chat.store.apply(gone, event="look: absent", letters=[letter])
    await chat.write()
    await chat.deliver()

    (message,) = chat.ada.user.dm_channel.history()
    for shown in (text(message), text(chat.cards[0])):
        assert f"<t:{int(at.timestamp())}" in shown
        assert "/archives restore" in shown


async def test_archives_that_end_are_kept_by_a_press(chat: Chat, services: Services) -> None:
    """One letter for all of that day, and one button."""
    rental = await chat.ended(await chat.ready(name="fastbook"))
    now = chat.clock.now()
    row = replace(
        an_archive("abc"), rental_id=rental.id, guild_id=rental.guild_id,
        owner_id=rental.owner_id, started_at=now, proven_at=now,
    )  # fmt: skip
    await chat.store.begin_archive(replace(row, state=row.state.RUNNING))
    await chat.store.keep_archive(row)
    listed = json.dumps([["abc", "fastbook", 2_500_000_000, int(now.timestamp())]])
    end = now + timedelta(days=90)
    await chat.store.write_letter(rental.id, Writing(kind=Kind.EXPIRES, at=end, detail=listed))
    await chat.write()
    (message,) = chat.ada.user.dm_channel.history()
    assert "fastbook" in text(message)
    assert "2.5 GB" in text(message)
    chat.clock.turn(timedelta(days=85))

    answer = await chat.ada.user.click(message, label="Keep longer")

    kept = await chat.store.archive(row.id)
    assert kept is not None
    assert kept.keep_until == chat.clock.now() + timedelta(days=90)
    assert "Kept" in text(answer.response)
