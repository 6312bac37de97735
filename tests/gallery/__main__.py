"""Pictures of every card, as the demo's page shows them on a phone and on a desktop.

    python -m tests.gallery FOLDER [NAME …]

They are made to be looked at; nothing is compared.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import discord
from playwright.async_api import Browser

from bot.demo.stand_in import Demo
from cogs.ui import look
from tests.browser import chromium, conversation, page, ready
from tests.gallery import gallery

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}


async def take(folder: Path, names: list[str]) -> None:
    """Post each card into a channel of its own time, and take its picture in both sizes."""
    found = {
        name: card
        for name, card in gallery(datetime.now(UTC)).items()
        if not names or name in names
    }
    bot = discord.Client(intents=discord.Intents(guilds=True))
    demo = Demo(bot=bot)
    await demo.start(port=0)
    try:
        async with chromium() as browser:
            for name, card in found.items():
                await _show(demo, bot, card)
                await _picture(demo, browser, folder, name)
    finally:
        await demo.close()
        await bot.close()


async def _show(demo: Demo, bot: discord.Client, card: look.Card) -> None:
    """Alone in the channel, so that each picture is of one card."""
    channel = bot.get_channel(demo.world.gpu.id)
    assert isinstance(channel, discord.TextChannel)
    for message in demo.world.gpu.history():
        await channel.get_partial_message(message.id).delete()
    for item in list(card.walk_children()):
        if isinstance(item, discord.ui.File):  # what is attached is not part of the look
            card.remove_item(item)
    await channel.send(view=card)


async def _picture(demo: Demo, browser: Browser, folder: Path, name: str) -> None:
    assert demo.pages is not None
    for size, (width, height) in SIZES.items():
        async with page(
            demo.pages.address(), width=width, height=height, browser=browser
        ) as window:
            await ready(window)
            article = conversation(window).locator("article").last
            await article.wait_for()
            await article.screenshot(path=folder / f"{name}-{size}.png")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(target, sys.argv[2:]))
