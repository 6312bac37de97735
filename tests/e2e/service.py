"""The service as a program of its own, for tests that kill it: the production App against a
sandbox elsewhere, inside the pretend Discord. `rent` lets Ada ask for a machine first, `end` lets
her end it, archived, and `move` move it to another GPU, once `go` lies in the data folder.

Prints `ready RENTAL`, `archiving RENTAL` and `closed RENTAL ARCHIVE`, once each; of a move also
`restoring RENTAL`, `switching RENTAL` and `cleared RENTAL`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import bot.relay.app
from bot import log
from bot.app import App, open_app
from bot.config import read
from bot.demo.hands import Hands
from bot.demo.stand_in import Demo
from bot.domain.rentals import Phase, RentalId, State

bot.relay.app.TAB_S = 5.0  # nobody's tab comes back after a kill, and a test need not wait for it


async def main(words: list[str]) -> None:
    settings = read(os.environ, need=("VAST_API_KEY",))
    log.set_up("text", secrets=settings.secrets)
    async with open_app(settings) as app:
        demo = Demo(bot=app.client)
        await demo.start()
        try:
            if "rent" in words:
                await _rent(demo)
            async with asyncio.TaskGroup() as work:
                work.create_task(_report(app))
                if "end" in words:
                    work.create_task(_end(demo, settings.data / "go"))
                if "move" in words:
                    work.create_task(_go_elsewhere(demo, settings.data / "go"))
        finally:
            await demo.close()


async def _rent(demo: Demo) -> None:
    ada = Hands(demo.env, demo.world, demo.world.people["ada"])
    quote = await ada.command("rent", disk=10)
    await ada.press(quote, "Rent")


async def _sign(go: Path) -> None:
    for _ in range(2000):
        if await asyncio.to_thread(go.exists):
            break
        await asyncio.sleep(0.05)


async def _go_elsewhere(demo: Demo, go: Path) -> None:
    """Wait for the sign, then move Ada's machine to the last one in the menu."""
    await _sign(go)
    ada = Hands(demo.env, demo.world, demo.world.people["ada"])
    card = await ada.see(lambda one: "More" in one.buttons, "a ready card", 30)
    menu = await ada.choose(await ada.press(card, "More"), "move")
    quote = await ada.choose(menu, menu.choices[-1])
    await ada.press(quote, "Move")


async def _end(demo: Demo, go: Path) -> None:
    """Wait for the sign, then end Ada's machine."""
    await _sign(go)
    ada = Hands(demo.env, demo.world, demo.world.people["ada"])
    asked = await ada.command("destroy")
    await ada.press(asked, "Archive and destroy")


async def _report(app: App) -> None:
    told: set[str] = set()
    known: set[RentalId] = set()

    def tell(*words: object) -> None:
        line = " ".join(str(word) for word in words)
        if line not in told:
            told.add(line)
            print(line, flush=True)

    while True:
        known |= {rental.id for rental in await app.store.open_rentals()}
        for rental_id in known:
            rental = await app.store.rental(rental_id)
            assert rental is not None
            if rental.state is State.READY and app.routes.get(rental.id) is not None:
                tell("ready", rental.id)
            if rental.state is State.BOOTING and rental.phase in (
                Phase.RESTORING,
                Phase.SWITCHING,
            ):
                tell(rental.phase, rental.id)
            if rental.cleared_at is not None:
                tell("cleared", rental.id)
            if rental.state is State.ARCHIVING:
                tell("archiving", rental.id)
            if rental.state is State.CLOSED:
                tell("closed", rental.id, rental.archive_id)
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
