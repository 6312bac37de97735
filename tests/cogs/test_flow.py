"""The main job in chat: offers, quote, rent, one card, open, destroy, spend."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.domain.images import DEFAULT
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Phase, Reason, State
from tests.builders import some_rates
from tests.cogs.conftest import Chat, link, text, twice


async def test_offers_lists_what_fits_with_the_whole_price(chat: Chat) -> None:
    """The price of an hour includes the asked disk; the cheapest stands first."""
    answer = await chat.ada.slash(chat.channel, "offers")

    assert answer.ephemeral
    shown = text(answer.response)
    assert "3 offers, cheapest first" in shown
    assert "**1 · RTX 3090 · $0.222/h**" in shown
    assert "**2 · RTX 4090 · $0.318/h**" in shown
    assert "24 GB VRAM · Norway, NO · 99.7 % reliable" in shown
    assert "4 h in all $1.07 · DLPerf 39, 177 per $" in shown
    assert "Tesla T4" not in shown


async def test_every_limit_of_offers_counts(chat: Chat) -> None:
    """Model, price, VRAM, disk, region and order are those that were asked for."""
    answer = await chat.ada.slash(
        chat.channel, "offers", max_price="$0.40", min_vram=20, disk=100, region="se", sort="vram"
    )

    shown = text(answer.response)
    assert "1 offer, most VRAM first" in shown
    assert "RTX 4090 · $0.366/h" in shown
    assert "with 100 GB of disk" in shown


async def test_the_menu_of_offers_leads_to_a_quote_with_the_same_limits(chat: Chat) -> None:
    """Choosing an offer quotes that very offer at the disk of the page, and the page stays."""
    page = await chat.ada.slash(chat.channel, "offers", disk=100)

    quote = await chat.ada.select(page.response, ["7001"])

    assert quote.ephemeral
    assert "Rent RTX 4090?" in text(quote.response)
    assert "**$0.366/h** in all · GPU $0.297/h · 100 GB disk $0.0694/h" in text(quote.response)
    assert "Rent one of these" not in text(quote.response)


async def test_the_quote_says_every_part_of_the_price(chat: Chat) -> None:
    """GPU, storage at the asked disk and their sum; transfer apart; the planned hours together."""
    quote = await chat.ada.slash(chat.channel, "rent", gpu="rtx_4090", disk=40, hours=4)

    assert quote.ephemeral
    shown = text(quote.response)
    assert "**$0.325/h** in all · GPU $0.297/h · 40 GB disk $0.0278/h" in shown
    assert "**$1.30** for the 4 hours you plan" in shown
    assert "$0.50 per GB and month" in shown
    assert "up $0.02/GB, down $0.02/GB" in shown
    assert "24 GB VRAM · Sweden, SE · 99.7 % reliable" in shown
    assert f"Image pytorch: {DEFAULT.note}" in shown
    assert shown.endswith("Rent\nCancel")


async def test_the_quote_warns_when_the_host_stops_before_the_planned_end(chat: Chat) -> None:
    """An offer has an end of its own; longer plans are told so before they rent."""
    quote = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", hours=720)
    fine = text(quote.response)
    chat.clock.turn(timedelta(days=50))

    late = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", hours=720)

    assert "rents it out only until" not in fine
    assert "rents it out only until" in text(late.response)


async def test_cancel_rents_nothing(chat: Chat) -> None:
    """A quote is only a price."""
    quote = await chat.ada.slash(chat.channel, "rent")

    await chat.ada.click(quote.response, label="Cancel")

    assert "Nothing was rented" in text(quote.response)
    assert await chat.store.open_rentals() == []


async def test_rent_answers_privately_and_the_outbox_posts_the_card(chat: Chat) -> None:
    """The press writes the wish down; the one public message comes from the outbox alone."""
    quote = await chat.ada.slash(chat.channel, "rent", name="fastbook")

    pressed = await chat.ada.click(quote.response, label="Rent")

    assert pressed.acknowledged
    assert "Renting RTX 3090" in text(quote.response)
    assert chat.cards == []
    assert await chat.deliver() == 1
    (card,) = chat.cards
    assert "fastbook · starting" in text(card)
    phases = ["▸ **Renting**", "○ Loading", "○ Connecting", "○ Starting Jupyter", "○ Ready"]
    assert "\n".join(phases) in text(card)
    assert f"<@{chat.ada.id}>" in text(card)


async def test_a_double_click_on_rent_is_one_rental(chat: Chat) -> None:
    """A quote becomes one rental and one card, however often Rent is pressed."""
    quote = await chat.ada.slash(chat.channel, "rent")
    press = twice(chat.ada, quote.response, "Rent")

    await press()
    second = await press()

    assert second.acknowledged
    assert "Renting RTX 3090" in text(quote.response)
    assert len(await chat.store.open_rentals()) == 1
    await chat.deliver()
    assert len(chat.cards) == 1


async def test_the_card_is_edited_and_never_posted_twice(chat: Chat) -> None:
    """One live message a rental: each change edits it."""
    rental = await chat.rented()
    await chat.deliver()

    await chat.change(
        rental.id, state=State.BOOTING, phase=Phase.LOADING, detail="pulling layer 3 of 9"
    )
    await chat.deliver()

    (card,) = chat.cards
    assert "✓ Renting\n▸ **Loading**\n○ Connecting" in text(card)
    assert "`pulling layer 3 of 9`" in text(card)


async def test_open_gives_a_private_link_each_time_another(chat: Chat) -> None:
    """The button on the public card answers its owner alone, with a one-use ticket."""
    rental = await chat.ready()

    first = await chat.ada.click(chat.cards[0], label="Open")
    second = await chat.ada.slash(chat.channel, "open", rental=rental.id)

    assert first.ephemeral
    assert second.ephemeral
    links = [link(answer.response) for answer in (first, second)]
    assert links[0] != links[1]
    assert all(one.startswith(f"http://{rental.id}.localhost:8642/-/ticket/") for one in links)
    assert "yours alone" in text(first.response)
    assert "/-/ticket/" not in text(chat.cards[0])


async def test_open_needs_no_name_when_there_is_only_one(chat: Chat) -> None:
    """One's only machine is meant when none is named, and a name of one's own finds it too."""
    await chat.ready(name="fastbook")

    unnamed = await chat.ada.slash(chat.channel, "open")
    named = await chat.ada.slash(chat.channel, "open", rental="Fastbook")

    assert "Open the notebook" in text(unnamed.response)
    assert "Open the notebook" in text(named.response)


async def test_destroy_asks_first_and_acts_on_the_second_press(chat: Chat) -> None:
    """The question says what happens; only its red button ends the machine, after an archive."""
    rental = await chat.ready()

    question = await chat.ada.click(chat.cards[0], label="Archive and destroy")

    assert question.ephemeral
    assert "Its work is archived first." in text(question.response)
    assert (await chat.again(rental.id)).released_at is None
    await chat.ada.click(question.response, label="Archive and destroy")
    ended = await chat.again(rental.id)
    assert (ended.ended_by, ended.waived_by) == (chat.ada.id, None)
    assert "Destroying" in text(question.response)
    await chat.deliver()
    assert "ending" in text(chat.cards[0])
    assert "Open" not in text(chat.cards[0]).splitlines()


async def test_cancel_counts_while_one_machine_goes_and_another_is_to_come(chat: Chat) -> None:
    """The failed one is being destroyed already; the press is for the next, which costs money."""
    rental = await chat.rented()
    now = chat.clock.now()
    await chat.change(
        rental.id,
        state=State.DESTROYING,
        reason=Reason.TOO_SLOW,
        replacing=True,
        contract=ContractId(5),
        created_at=now,
        released_at=now,
    )
    await chat.deliver()

    question = await chat.ada.click(chat.cards[0], label="Cancel")
    await chat.ada.click(question.response, label="Destroy it")

    ended = await chat.again(rental.id)
    assert (ended.replacing, ended.ended_by) == (False, chat.ada.id)


async def test_keep_it_keeps_it(chat: Chat) -> None:
    """The other button of the question changes nothing."""
    rental = await chat.ready()
    question = await chat.ada.slash(chat.channel, "destroy", rental=rental.id, discard=True)

    await chat.ada.click(question.response, label="Keep it")

    assert "Nothing was destroyed" in text(question.response)
    assert (await chat.again(rental.id)).released_at is None


async def test_the_card_of_the_end_says_why_and_what_it_cost(chat: Chat) -> None:
    """GPU and disk apart, each with its time, and that it was seen gone at Vast."""
    rental = await chat.ready()
    chat.clock.turn(timedelta(hours=2))

    await chat.ended(rental)

    shown = text(chat.cards[0])
    assert "ended" in shown
    assert f"Ended by <@{chat.ada.id}>." in shown
    assert "**It cost $0.44**: GPU $0.40 for 2 h · disk $0.04 for 2 h" in shown
    assert "Seen gone at Vast" in shown


async def test_status_shows_phase_age_cost_and_price(chat: Chat) -> None:
    """Each open rental in a few lines, for its owner alone."""
    rental = await chat.ready(name="fastbook")
    await chat.change(rental.id, detail="success, running")
    chat.clock.turn(timedelta(hours=1))

    answer = await chat.ada.slash(chat.channel, "status")

    assert answer.ephemeral
    shown = text(answer.response)
    assert "1 machine · $0.222/h at the moment" in shown
    assert "fastbook · Ready** <t:" in shown
    assert "$0.222/h · RTX 3090 · 24 GB VRAM · $0.22 so far · asked <t:" in shown
    assert "`success, running`" in shown


async def test_a_lead_sees_the_status_and_spending_of_others(chat: Chat) -> None:
    """Leads are those who may manage the server."""
    await chat.ready()
    chat.clock.turn(timedelta(hours=1))

    status = await chat.lead.slash(chat.channel, "status", member=chat.ada)
    spending = await chat.lead.slash(chat.channel, "spend", member=chat.ada)

    assert f"1 machine of <@{chat.ada.id}>" in text(status.response)
    assert f"$0.22 spent by <@{chat.ada.id}>" in text(spending.response)


@pytest.mark.usefixtures("drawn")
async def test_spend_adds_up_by_rental(chat: Chat) -> None:
    """The total, each rental's part, and the present price of an hour."""
    first = await chat.ready(name="one")
    chat.clock.turn(timedelta(hours=1))
    await chat.ended(first)
    await chat.ready(name="two", gpu="RTX 4090")
    chat.clock.turn(timedelta(hours=1))

    answer = await chat.ada.slash(chat.channel, "spend")

    assert answer.ephemeral
    shown = text(answer.response)
    assert "### $0.54 spent" in shown
    assert "$0.318/h at the moment" in shown
    assert "**$0.32** · two · Ready" in shown
    assert re.search(r"\*\*\$0\.22\*\* · one · ended <t:\d+:d>", shown)


async def test_with_nothing_rented_the_answers_say_so(chat: Chat) -> None:
    """No empty lists."""
    status = await chat.ben.slash(chat.channel, "status")
    spending = await chat.ben.slash(chat.channel, "spend")

    assert "You have nothing running" in text(status.response)
    assert "No machine was rented yet" in text(spending.response)


async def test_help_tells_how_to_begin(chat: Chat) -> None:
    """Private, in plain words; leads read what they may beyond that."""
    member = await chat.ada.slash(chat.channel, "help")
    lead = await chat.lead.slash(chat.channel, "help")

    assert member.ephemeral
    assert "1. /offers shows machines" in text(member.response)
    assert "You are a lead" not in text(member.response)
    assert "You are a lead" in text(lead.response)


async def test_a_price_of_the_contract_is_what_the_card_counts_with(chat: Chat) -> None:
    """What the contract says replaces what the offer said."""
    rental = await chat.ready()
    await chat.change(rental.id, rates=some_rates(gpu_per_hour=Usd.of("0.199")))

    await chat.deliver()

    assert "**$0.220/h** in all · GPU $0.199/h" in text(chat.cards[0])
