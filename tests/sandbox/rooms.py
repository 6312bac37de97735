"""A yard of real machines for tests, and a key that opens them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from bot.adapters.ssh.keys import SshKey
from bot.domain.rentals import Address
from bot.sandbox.machine import Machines
from bot.sandbox.yard import Plan


@dataclass(slots=True, kw_only=True)
class Room:
    machines: Machines
    data: Path
    key: SshKey = field(
        default_factory=lambda: SshKey(asyncssh.generate_private_key("ssh-ed25519"))
    )

    async def start(
        self,
        contract: int = 7,
        *,
        image: str = "vastai/pytorch:@vastai-automatic-tag",
        label: str = "bellhop/bcdfgh",
        onstart: str = "",
        ssh_after_s: float = 0,
    ) -> Address:
        port = await self.machines.start(
            plan(contract, image=image, label=label, onstart=onstart),
            keys=[self.key.public_line()],
            ssh_after_s=ssh_after_s,
        )
        return Address("127.0.0.1", port)

    @asynccontextmanager
    async def login(self, address: Address) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """A client that is not Bellhop's, as patient as a person."""
        deadline = time.monotonic() + 10
        while True:
            try:
                connection = await self.connect(address)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
        async with connection:
            yield connection

    async def connect(
        self, address: Address, *, username: str = "root"
    ) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            address.host,
            address.port,
            username=username,
            client_keys=[self.key.private],
            known_hosts=None,
            agent_path=None,
            config=None,
        )


@asynccontextmanager
async def open_room(data: Path) -> AsyncIterator[Room]:
    machines = Machines(data)
    try:
        yield Room(machines=machines, data=data)
    finally:
        await machines.close()


def plan(contract: int, *, image: str, label: str, onstart: str) -> Plan:
    return Plan(
        contract=contract,
        image=image,
        label=label,
        gpu_name="RTX A5000",
        gpus=2,
        vram_mb=24564,
        env={"GREETING": "hello there"},
        onstart=onstart,
    )


async def until(holds: Callable[[], bool], *, within_s: float = 30) -> None:
    """Look again and again until it holds."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)
