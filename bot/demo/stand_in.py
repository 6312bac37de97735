"""The whole stand-in in one object: a pretend Discord around any discord.py bot, and its page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import discord

from bot.demo.live import LiveEnv, true_time
from bot.demo.page import Pages, open_pages
from bot.demo.world import World, build_world, greet


class Demo:
    """Runs a bot in a pretend Discord.

    The bot is not logged in and not started by its owner: `start` does both, without a token, in
    place of `bot.start(token)`. Its owner closes it after `close`.
    """

    def __init__(self, *, bot: discord.Client, now: Callable[[], datetime] = true_time) -> None:
        self.env = LiveEnv(bot, now=now)
        self.world: World = build_world(self.env)
        self.pages: Pages | None = None

    async def start(self, port: int | None = None) -> None:
        """Bring the bot to readiness; with a port (0 picks one), open the page too.

        The task that calls this, and all that it starts, can answer interactions. Raises Config
        when the port is taken, and whatever the bot's `setup_hook` raises.
        """
        await self.env.start()
        try:
            await greet(self.world)
            if port is not None:
                self.pages = await open_pages(self.env, self.world, port)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Take the page down and let go of the bot; safe to repeat."""
        if self.pages is not None:
            await self.pages.close()
            self.pages = None
        await self.env.shutdown()
