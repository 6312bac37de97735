"""Choosing an offer in chat: pages, filters, side by side, what is gone, looking out for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from simcord.components import walk_components

from bot.client import Bellhop, Services
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Reason
from bot.domain.replacement import Grudge
from cogs.ui.buttons import ChooseOffer
from tests.builders import NOW, an_offer, some_rates
from tests.cogs.conftest import Chat, text, twice
from tests.cogs.market import FixedMarket


@pytest.fixture
def many(market: FixedMarket) -> FixedMarket:
    """Fifteen of two models, by their numbers ever dearer, each on a machine of its own."""
    market.offers = [
        an_offer(
            id=7100 + n,
            machine_id=n,
            gpu_name="RTX 4090" if n % 2 else "RTX 3090",
            rates=some_rates(gpu_per_hour=Usd.of(f"0.{20 + n}")),
            region="Sweden, SE" if n % 3 else "Norway, NO",
        )
        for n in range(1, 16)
    ]
    return market


def menu(message: Any, kind: str) -> str:
    """The custom id of the menu whose name begins like that."""
    (found,) = [
        str(part["custom_id"])
        for part in walk_components(message.components)
        if str(part.get("custom_id", "")).startswith(f"bellhop:{kind}:")
    ]
    return found


async def narrowed(chat: Chat, card: Any, by: str, value: str) -> None:
    await chat.ada.select(card, [value], custom_id=menu(card, f"narrow:{by}"))


async def test_pages_turn_and_the_numbers_go_on(chat: Chat, many: FixedMarket) -> None:
    """Six on a page, on the same message; why the first is first stands on the first page."""
    page = await chat.ada.slash(chat.channel, "offers")
    first = text(page.response)
    await chat.ada.click(page.response, label="Next")
    second = text(page.response)
    await chat.ada.click(page.response, label="Next")
    third = text(page.response)
    await chat.ada.click(page.response, label="Previous")

    assert "Offers 1 to 6 of 15, cheapest first" in first
    assert "Why number 1 is first:** 4 hours on it cost about" in first
    assert first.endswith("Next\nCompare\nFilters")
    assert "Offers 7 to 12 of 15" in second
    assert "**7 · RTX 4090 · $0.291/h**" in second
    assert "Why number 1" not in second
    assert second.endswith("Previous\nNext\nFilters")
    assert third.endswith("Previous\nCompare\nFilters")
    assert text(page.response) == second


async def test_an_old_page_works_after_a_restart(
    chat: Chat, services: Services, many: FixedMarket
) -> None:
    """Limits, order and page are in its buttons; nothing is in our memory."""
    page = await chat.ada.slash(chat.channel, "offers", gpu="RTX 3090", disk=100, sort="vram")
    old = chat.env.bot
    await chat.env.restart_bot(Bellhop(services=services))
    await old.close()

    await chat.ada.click(page.response, label="Next")

    shown = text(page.response)
    assert "most VRAM first" in shown
    assert "RTX 3090 · at least 16 GB VRAM · anywhere" in shown
    assert "with 100 GB of disk" in shown
    assert "RTX 4090" not in shown


def test_a_menu_of_an_older_version_still_leads_to_a_quote() -> None:
    """It carried no model then; what is on a card that was sent long ago is never changed."""
    template = ChooseOffer.__discord_ui_compiled_template__

    old = template.fullmatch("bellhop:offers:100:16:1:500000:SE:price")
    new = template.fullmatch("bellhop:offers:100:16:1::SE:price:RTX 4090")

    assert old is not None
    assert new is not None
    assert (old["gpu"], new["gpu"]) == (None, "RTX 4090")


async def test_what_the_teams_image_cannot_run_on_is_no_offer(chat: Chat) -> None:
    """Who names no image gets the first that the team allows; the one of 2022 knows no H100."""
    await chat.store.change_policy({"images": '["fastai"]'}, by=None)

    page = await chat.ada.slash(chat.channel, "offers")

    assert "2 offers, cheapest first" in text(page.response)
    assert "H100" not in text(page.response)


async def test_somebody_elses_press_is_refused(chat: Chat, many: FixedMarket) -> None:
    """Discord would not let it through; a forged one changes nothing."""
    page = await chat.ada.slash(chat.channel, "offers")
    before = text(page.response)

    answer = await twice(chat.ada, page.response, "Next", by=chat.ben)()

    assert "These are somebody else's offers." in text(answer.response)
    assert text(page.response) == before


async def test_filters_show_at_once_what_is_left(chat: Chat, many: FixedMarket) -> None:
    """Each menu holds what was chosen, and the others stay as they are."""
    page = await chat.ada.slash(chat.channel, "offers")
    card = page.response
    await chat.ada.click(card, label="Filters")
    every = text(card)
    await narrowed(chat, card, "gpu", "RTX 3090")
    await narrowed(chat, card, "region", "NO")
    await narrowed(chat, card, "price", str(Usd.of("0.30").micros))
    await narrowed(chat, card, "vram", "24")
    await narrowed(chat, card, "sort", "reliability")
    left = text(card)

    await chat.ada.click(card, label="Show the offers")

    assert "**15 offers** fit like this. First comes RTX 4090 for $0.231/h." in every
    assert "**1 offer** fits like this. First comes RTX 3090 for $0.281/h." in left
    shown = text(card)
    assert "1 offer, most reliable first" in shown
    assert "RTX 3090 · at least 24 GB VRAM · at most $0.300/h · in NO" in shown
    assert "It is the only one that fits." in shown


async def test_the_menus_show_the_value_that_holds(chat: Chat, many: FixedMarket) -> None:
    """One of each menu, so that one sees what is set; the price of each model stands beside it."""
    page = await chat.ada.slash(chat.channel, "offers", gpu="3090", region="se", max_price="0.33")

    await chat.ada.click(page.response, label="Filters")

    options = [
        option
        for part in walk_components(page.response.components)
        for option in part.get("options") or ()
    ]
    assert [one["label"] for one in options if one.get("default")] == [
        "RTX 3090",
        "At most $0.330/h",
        "At least 16 GB of VRAM",
        "Sweden (SE)",
        "Lowest price first",
    ]
    (other,) = [one for one in options if one["label"] == "RTX 4090"]
    assert other["description"] == "24 GB VRAM, from $0.231/h"


async def test_three_stand_side_by_side_and_one_of_them_is_rented(
    chat: Chat, many: FixedMarket
) -> None:
    """The first of the page, others by the menu; rented by the one way there is, with its quote."""
    many.offers[3] = replace(many.offers[3], dlperf=Decimal(90), reliability=Decimal("0.9999"))
    page = await chat.ada.slash(chat.channel, "offers")
    card = page.response

    await chat.ada.click(card, label="Compare")
    three = text(card)
    await chat.ada.select(card, ["7101", "7104"], custom_id=menu(card, "compare"))
    two = text(card)
    quote = await chat.ada.select(card, ["7104"], custom_id=menu(card, "offers"))
    await chat.ada.click(quote.response, label="Rent")

    assert [f"**{n} · RTX" in three for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert "Best here: **lowest price, most speed per dollar**" in three
    assert [f"**{n} · RTX" in two for n in (1, 2, 3, 4)] == [True, False, False, True]
    assert "Best here: **fastest GPU, most speed per dollar, most reliable**" in two
    assert [one.offer.id for one in await chat.store.open_rentals()] == [7104]
    await chat.ada.click(card, label="Back to the offers")
    assert "Offers 1 to 6 of 15" in text(card)


async def test_what_is_gone_of_a_comparison_is_named_and_stood_in_for(
    chat: Chat, many: FixedMarket
) -> None:
    """Its name is that of the menu; the next best below it takes its place."""
    page = await chat.ada.slash(chat.channel, "offers")
    await chat.ada.click(page.response, label="Compare")
    many.offers = [one for one in many.offers if one.id != 7102]

    chosen = menu(page.response, "compare")
    await chat.ada.select(page.response, ["7101", "7102"], custom_id=chosen)

    shown = text(page.response)
    assert "RTX 3090 · $0.241/h is gone: somebody else rented it." in shown
    assert "The next best stands in for it." in shown
    assert "**2 · RTX 4090 · $0.251/h**" in shown


async def test_a_chosen_offer_that_is_gone_leads_to_the_next_best(
    chat: Chat, many: FixedMarket
) -> None:
    """Named, with why, and with a menu that quotes it; nothing is rented by itself."""
    page = await chat.ada.slash(chat.channel, "offers")
    many.offers = [one for one in many.offers if one.id != 7102]

    answer = await chat.ada.select(page.response, ["7102"])
    shown = text(answer.response)
    quote = await chat.ada.select(answer.response, ["7103"])

    assert answer.ephemeral
    assert "RTX 3090 · $0.241/h is gone" in shown
    assert "The next best:\n**2 · RTX 4090 · $0.251/h**" in shown
    assert "Rent RTX 4090?" in text(quote.response)
    assert await chat.store.open_rentals() == []


async def test_what_speaks_against_a_machine_is_marked(chat: Chat, market: FixedMarket) -> None:
    """Its history, its network, its end; and one that failed us comes last."""
    failed = await chat.rented()
    market.offers = [
        an_offer(id=1, machine_id=1, download_mbps=Decimal(40)),
        an_offer(id=2, machine_id=2, rates=some_rates(gpu_per_hour=Usd.of("0.1"))),
        an_offer(id=3, machine_id=3, available_until=NOW + timedelta(hours=5)),
    ]
    await chat.store.hold_against(
        Grudge(
            rental_id=failed.id,
            contract=ContractId(5),
            machine_id=2,
            host_id=2,
            reason=Reason.NO_SSH,
            at=NOW,
        )
    )

    shown = text((await chat.ada.slash(chat.channel, "offers")).response)

    at = int(NOW.timestamp())
    assert "⚠ Slow network: the image alone takes about 33 min." in shown
    assert f"⚠ Its host rents it out only until <t:{at + 5 * 3600}:f>" in shown
    assert f"⚠ This machine failed us <t:{at}:R>." in shown
    assert "**3 · RTX A5000 · $0.121/h**" in shown
    assert "One machine would come before it, but failed us lately." in shown


async def test_an_empty_answer_says_which_limit_to_give_up(chat: Chat) -> None:
    """Computed from the market, with what there is then, and a button that shows it."""
    page = await chat.ada.slash(chat.channel, "offers", gpu="RTX 4090", max_price="0.05")
    empty = text(page.response)

    await chat.ada.click(page.response, label="Show without it")

    assert "No machine on the market fits that right now." in empty
    assert "What is in the way is “at most $0.05 an hour”." in empty
    assert "Try without it. Then there is RTX 4090 in Sweden, SE for $0.318/h." in empty
    assert "1 offer, cheapest first" in text(page.response)


async def test_filters_that_leave_nothing_can_be_loosened_again(chat: Chat) -> None:
    """The menus stay, with the limit that is in the way."""
    page = await chat.ada.slash(chat.channel, "offers", region="JP")

    await chat.ada.click(page.response, label="Filters")
    nothing = text(page.response)
    await narrowed(chat, page.response, "region", "any")

    assert "**Nothing** fits like this. What is in the way is “the region JP”." in nothing
    assert "**3 offers** fit like this." in text(page.response)


async def test_a_cheaper_one_is_looked_out_for(chat: Chat) -> None:
    """The button asks for the price; from there on it is a wish like any other."""
    page = await chat.ada.slash(chat.channel, "offers", gpu="RTX 4090")

    form = await chat.ada.click(page.response, label="Look out for a cheaper one")
    asked = await chat.ada.submit_modal(form, {"price": "0.25"})
    await chat.ada.click(asked.response, label="Rent it when there is one")

    (wish,) = await chat.store.open_lookouts()
    assert (wish.wish.gpu, wish.wish.max_price, wish.rents) == ("RTX 4090", Usd.of("0.25"), True)
    assert "Looking for RTX 4090 for at most $0.250/h" in text(asked.response)


async def test_what_is_there_already_is_not_looked_out_for(chat: Chat) -> None:
    """Neither by the form nor by the option; the page of it is shown."""
    page = await chat.ada.slash(chat.channel, "offers", gpu="RTX 4090")
    form = await chat.ada.click(page.response, label="Look out for a cheaper one")

    by_form = await chat.ada.submit_modal(form, {"price": "0.40"})
    by_option = await chat.ada.slash(chat.channel, "offers", gpu="RTX 4090", watch=True)

    for answer in (by_form, by_option):
        assert "There is one already" in text(answer.response)
        assert "1 offer, cheapest first" in text(answer.response)


async def test_watch_asks_whether_to_tell_or_to_rent(chat: Chat) -> None:
    """The option, and the button of an empty answer, lead to the same."""
    by_option = await chat.ada.slash(
        chat.channel, "offers", gpu="RTX 4090", max_price="0.05", watch=True
    )
    empty = await chat.ada.slash(chat.channel, "offers", gpu="RTX 4090", max_price="0.05")
    by_button = await chat.ada.click(empty.response, label="Look out for one")

    for answer in (by_option, by_button):
        assert "Tell me when there is one\nRent it when there is one" in text(answer.response)
        assert "We can look for RTX 4090 for at most $0.050/h" in text(answer.response)
