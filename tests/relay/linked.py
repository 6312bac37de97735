"""A machine between the relay and Jupyter: real SSH, lanes and all, that a test can cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.ssh.connect import Pace
from bot.adapters.ssh.keys import load_or_create
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.rentals import Address
from bot.errors import Unreachable
from bot.ports.machines import Carries, NotebookAt
from bot.services.routes import Route
from tests.relay.books import RENTAL
from tests.relay.conftest import House, until
from tests.sandbox.rooms import Room, open_room

_CONTRACT = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The way to the machine. It is made again as soon as it can be, as the reconciler does."""

    room: Room
    tunnels: SshTunnels

    async def cut(self, *, for_s: float) -> None:
        """Every SSH connection breaks, and no new one is let in for so long."""
        await self.room.machines.cut(_CONTRACT, for_s=for_s)

    def connected(self) -> bool:
        return self.tunnels.connected(RENTAL)

    async def fast(self) -> None:
        """Wait for the lanes."""
        for carries in Carries:
            await until(lambda c=carries: self.tunnels.lane(RENTAL, c) is not None, within_s=30)


@contextlib.asynccontextmanager
async def linked(house: House, folder: Path) -> AsyncIterator[Link]:
    """Put a machine before the notebook that the house has a route to."""
    route = house.routes.get(RENTAL)
    assert route is not None
    async with open_room(folder / "machines") as room:
        room.key = load_or_create(folder / "keys")
        address = await room.start(_CONTRACT)
        tunnels = SshTunnels(key=room.key, pace=Pace(attempt_s=5, first_pause_s=0.05))
        house.relay._upstreams._lanes = tunnels
        keeping = asyncio.ensure_future(_keep(house, tunnels, address, route))
        try:
            await until(lambda: tunnels.connected(RENTAL) and _moved(house, route), within_s=20)
            yield Link(room=room, tunnels=tunnels)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await tunnels.aclose()


def _moved(house: House, before: Route) -> bool:
    return house.routes.get(RENTAL) != before


async def _keep(house: House, tunnels: SshTunnels, address: Address, there: Route) -> None:
    notebook = NotebookAt(socket=there.socket_path, port=None, token=there.token, root="/")
    while True:
        with contextlib.suppress(Unreachable):
            await tunnels.connect(RENTAL, [address], host_key=None, patience_s=1)
            path = await tunnels.forward(RENTAL, notebook)
            house.routes.set(RENTAL, Route(path, there.token))
        await asyncio.sleep(0.1)
