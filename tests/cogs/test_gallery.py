"""How every card of the gallery looks on a phone: as it did when a person looked last."""

from __future__ import annotations

from pathlib import Path

import discord
import pytest

from cogs.ui import look
from tests.browser import chromium
from tests.cogs.camera import Camera
from tests.cogs.conftest import Chat
from tests.gallery import gallery
from tests.pictures.album import Album

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(600)]


async def test_every_card_looks_as_it_was_seen(chat: Chat, tmp_path: Path) -> None:
    """One of each, with long and short names, in every state: nothing changes unnoticed."""
    album = Album(tmp_path)
    async with chromium() as browser:
        one = Camera(chat, browser, album, "gallery")
        for name, card in gallery(chat.clock.now()).items():
            message = await _posted(chat, card)
            await one.take(name, message)
            await message.delete()
    album.close("gallery")


async def _posted(chat: Chat, card: look.Card) -> discord.Message:
    channel = chat.env.bot.get_channel(chat.channel.id)
    assert isinstance(channel, discord.TextChannel)
    for item in list(card.walk_children()):
        if isinstance(item, discord.ui.File):  # what is attached is not part of the look
            card.remove_item(item)
    return await channel.send(view=card)
