"""Moves and downloads in chat: buttons, menu, quote, and what the two cards say meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.rentals import Phase, Reason, Rental, State
from tests.cogs.conftest import Chat, text
from tests.cogs.market import FixedMarket


@pytest.fixture(autouse=True)
def machines(market: FixedMarket) -> None:
    """Each offer a machine of its own."""
    market.offers = [replace(one, machine_id=one.id) for one in market.offers]


async def _moving(chat: Chat) -> tuple[Rental, Rental]:
    """Ada chooses Move below More, a machine, and confirms; the old and the new rental."""
    old = await chat.ready(offer="7002")
    menu = await chat.choose(chat.ada, chat.cards[-1], "move")
    quote = await chat.ada.select(menu.response, ["7003"])
    await chat.ada.click(quote.response, label="Move")
    new = next(
        one for one in await chat.store.rentals_of(chat.guild.id, chat.ada.id) if one.moves_from
    )
    return old, new


async def test_move_below_more_opens_a_menu_of_other_machines(chat: Chat) -> None:
    """Smaller ones too, with their whole price; the one it is on is not among them."""
    await chat.ready(offer="7002")

    menu = await chat.choose(chat.ada, chat.cards[-1], "move")

    shown = text(menu.response)
    assert menu.ephemeral
    assert "Now: RTX 3090, $0.222/h, 24 GB VRAM." in shown
    assert "H100 SXM" in shown
    assert "Tesla T4" in shown
    assert "RTX 3090 · $" not in shown
    assert "ends only when the new one is proven" in shown


async def test_the_quote_of_a_move_says_what_both_machines_cost(chat: Chat) -> None:
    """2 GB up and down, the old machine until then, the disk, and that the address stays."""
    await chat.ready(offer="7002")
    menu = await chat.choose(chat.ada, chat.cards[-1], "move")

    quote = await chat.ada.select(menu.response, ["7003"])

    shown = text(quote.response)
    assert "Move to H100 SXM?" in shown
    assert "2.0 GB, about 4 min" in shown
    assert "up $0.04, down $0.04, the old machine until then $0.01" in shown
    assert "opens at the same address" in shown


async def test_both_cards_follow_a_move(chat: Chat) -> None:
    """The new one waits for the copy; the old one is closed, then ended because it has moved."""
    old, new = await _moving(chat)
    await chat.deliver()
    waiting = text(chat.cards[-1])
    now = chat.clock.now()
    await chat.change(
        old.id, state=State.ARCHIVING, reason=Reason.MOVED, released_at=now, ended_by=old.owner_id
    )
    await chat.change(new.id, state=State.BOOTING, phase=Phase.SWITCHING, phase_at=now)
    await chat.deliver()
    closed, switching = text(chat.cards[0]), text(chat.cards[-1])
    await chat.change(
        old.id,
        state=State.CLOSED,
        archive_id="a",
        proven_at=now + timedelta(seconds=1),
        gone_at=now,
        closed_at=now,
    )
    await chat.deliver()

    assert "archived first; it can be used meanwhile" in waiting
    assert "Takes over another machine's work: 2.0 GB" in waiting
    assert "· moving" in closed
    assert "Open" not in closed
    assert "**Switching over**" in switching
    assert "Its work is on another machine" in text(chat.cards[0])


async def test_another_members_machine_is_not_moved(chat: Chat) -> None:
    """Not by a teammate, and not by a lead either."""
    await chat.ready(offer="7002")

    asked = await chat.ben.click(chat.cards[-1], label="More")
    chosen = await chat.choose(chat.lead, chat.cards[-1], "move")

    for answer in (asked, chosen):
        assert answer.ephemeral
        assert "belongs to somebody else" in text(answer.response)


async def test_a_machine_is_moved_to_one_place_at_a_time(chat: Chat) -> None:
    """Pressed again while it is on its way: said in words."""
    await _moving(chat)

    again = await chat.choose(chat.ada, chat.cards[0], "move")

    assert "being moved to another one already" in text(again.response)


async def test_a_download_of_no_archive_is_said_in_words(chat: Chat) -> None:
    answer = await chat.ada.slash(chat.channel, "archives download", archive="nothing")

    assert answer.ephemeral
    assert "There is no such archive." in text(answer.response)
