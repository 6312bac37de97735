"""What a person reads when something cannot be done: a sentence, the next step, and no trace."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import discord
import pytest

from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Phase, Reason, State
from bot.errors import BotError, Denied, Down, Nonsense
from tests.cogs.conftest import Chat, text, twice
from tests.cogs.market import FixedMarket


async def test_an_unknown_gpu_is_answered_with_near_names(chat: Chat) -> None:
    """The name as typed, and what was perhaps meant."""
    answer = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4080")

    assert answer.ephemeral
    assert "There is no GPU called “RTX 4080”." in text(answer.response)
    assert "Did you mean RTX 4090" in text(answer.response)


async def test_what_was_typed_is_shown_without_effect(chat: Chat) -> None:
    """Mark-up and links in what somebody typed do nothing in the answer."""
    typed = "[a](http://x.example) *b* <@1> `c`"
    answer = await chat.ada.slash(chat.channel, "offers", gpu=typed)

    shown = text(answer.response).replace("\u200b", "|")
    assert r"“\[a\](http:/|/x.example) \*b\* ‹@|1\> \`c\`”" in shown


@pytest.mark.parametrize("typed", ["日本", "ÄÖ", "S1", "Sweden"])
async def test_a_region_is_two_letters_as_countries_have_them(chat: Chat, typed: str) -> None:
    """What else two characters may be is not looked for, and cannot ride along in a button."""
    answer = await chat.ada.slash(chat.channel, "offers", region=typed)

    assert "A region is a country's two letters." in text(answer.response)


async def test_no_fitting_offer_names_the_limit_that_keeps_out_most(chat: Chat) -> None:
    """So that one knows what to give up."""
    answer = await chat.ada.slash(chat.channel, "offers", max_price="0.10")

    assert "No machine on the market fits that right now." in text(answer.response)
    assert "“at most $0.10 an hour”. Try without it." in text(answer.response)


async def test_the_image_of_2022_is_not_put_on_a_newer_gpu(chat: Chat) -> None:
    """It has no kernels for Hopper and Blackwell; the answer says that the image is in the way."""
    answer = await chat.ada.slash(chat.channel, "rent", gpu="H100 SXM", image="fastai")

    assert answer.ephemeral
    assert "No machine on the market fits that right now." in text(answer.response)
    assert "The image fastai does not run on GPUs that new. Try another image" in text(
        answer.response
    )


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.NO_SSH, "It started, but never let us in. Try another machine with /offers."),
        (Reason.NO_OFFER, "nothing of its kind was left within the quoted price. Ask again with"),
        (Reason.PRICE_ROSE, "The host asked for more than was quoted, so we did not keep it."),
    ],
)
async def test_a_machine_that_never_became_ready_says_so_on_its_card(
    chat: Chat, reason: Reason, said: str
) -> None:
    """In the channel, on the card that promised the machine; nothing of it is left to press."""
    rental = await chat.rented()
    await chat.deliver()
    now = chat.clock.now()
    had = {} if reason is Reason.NO_OFFER else {"contract": ContractId(5), "created_at": now}

    await chat.change(
        rental.id,
        state=State.CLOSED,
        reason=reason,
        released_at=now,
        gone_at=now,
        closed_at=now,
        **had,
    )
    await chat.deliver()

    (card,) = chat.cards
    assert said in text(card)
    assert ("No machine was rented" in text(card)) is (reason is Reason.NO_OFFER)
    assert not [line for line in text(card).splitlines() if line in ("Open", "Cancel", "Destroy")]


async def test_a_state_of_vasts_that_nobody_knows_is_shown_as_it_came(chat: Chat) -> None:
    """Nothing is concluded from it: the card keeps its phase and repeats Vast's own words."""
    rental = await chat.rented()

    await chat.change(
        rental.id,
        state=State.BOOTING,
        phase=Phase.LOADING,
        contract=ContractId(5),
        detail="hibernating",
    )
    await chat.deliver()

    (card,) = chat.cards
    assert "**Loading**" in text(card)
    assert "Last heard:" in text(card)
    assert "hibernating" in text(card)


async def test_an_offer_that_is_gone_is_said_to_be_gone(chat: Chat, market: FixedMarket) -> None:
    """The menu of an old page may name what somebody else has rented since."""
    page = await chat.ada.slash(chat.channel, "offers")
    market.offers = [one for one in market.offers if one.id != 7001]

    answer = await chat.ada.select(page.response, ["7001"])

    assert answer.ephemeral
    assert "That offer is gone, or it does not fit the other limits." in text(answer.response)
    assert "Choose another one with /offers." in text(answer.response)


