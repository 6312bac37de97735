"""Watching a machine from outside: when it has an address, lets SSH in, answers. Times are those
of `time.perf_counter`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.adapters.vast.client import Vast
from bot.adapters.vast.pacing import Endpoint, Pace
from bot.domain.rentals import Address
from bot.sandbox.contracts import CLOSED_PORT

FREE = {endpoint: Pace(1000, 0.001) for endpoint in Endpoint}
"""Paces for the sandbox, which need not be spared."""

_LIST_S = 0.1
_KNOCK_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """One machine: its SSH port accepts, its notebook answers, the person has the way in."""

    ssh: float
    notebook: float
    link: float

    @property
    def after_ssh(self) -> float:
        return self.link - self.ssh

    @property
    def after_notebook(self) -> float:
        return self.link - max(self.ssh, self.notebook)


async def first(look: Callable[[], Awaitable[bool]], *, every_s: float, within_s: float) -> float:
    """When it is first seen."""
    async with asyncio.timeout(within_s):
        while True:
            if await look():
                return time.perf_counter()
            await asyncio.sleep(every_s)


async def appears(account: Vast, label: str) -> Address:
    """The machine's address, as soon as the account shows one behind which it stands."""
    while True:
        for machine in await account.machines():
            for address in machine.addresses if machine.label == label else ():
                if address.port != CLOSED_PORT:
                    return address
        await asyncio.sleep(_LIST_S)


async def door_opens(address: Address) -> float:
    """When the port first accepts a connection."""
    while True:
        try:
            _, writer = await asyncio.open_connection(address.host, address.port)
        except ConnectionRefusedError:
            await asyncio.sleep(_KNOCK_S)
            continue
        opened = time.perf_counter()
        writer.close()
        return opened
