"""What is offered while somebody types."""

from __future__ import annotations

from bot.errors import Down
from tests.cogs.conftest import Chat
from tests.cogs.market import FixedMarket


async def test_gpu_models_complete_as_one_types(chat: Chat) -> None:
    """Those that contain what was typed; else those that come near."""
    containing = await chat.ada.autocomplete(chat.channel, "offers", "gpu", "rtx")
    near = await chat.ada.autocomplete(chat.channel, "rent", "gpu", "4080")

    assert [one["value"] for one in containing] == ["RTX 3090", "RTX 4090", "RTX A4000"]
    assert "RTX 4090" in [one["value"] for one in near]


async def test_while_vast_fails_there_is_just_nothing_to_choose(
    chat: Chat, market: FixedMarket
) -> None:
    """The command itself says what the matter is."""
    market.trouble = Down("502")

    assert await chat.ada.autocomplete(chat.channel, "offers", "gpu", "rtx") == []
    assert await chat.ada.autocomplete(chat.channel, "rent", "offer", "") == []


async def test_offers_complete_with_their_price_at_the_asked_disk(chat: Chat) -> None:
    """What else is filled in already counts."""
    choices = await chat.ada.autocomplete(
        chat.channel, "rent", "offer", "sweden", disk=100, max_price="0.50"
    )

    assert choices == [
        {"name": "$0.366/h · RTX 4090 · 24 GB VRAM · Sweden, SE", "value": "7001"},
    ]


async def test_half_a_price_completes_to_nothing(chat: Chat) -> None:
    """What is not yet a price is no reason to fail."""
    assert await chat.ada.autocomplete(chat.channel, "rent", "offer", "", max_price="$") == []


async def test_images_complete_to_presets_or_what_was_typed(chat: Chat) -> None:
    """Any image may be named."""
    presets = await chat.ada.autocomplete(chat.channel, "rent", "image", "")
    typed = await chat.ada.autocomplete(chat.channel, "rent", "image", "pytorch/pytorch:latest")

    assert [one["value"] for one in presets] == ["pytorch", "fastai", "plain"]
    assert [one["value"] for one in typed] == ["pytorch/pytorch:latest"]


async def test_rentals_complete_to_ones_own_and_for_leads_to_all(chat: Chat) -> None:
    """A lead may destroy everybody's machines, and open nobody's."""
    rental = await chat.ready(name="fastbook")

    own = await chat.ada.autocomplete(chat.channel, "destroy", "rental", "fast")
    others = await chat.ben.autocomplete(chat.channel, "destroy", "rental", "")
    lead = await chat.lead.autocomplete(chat.channel, "destroy", "rental", "")
    opening = await chat.lead.autocomplete(chat.channel, "open", "rental", "")

    assert own == lead == [{"name": "fastbook · Ready", "value": rental.id}]
    assert others == opening == []
