"""Bellhop's relay and its SSH connections, and nothing else of it, as a process of its own.

`python -m tests.bench.relay.house SSH_PORT FOLDER RENTAL=TARGET …` prints its port, the pid and a
cookie for each rental. A line on standard input, `more N`, connects that many more rentals.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import uvloop

from bot import garbage
from bot.adapters.jupyter.documents import JupyterDocuments
from bot.adapters.ssh.keys import load_or_create
from bot.adapters.ssh.tunnels import SshTunnels
from bot.app.parts import SystemClock
from bot.domain.rentals import Address, RentalId
from bot.ports.machines import NotebookAt
from bot.relay.app import Relay
from bot.services.links import Links
from bot.services.outputs import Outputs
from bot.services.routes import Route, Routes, Traffic
from tests.relay.books import OWNER, Books, rental
from tests.relay.conftest import free_port

TOKEN = "bench-token"


class House:
    def __init__(self, ssh_port: int, folder: Path, targets: dict[RentalId, str]) -> None:
        self._address = Address("127.0.0.1", ssh_port)
        self._targets = targets
        self._tunnels = SshTunnels(key=load_or_create(folder))
        self._routes = Routes()
        self._more = 0
        self._port = free_port()
        url = f"http://{{rental}}.localhost:{self._port}"
        books = Books(*(rental(each) for each in targets))
        self._links = Links(store=books, clock=SystemClock(), relay_url=url)
        self._relay = Relay(
            host="127.0.0.1",
            port=self._port,
            relay_url=url,
            links=self._links,
            routes=self._routes,
            traffic=Traffic(),
            rentals=books,
            health=_well,
            clock=SystemClock(),
            lanes=self._tunnels,
            outputs=Outputs(documents=JupyterDocuments(), routes=self._routes),
        )

    async def open(self) -> None:
        await self._relay.start()
        for rental_id, target in self._targets.items():
            await self.connect(rental_id, target)
        garbage.settle()  # as `bellhop run` does
        cookies = [f"{each}={await self._cookie(each)}" for each in self._targets]
        print(f"house {self._port} {os.getpid()} {' '.join(cookies)}", flush=True)

    async def connect(self, rental_id: RentalId, target: str) -> None:
        await self._tunnels.connect(rental_id, [self._address], host_key=None, patience_s=20)
        port = int(target) if target.isdigit() else None
        notebook = NotebookAt(
            socket=None if port else target, port=port, token=TOKEN, root="/workspace"
        )
        path = await self._tunnels.forward(rental_id, notebook)
        self._routes.set(rental_id, Route(path, TOKEN))

    async def more(self, count: int) -> None:
        target = next(iter(self._targets.values()))
        for _ in range(count):
            self._more += 1
            await self.connect(RentalId(f"more{self._more}"), target)
        print("connected", flush=True)

    async def _cookie(self, rental_id: RentalId) -> str:
        ticket = (await self._links.issue(OWNER, rental_id)).rpartition("/")[2]
        session = await self._links.spend(rental_id, ticket)
        assert session is not None
        return session.value

    async def close(self) -> None:
        await self._relay.close()
        await self._tunnels.aclose()


async def _well() -> dict[str, str]:
    return {}


async def main(ssh_port: int, folder: Path, targets: dict[RentalId, str]) -> None:
    house = House(ssh_port, folder, targets)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        await house.open()
        async for line in reader:
            await house.more(int(line.split()[1]))
    finally:
        await house.close()


if __name__ == "__main__":
    pairs = [word.split("=", 1) for word in sys.argv[3:]]
    uvloop.run(
        main(int(sys.argv[1]), Path(sys.argv[2]), {RentalId(one): two for one, two in pairs})
    )