@pytest.mark.parametrize("typed", ["0,40", "free", "-1", "0", "1e3", "$", "12345"])
async def test_a_price_that_is_none_is_refused_with_an_example(chat: Chat, typed: str) -> None:
    """Money is never guessed at: a comma may mean thousands or tenths."""
    answer = await chat.ada.slash(chat.channel, "offers", max_price=typed)

    assert "That is not a price." in text(answer.response)
    assert "like 0.40" in text(answer.response)


@pytest.mark.parametrize("typed", ["0.40", "$0.40", ".4", "$0.4/h", "0.40 usd", " 0.400 "])
async def test_a_price_is_taken_in_any_usual_form(chat: Chat, typed: str) -> None:
    """With or without the sign, the unit and the leading zero."""
    answer = await chat.ada.slash(chat.channel, "offers", max_price=typed)

    assert "2 offers, cheapest first" in text(answer.response)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"offer": "the cheap one"}, "That is not the number of an offer."),
        ({"image": "no image; rm -rf"}, "That is not the name of an image."),
    ],
)
async def test_malformed_options_of_rent_are_refused(
    chat: Chat, options: dict[str, Any], said: str
) -> None:
    """Each with its own words."""
    answer = await chat.ada.slash(chat.channel, "rent", **options)

    assert said in text(answer.response)


async def test_a_region_is_two_letters(chat: Chat) -> None:
    """A whole name is not guessed at, but Vast's own way of writing one is understood."""
    wrong = await chat.ada.slash(chat.channel, "offers", region="Sweden")
    right = await chat.ada.slash(chat.channel, "offers", region="Sweden, SE")

    assert "A region is a country's two letters." in text(wrong.response)
    assert "2 offers" in text(right.response)


async def test_an_old_quote_is_not_rented(chat: Chat) -> None:
    """After ten minutes its price is no longer a promise."""
    quote = await chat.ada.slash(chat.channel, "rent")
    chat.clock.turn(timedelta(minutes=11))

    pressed = await chat.ada.click(quote.response, label="Rent")

    assert "This quote is too old" in text(pressed.followups[0])
    assert "Ask again with /rent." in text(pressed.followups[0])
    assert pressed.followups[0].ephemeral
    assert await chat.store.open_rentals() == []


async def test_credit_that_is_too_low_is_told_with_both_amounts(
    chat: Chat, market: FixedMarket
) -> None:
    """How much there is and how much is needed; and who can change that."""
    quote = await chat.ada.slash(chat.channel, "rent", hours=10)
    market.credit = Usd.of("1.50")

    pressed = await chat.ada.click(quote.response, label="Rent")

    assert "The team's Vast credit is $1.50; this needs $2.22" in text(pressed.followups[0])
    assert "A lead can add credit" in text(pressed.followups[0])


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Down("502"), "Vast.ai is not answering right now."),
        (Nonsense("<html>"), "Vast.ai answered something we cannot understand."),
        (Denied("401"), "Vast.ai refuses our key."),
    ],
)
async def test_when_vast_fails_the_sentence_says_so(
    chat: Chat, market: FixedMarket, trouble: BotError, said: str
) -> None:
    """And nothing of what it answered is shown."""
    market.trouble = trouble

    answer = await chat.ada.slash(chat.channel, "rent")

    assert answer.ephemeral
    assert said in text(answer.response)
    assert "<html>" not in text(answer.response)


async def test_somebody_elses_buttons_are_refused(chat: Chat) -> None:
    """The card is public, its buttons are not: each press is checked on the server."""
    rental = await chat.ready()

    opened = await chat.ben.click(chat.cards[0], label="Open")
    destroyed = await chat.ben.click(chat.cards[0], label="Archive and destroy")

    for answer in (opened, destroyed):
        assert answer.ephemeral
        assert "This machine belongs to somebody else." in text(answer.response)
    assert (await chat.again(rental.id)).released_at is None


async def test_the_second_press_is_checked_as_well(chat: Chat) -> None:
    """Whoever was asked, the press of the red button is judged by itself."""
    rental = await chat.ready()
    question = await chat.ada.click(chat.cards[0], label="Archive and destroy")
    forged = twice(chat.ada, question.response, "Archive and destroy", by=chat.ben)

    answer = await forged()

    assert "This machine belongs to somebody else." in text(answer.followups[0])
    assert (await chat.again(rental.id)).released_at is None


async def test_a_lead_may_destroy_but_not_open(chat: Chat) -> None:
    """A notebook is entered by its owner alone."""
    rental = await chat.ready()

    opened = await chat.lead.slash(chat.channel, "open", rental=rental.id)
    question = await chat.lead.slash(chat.channel, "destroy", rental=rental.id)
    await chat.lead.click(question.response, label="Archive and destroy")

    assert "This machine belongs to somebody else." in text(opened.response)
    assert f"Rented for <@{chat.ada.id}>." not in text(opened.response)
    assert (await chat.again(rental.id)).ended_by == chat.lead.id


