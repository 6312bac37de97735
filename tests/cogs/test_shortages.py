"""Out of memory in chat: what the card and /status say, and the way to a larger GPU."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.idle_memory import begin
from bot.domain.rentals import Rental
from bot.domain.shortages import Kind, Shortage, Vram
from bot.domain.standing import Name, Report
from tests.cogs.conftest import Chat, text
from tests.cogs.market import FixedMarket


@pytest.fixture(autouse=True)
def machines(market: FixedMarket) -> None:
    """Each offer a machine of its own."""
    market.offers = [replace(one, machine_id=one.id) for one in market.offers]


async def short_of(chat: Chat, kind: Kind) -> Rental:
    """Ada's RTX 3090 with 23.4 of 24 GB in use, on which something of that kind happened."""
    rental = await chat.ready(offer="7002")
    now = chat.clock.now()
    vram = Vram(at=now, used_mb=24_000, total_mb=24_576)
    report = Report(now, Name.ACTIVE, vram=vram, shortage=Shortage(kind, now, "k"))
    await chat.store.remember(rental.id, begin(now), version=0, report=report, show=True)
    await chat.deliver()
    return rental


@pytest.mark.parametrize(
    ("kind", "heading", "said"),
    [
        (Kind.GPU_MEMORY, "out of GPU memory", "Try half the batch size"),
        (Kind.DIED, "a kernel died", "the files are as they were"),
        (Kind.FULL, "GPU memory full", "Restart the kernel, which frees the memory"),
    ],
)
async def test_the_card_says_what_happened_and_what_helps(
    chat: Chat, kind: Kind, heading: str, said: str
) -> None:
    """With the figures of the last look, and a larger GPU in sight."""
    await short_of(chat, kind)

    shown = text(chat.cards[-1])
    assert f"· {heading}" in shown
    assert said in shown
    assert "23.4 of 24 GB were in use <t:" in shown
    assert shown.splitlines()[-3:] == ["Open", "Move to a larger GPU", "More"]


async def test_status_shows_the_vram_and_the_trouble(chat: Chat) -> None:
    """In the line of the machine's facts; before the first look only how much it has."""
    rental = await chat.ready(offer="7002")
    before = await chat.ada.slash(chat.channel, "status")
    assert "24 GB VRAM" in text(before.response)
    now = chat.clock.now()
    report = Report(
        now,
        Name.ACTIVE,
        vram=Vram(at=now, used_mb=20_582, total_mb=24_576),
        shortage=Shortage(Kind.DIED, now, "k"),
    )
    await chat.store.remember(rental.id, begin(now), version=0, report=report)

    after = await chat.ada.slash(chat.channel, "status")

    assert "VRAM 20.1 of 24 GB used" in text(after.response)
    assert "A kernel died <t:" in text(after.response)


async def test_a_larger_gpu_has_more_vram_and_the_quote_comes_first(chat: Chat) -> None:
    """Nothing as small as what was too small; the work comes along as in any move."""
    old = await short_of(chat, Kind.GPU_MEMORY)

    menu = await chat.ada.click(chat.cards[-1], label="Move to a larger GPU")
    shown = text(menu.response)
    quote = await chat.ada.select(menu.response, ["7003"])
    priced = text(quote.response)
    await chat.ada.click(quote.response, label="Move")

    assert "to a larger GPU?" in shown
    assert "Now: RTX 3090, $0.222/h, 24 GB VRAM." in shown
    assert "H100 SXM" in shown
    assert "Tesla T4" not in shown
    assert "RTX 4090" not in shown
    assert "The work comes along" in priced
    rentals = await chat.store.rentals_of(chat.guild.id, chat.ada.id)
    assert [one.offer.id for one in rentals if one.moves_from == old.id] == [7003]


async def test_where_nothing_larger_is_free_it_says_so(chat: Chat, market: FixedMarket) -> None:
    """In words of its own: the person has set no limit that could be loosened."""
    await short_of(chat, Kind.FULL)
    market.offers = [one for one in market.offers if one.vram_gb <= 24]

    answer = await chat.ada.click(chat.cards[-1], label="Move to a larger GPU")

    assert "No machine with more VRAM is free at the moment." in text(answer.response)
    assert "a smaller batch may help" in text(answer.response)


async def test_a_machine_that_ends_lacks_nothing_any_more(chat: Chat) -> None:
    """Nobody can do anything about it then."""
    rental = await short_of(chat, Kind.DIED)

    await chat.change(rental.id, released_at=chat.clock.now(), ended_by=chat.ada.id)
    await chat.deliver()

    assert "a kernel died" not in text(chat.cards[-1])


async def test_more_has_the_rest_in_a_menu_of_ones_own(chat: Chat) -> None:
    """Three buttons in sight; each choice does what its command does."""
    rental = await chat.ready(offer="7002")

    menu = await chat.ada.click(chat.cards[-1], label="More")
    kept = await chat.ada.select(menu.response, ["keep:4h"])
    saved = await chat.choose(chat.ada, chat.cards[-1], "save:stay")
    asked = await chat.choose(chat.ada, chat.cards[-1], "destroy")

    assert menu.ephemeral
    assert text(chat.cards[-1]).splitlines()[-3:] == ["Open", "Archive and destroy", "More"]
    assert "Kept until <t:" in text(kept.response)
    assert "It keeps running." in text(saved.response)
    assert "Archive and destroy RTX 3090" in text(asked.response)
    row = await chat.again(rental.id)
    assert row.save_asked_at == chat.clock.now()
    assert row.released_at is None


async def test_an_old_card_of_a_machine_that_is_gone_says_where_to_look(chat: Chat) -> None:
    """Its buttons work for ever, so they must have an answer for ever."""
    rental = await chat.ready(offer="7002")
    card = chat.cards[-1]
    menu = await chat.ada.click(card, label="More")
    chat.clock.turn(timedelta(minutes=1))
    await chat.change(rental.id, released_at=chat.clock.now(), ended_by=chat.ada.id)

    chosen = await chat.ada.select(menu.response, ["larger"])
    again = await chat.ada.click(card, label="More")

    assert "Only a machine that is ready can be moved." in text(chosen.response)
    assert "It is ending now." in text(again.response)
