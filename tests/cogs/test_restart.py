"""A restart in between changes nothing for whoever looks at an old card."""

from __future__ import annotations

from bot.client import Bellhop, Services
from tests.cogs.conftest import Chat, text


async def test_buttons_of_a_card_work_after_a_restart(chat: Chat, services: Services) -> None:
    """What a button is about is in its custom id and not in our memory."""
    rental = await chat.ready()
    await _restart(chat, services)

    opened = await chat.ada.click(chat.cards[0], label="Open")
    question = await chat.ada.click(chat.cards[0], label="Archive and destroy")
    await _restart(chat, services)
    await chat.ada.click(question.response, label="Archive and destroy")

    assert "Open the notebook" in text(opened.response)
    assert (await chat.again(rental.id)).ended_by == chat.ada.id


async def test_a_quote_is_rented_after_a_restart(chat: Chat, services: Services) -> None:
    """The quote is in the database, and its number in the button."""
    quote = await chat.ada.slash(chat.channel, "rent")
    await _restart(chat, services)

    await chat.ada.click(quote.response, label="Rent")

    assert len(await chat.store.open_rentals()) == 1


async def test_the_menu_of_offers_works_after_a_restart(chat: Chat, services: Services) -> None:
    """The limits of the page ride along in the menu."""
    page = await chat.ada.slash(chat.channel, "offers", disk=100, max_price="0.50", region="SE")
    await _restart(chat, services)

    quote = await chat.ada.select(page.response, ["7001"])

    assert "100 GB disk" in text(quote.response)


async def test_a_refusal_and_a_card_are_pressed_side_by_side(
    chat: Chat, services: Services
) -> None:
    """“Ask a lead” and “More” each lead where they say, whichever of them was shown last."""
    await chat.ready()
    await chat.lead.slash(chat.channel, "budget set", dollars="3", member=chat.ada.user)
    quote = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", hours=10)
    refused = await chat.ada.click(quote.response, label="Rent")

    more = await chat.ada.click(chat.cards[0], label="More")
    await _restart(chat, services)
    asked = await chat.ada.click(refused.response, label="Ask a lead for $1")

    assert "What shall be done with" in text(more.response)
    assert "asks for **$1.00** more this month" in text(asked.followups[0])


async def test_a_form_that_was_open_is_read_after_a_restart(chat: Chat, services: Services) -> None:
    """What somebody has written meanwhile is not lost."""
    form = await chat.ada.slash(chat.channel, "sshkey add")
    await _restart(chat, services)

    answer = await chat.ada.submit_modal(form, {"keys": "my password"})

    assert "That is not a public key. It was not stored." in text(answer.response)


async def test_a_form_that_two_have_open_is_read_from_both(chat: Chat) -> None:
    """A course adds its keys in the same minute."""
    hers = await chat.ada.slash(chat.channel, "sshkey add")
    his = await chat.ben.slash(chat.channel, "sshkey add")

    answers = [
        await chat.ada.submit_modal(hers, {"keys": "hers"}),
        await chat.ben.submit_modal(his, {"keys": "his"}),
    ]

    for answer in answers:
        assert "That is not a public key." in text(answer.response)


async def test_the_card_is_still_edited_after_a_restart(chat: Chat, services: Services) -> None:
    """Its message is on the rental's row."""
    rental = await chat.ready()
    await _restart(chat, services)

    await chat.ended(rental)

    (card,) = chat.cards
    assert "It cost" in text(card)


async def _restart(chat: Chat, services: Services) -> None:
    old = chat.env.bot
    await chat.env.restart_bot(Bellhop(services=services))
    await old.close()
