"""The main job in chat: offers, quote, rent, one card, open, destroy, spend."""

from __future__ import annotations

from tests.cogs.conftest import Chat, text


async def test_offers_lists_what_fits_with_the_whole_price(chat: Chat) -> None:
    """The price of an hour includes the asked disk; the cheapest stands first."""
    answer = await chat.ada.slash(chat.channel, "offers", gpu="4090")

    assert answer.ephemeral
    assert "RTX 4090 · $0.318/h" in text(answer.response)
    assert "24 GB VRAM · Sweden, SE · 99.2 % reliable" in text(answer.response)
    assert "H100" not in text(answer.response)
