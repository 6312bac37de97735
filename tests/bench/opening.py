"""From a machine that lets SSH in to the card that shows Open, beside the same done by hand.

Two figures of the same rentals. The first begins where both the machine's SSH port accepts
connections and its Jupyter answers `/api/status`: what remains is Bellhop's own. The second begins
at the SSH port alone, so Jupyter's start and the time until Bellhop looks again are in it; by hand
that is a script which knows the address beforehand and asks ten times a second.

Both are seen from outside: the port by connecting, Jupyter through its own socket, the card in the
channel. Bellhop runs with the settings of a service, its poll of 15 s (3 s while somebody waits)
among them; sandbox and machines are a process of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from bot.adapters.jupyter.status import answers
from bot.adapters.ssh.keys import SshKey
from bot.adapters.vast.client import Vast
from bot.app import App, open_app
from bot.app.parts import SystemClock
from bot.config import read
from bot.demo.hands import Hands, Seen
from bot.demo.stand_in import Demo
from bot.demo.world import GUILD_ID
from bot.domain.offers import Offer
from bot.domain.rentals import Rental
from bot.ports.market import Order
from tests.bench.by_hand import open_by_hand
from tests.bench.figures import Figure, median_of
from tests.bench.outside import FREE, Moments, appears, door_opens, first
from tests.e2e.programs import sandbox

DISK_GB = 10
PATIENCE_S = 120.0
_QUICK = ("--load-s", "0.5", "--ssh-s", "0.5", "--list-lag-s", "0.1")


async def measure(*, rounds: int, quick: bool) -> list[Figure]:
    """A rental of Bellhop's and one by hand in turn, never both at a time."""
    ours: list[Moments] = []
    theirs: list[Moments] = []
    with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as folder:
        async with _stage(Path(folder), quick=quick) as stage:
            for _ in range(rounds):
                rental, moments = await stage.by_bellhop()
                ours.append(moments)
                theirs.append(await stage.by_hand(rental.offer, rental.image.reference))
    return [
        median_of(
            "Jupyter answers → card with Open",
            [each.after_notebook for each in ours],
            beside="by hand: → a script, asking through `ssh -L` every 0.1 s, knows",
            others=[each.after_notebook for each in theirs],
            goal=2,
        ),
        median_of(
            "SSH lets in → card with Open",
            [each.after_ssh for each in ours],
            beside="by hand: → connected, `jupyter lab` typed, it answers",
            others=[each.after_ssh for each in theirs],
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    app: App
    ada: Hands
    account: Vast  # the same Vast account, seen past Bellhop
    key: SshKey  # of whoever does it by hand
    machines: Path

    async def by_bellhop(self) -> tuple[Rental, Moments]:
        """Rent in the channel, watch from outside, destroy."""
        quote = await self.ada.command("rent", disk=DISK_GB)
        await self.ada.press(quote, "Rent")
        await first(self._open, every_s=0.02, within_s=PATIENCE_S)
        (rental,) = await self.app.store.open_rentals()
        async with asyncio.timeout(PATIENCE_S):
            ssh, notebook, link = await asyncio.gather(
                self._ssh(rental), self._notebook(), self._card(rental)
            )
        asked = await self.ada.command("destroy")
        await self.ada.press(asked, "Archive and destroy")
        await first(self._closed, every_s=0.2, within_s=PATIENCE_S)
        return rental, Moments(ssh=ssh, notebook=notebook, link=link)

    async def by_hand(self, offer: Offer, image: str) -> Moments:
        """An equal machine: the same offer and image, rented past Bellhop."""
        await self.account.register_key(self.key.public_line())
        order = Order(offer_id=offer.id, image=image, disk_gb=DISK_GB, label="by hand")
        contract = await self.account.rent(order)
        try:
            async with asyncio.timeout(PATIENCE_S):
                address = await appears(self.account, "by hand")
                return await open_by_hand(address, self.key.private)
        finally:
            await self.account.destroy(contract)

    async def _ssh(self, rental: Rental) -> float:
        return await door_opens(await appears(self.account, rental.label("bellhop")))

    async def _notebook(self) -> float:
        """When the machine's Jupyter first answers, asked past SSH through its own socket."""
        return await first(self._jupyter_answers, every_s=0.02, within_s=PATIENCE_S)

    async def _jupyter_answers(self) -> bool:
        for socket in self.machines.glob("*/root/.bellhop/jupyter.sock"):
            token = (socket.parent / "token").read_text()
            return await answers(str(socket), token)
        return False

    async def _card(self, rental: Rental) -> float:
        def shown(message: Seen) -> bool:
            return rental.id in message.text and "Open" in message.buttons

        async def look() -> bool:
            return any(shown(message) for message in self.ada.messages())

        return await first(look, every_s=0.01, within_s=PATIENCE_S)

    async def _open(self) -> bool:
        return bool(await self.app.store.open_rentals())

    async def _closed(self) -> bool:
        return not await self._open()


@contextlib.asynccontextmanager
async def _stage(folder: Path, *, quick: bool) -> AsyncIterator[_Stage]:
    machines = folder / "machines"
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(sandbox(machines, *(_QUICK if quick else ())))
        settings = read(
            {
                "VAST_API_KEY": "sandbox",
                "VAST_URL": url,
                "DISCORD_GUILD_ID": str(GUILD_ID),
                "BELLHOP_DATA": str(folder / "bellhop"),
                "BELLHOP_RELAY_LISTEN": "127.0.0.1:0",
                "BELLHOP_RELAY_URL": "http://{rental}.localhost:8642",
            }
        )
        app = await stack.enter_async_context(open_app(settings))
        demo = Demo(bot=app.client)
        stack.push_async_callback(demo.close)
        await demo.start()
        account = Vast(url=url, api_key="sandbox", clock=SystemClock(), paces=FREE)
        stack.push_async_callback(account.close)
        yield _Stage(
            app=app,
            ada=Hands(demo.env, demo.world, demo.world.people["ada"]),
            account=account,
            key=SshKey(asyncssh.generate_private_key("ssh-ed25519")),
            machines=machines,
        )
