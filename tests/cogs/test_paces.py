"""Usual times in chat: on the quote, on the card and in /status, once there are any."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.rentals import ContractId, Phase, State
from tests.adapters.storage.test_starts import started
from tests.cogs.conftest import Chat, text

S = timedelta(seconds=1)


async def test_before_any_start_nothing_is_promised(chat: Chat) -> None:
    """No invented number on the quote, the card or in /status."""
    quote = await chat.ada.slash(chat.channel, "rent", offer="7002")
    await chat.ada.click(quote.response, label="Rent")
    await chat.deliver()
    status = await chat.ada.slash(chat.channel, "status")

    for shown in (quote.response, chat.cards[0], status.response):
        assert "usual" not in text(shown).lower()


async def test_what_was_learned_is_on_the_quote_the_card_and_in_status(chat: Chat) -> None:
    """From three earlier starts with the image, on other machines."""
    for _ in range(3):
        await started(chat.store, chat.clock)

    quote = await chat.ada.slash(chat.channel, "rent", offer="7002")
    seen = text(quote.response)
    await chat.ada.click(quote.response, label="Rent")
    (rental,) = await chat.store.rentals_of(chat.guild.id, chat.ada.id)
    now = chat.clock.now()
    await chat.change(
        rental.id,
        state=State.BOOTING,
        phase=Phase.LOADING,
        phase_at=now,
        contract=ContractId(5),
        created_at=now,
    )
    await chat.deliver()
    status = await chat.ada.slash(chat.channel, "status")

    said = "Usually ready 2 min after it is rented. Usual is what 3 earlier starts with this image"
    assert said in seen
    assert said in text(chat.cards[0])
    assert said in text(status.response)
    assert "▸ **Loading** · usually 60 s\n○ Connecting · usually 10 s" in text(chat.cards[0])
