"""The service as a program of its own, for tests that kill it: the production App against a
sandbox elsewhere, inside the pretend Discord. `rent` lets Ada ask for a machine first.

Prints `ready RENTAL` for every rental that has a notebook, once each.
"""

from __future__ import annotations

import asyncio
import os
import sys

from bot import log
from bot.app import App, open_app
from bot.config import read
from bot.demo.hands import Hands
from bot.demo.stand_in import Demo
from bot.domain.rentals import State


async def main(words: list[str]) -> None:
    settings = read(os.environ, need=("VAST_API_KEY",))
    log.set_up("text", secrets=settings.secrets)
    async with open_app(settings) as app:
        demo = Demo(bot=app.client)
        await demo.start()
        try:
            if "rent" in words:
                await _rent(demo)
            await _report(app)
        finally:
            await demo.close()


async def _rent(demo: Demo) -> None:
    ada = Hands(demo.env, demo.world, demo.world.people["ada"])
    quote = await ada.command("rent", disk=10)
    await ada.press(quote, "Rent")


async def _report(app: App) -> None:
    told: set[str] = set()
    while True:
        for rental in await app.store.open_rentals():
            served = app.routes.get(rental.id) is not None
            if rental.state is State.READY and served and rental.id not in told:
                told.add(rental.id)
                print("ready", rental.id, flush=True)
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
