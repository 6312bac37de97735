"""A simulated machine in a process of its own, and what it has carried and worked so far.

`python -m tests.bench.machine FOLDER "PUBLIC KEY"` prints where its SSH and its counters are.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.domain.rentals import Address
from bot.sandbox.machine import Machines
from bot.sandbox.yard import Plan
from tests.e2e.programs import program

CONTRACT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Bytes in and out of its SSH sessions, and the processor time of what ran in them."""

    carried: int
    cpu_s: float

    def since(self, before: Counters) -> Counters:
        return Counters(carried=self.carried - before.carried, cpu_s=self.cpu_s - before.cpu_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine as the benchmarks see it. `workspace` is its folder, from the host's side."""

    address: Address
    workspace: Path
    counters_url: str

    async def counters(self) -> Counters:
        async with aiohttp.ClientSession() as session, session.get(self.counters_url) as answer:
            told = await answer.json()
        return Counters(**told)


@contextlib.asynccontextmanager
async def machine(folder: Path, public_key: str) -> AsyncIterator[Machine]:
    """One that lets this key in; it ends with the block."""
    async with program("-m", __name__, str(folder), public_key) as running:
        line = await running.line(lambda one: one.startswith("machine "))
        _, ssh, counters = line.split()
        yield Machine(
            address=Address("127.0.0.1", int(ssh)),
            workspace=folder / str(CONTRACT) / "workspace",
            counters_url=f"http://127.0.0.1:{counters}/",
        )


async def main(folder: Path, public_key: str) -> None:
    machines = Machines(folder)
    try:
        port = await machines.start(_plan(), keys=[public_key], ssh_after_s=0)
        runner = web.AppRunner(_app(machines), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"machine {port} {runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()
    finally:
        await machines.close()


def _app(machines: Machines) -> web.Application:
    async def tell(request: web.Request) -> web.Response:
        worked = resource.getrusage(resource.RUSAGE_CHILDREN)
        return web.json_response(
            {"carried": sum(machines.traffic(CONTRACT)), "cpu_s": worked.ru_utime + worked.ru_stime}
        )

    app = web.Application()
    app.router.add_get("/", tell)
    return app


def _plan() -> Plan:
    return Plan(
        contract=CONTRACT,
        image="pytorch:1",
        label="bench",
        gpu_name="RTX A5000",
        gpus=1,
        vram_mb=24564,
        env={},
        onstart="",
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