async def test_members_do_not_see_what_others_have_or_spend(chat: Chat) -> None:
    """Only leads do."""
    await chat.ready()

    status = await chat.ben.slash(chat.channel, "status", member=chat.ada)
    spending = await chat.ben.slash(chat.channel, "spend", member=chat.ada)

    for answer in (status, spending):
        assert "Only leads see other people's machines and spending." in text(answer.response)


async def test_somebody_elses_quote_is_refused(chat: Chat) -> None:
    """A Rent button belongs to whoever asked for the price."""
    quote = await chat.ada.slash(chat.channel, "rent")
    forged = twice(chat.ada, quote.response, "Rent", by=chat.ben)

    answer = await forged()

    assert "This quote was made for somebody else." in text(answer.followups[0])
    assert await chat.store.open_rentals() == []


async def test_a_machine_that_is_starting_is_not_opened(chat: Chat) -> None:
    """The card says how far it is; the link comes when there is something behind it."""
    rental = await chat.rented()

    answer = await chat.ada.slash(chat.channel, "open", rental=rental.id)

    assert "This machine is not ready yet." in text(answer.response)


async def test_a_name_nobody_knows_is_not_found(chat: Chat) -> None:
    """Neither with a machine of one's own nor without."""
    without = await chat.ada.slash(chat.channel, "destroy")
    await chat.ready()
    unknown = await chat.ada.slash(chat.channel, "destroy", rental="nosuch")

    assert "You have no machine." in text(without.response)
    assert "There is no such machine." in text(unknown.response)


async def test_a_machine_that_has_ended_is_not_destroyed_again(chat: Chat) -> None:
    """The question of an old message is answered with how things are."""
    rental = await chat.ready()
    question = await chat.ada.slash(chat.channel, "destroy", rental=rental.id)
    await chat.ended(rental)

    await chat.ada.click(question.response, label="Archive and destroy")

    assert "It is gone already." in text(question.response)
    assert (await chat.again(rental.id)).state is State.CLOSED


async def test_where_the_bot_may_not_write_nothing_is_rented(chat: Chat) -> None:
    """A command reaches us from every channel; a card can only stand where we may write."""
    closed = chat.guild.create_text_channel(
        "closed", overwrites={chat.guild.me: discord.PermissionOverwrite(send_messages=False)}
    )

    answer = await chat.ada.slash(closed, "rent")

    assert answer.ephemeral
    assert "I may not write in this channel" in text(answer.response)
    assert "Send Messages" in text(answer.response)


async def test_a_fault_of_ours_gets_a_number_and_no_trace(
    chat: Chat, market: FixedMarket, caplog: pytest.LogCaptureFixture
) -> None:
    """The person reads an incident id; the log has it with the trace."""
    market.trouble = ZeroDivisionError("in the engine room")

    answer = await chat.ada.slash(chat.channel, "offers")

    shown = text(answer.response)
    assert "Something went wrong on our side." in shown
    assert "engine room" not in shown
    incident = re.search(r"incident ([0-9a-f]{8})", shown)
    assert incident is not None
    assert f"incident {incident[1]}" in caplog.text
    assert "ZeroDivisionError: in the engine room" in caplog.text
    assert chat.env.errors


async def test_a_fault_behind_a_button_is_told_as_well(
    chat: Chat, market: FixedMarket, caplog: pytest.LogCaptureFixture
) -> None:
    """The library would swallow it without a word."""
    quote = await chat.ada.slash(chat.channel, "rent")
    market.trouble = ZeroDivisionError("in the engine room")

    pressed = await chat.ada.click(quote.response, label="Rent")

    assert re.search(r"incident [0-9a-f]{8}", text(pressed.followups[0]))
    assert "ZeroDivisionError" in caplog.text


async def test_in_a_direct_message_the_answer_is_a_plain_refusal(chat: Chat) -> None:
    """A machine belongs to a team, and a team is a server."""
    answer = await chat.ada.user.slash("offers")

    assert "Use me in your server." in text(answer.response)


async def test_a_hiccup_of_discord_is_no_incident(chat: Chat) -> None:
    """A 5xx from Discord is neither ours nor the person's fault."""
    chat.env.inject_error("PATCH", "/webhooks/*", status=502)

    answer = await chat.ada.slash(chat.channel, "status")

    assert "Discord did not take our message." in text(answer.response)
    assert chat.env.errors
