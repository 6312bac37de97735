"""Pictures of every card, as the demo's page shows them on a phone and on a desktop.

    python -m tests.gallery FOLDER [NAME …]

They are made to be looked at; `tests/cogs/test_gallery.py` compares them with stored ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import discord
from playwright.async_api import Locator, Page, expect

from bot.demo.stand_in import Demo
from cogs.ui import look
from tests.browser import chromium, conversation, page, ready
from tests.gallery import gallery

SIZES = {"phone": 390, "desktop": 1280}
GREETING = 1  # message that stands there already
HEIGHT = 2200  # of the window, so that no card has to be scrolled


async def take(folder: Path, names: list[str]) -> None:
    """Take a picture of each card in both sizes; in one window each, for that is much faster."""
    now = datetime.now(UTC)
    found = {name: card for name, card in gallery(now).items() if not names or name in names}
    bot = discord.Client(intents=discord.Intents(guilds=True))
    demo = Demo(bot=bot)
    await demo.start(port=0)
    assert demo.pages is not None
    address = demo.pages.address()
    try:
        async with contextlib.AsyncExitStack() as stack:
            browser = await stack.enter_async_context(chromium())
            windows = {
                size: await stack.enter_async_context(
                    page(address, width=width, height=HEIGHT, browser=browser)
                )
                for size, width in SIZES.items()
            }
            for window in windows.values():
                await ready(window)
            for name, card in found.items():
                message = await _post(demo, bot, card)
                for size, window in windows.items():
                    await expect(_messages(window)).to_have_count(GREETING + 1)
                    article = _messages(window).last
                    await article.screenshot(path=folder / f"{name}-{size}.png")
                await message.delete()
                for window in windows.values():
                    await expect(_messages(window)).to_have_count(GREETING)
    finally:
        await demo.close()
        await bot.close()


async def _post(demo: Demo, bot: discord.Client, card: look.Card) -> discord.Message:
    channel = bot.get_channel(demo.world.gpu.id)
    assert isinstance(channel, discord.TextChannel)
    for item in list(card.walk_children()):
        if isinstance(item, discord.ui.File):  # what is attached is not part of the look
            card.remove_item(item)
    return await channel.send(view=card)


def _messages(window: Page) -> Locator:
    return conversation(window).locator("article")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(target, sys.argv[2:]))
