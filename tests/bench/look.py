"""One idle look at a resting machine: processor time on it, bytes on the wire.

Beside it: the least that can be asked of a machine over the same connection, `true`. Bytes are
counted by a forwarder between the two, so SSH's own framing is in them. What nvidia-smi costs on a
real machine is not: the sandbox's is a script.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.ssh.keys import load_or_create
from bot.adapters.ssh.looks import ShellLooks
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.rentals import Address, RentalId
from bot.services.probe import FILES_EVERY
from tests.bench.figures import Figure, Unit, median_of
from tests.bench.machine import Machine, machine

_RENTAL = RentalId("bench")
_PATIENCE_S = 20.0


@dataclass(slots=True, kw_only=True)
class _Costs:
    """Samples of one kind of question."""

    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    wire: list[float] = field(default_factory=list)


async def measure(*, looks: int) -> list[Figure]:
    """So many of both in turn; new files are looked for as often as in service."""
    ours, least = _Costs(), _Costs()
    with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as name:
        async with _line(Path(name)) as line:
            shell = line.tunnels.shell(_RENTAL)
            for number in range(looks):
                files = number % FILES_EVERY == 0
                await line.cost(ours, lambda files=files: ShellLooks().look(shell, files=files))
                await line.cost(least, lambda: shell.run("true"))
    beside = "`true` over the same connection"
    rows = (
        ("one idle look: processor time on the machine", ours.cpu_s, least.cpu_s, Unit.SECONDS),
        ("one idle look: bytes on the wire", ours.wire, least.wire, Unit.BYTES),
        ("one idle look: until it is read", ours.seconds, least.seconds, Unit.SECONDS),
    )
    return [
        median_of(title, mine, beside=beside, others=theirs, unit=unit)
        for title, mine, theirs, unit in rows
    ]


@dataclass(slots=True, kw_only=True)
class _Line:
    """A connection through a forwarder that counts."""

    there: Machine
    tunnels: SshTunnels
    wire: _Wire

    async def cost(self, costs: _Costs, ask: Callable[[], Awaitable[object]]) -> None:
        before, bytes_before = await self.there.counters(), self.wire.bytes
        began = time.perf_counter()
        await ask()
        costs.seconds.append(time.perf_counter() - began)
        costs.cpu_s.append((await self.there.counters()).since(before).cpu_s)
        costs.wire.append(self.wire.bytes - bytes_before)


@contextlib.asynccontextmanager
async def _line(folder: Path) -> AsyncIterator[_Line]:
    key = await asyncio.to_thread(load_or_create, folder / "keys")
    tunnels = SshTunnels(key=key)
    async with machine(folder / "machines", key.public_line()) as there:
        wire = _Wire(there.address)
        server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            where = [Address("127.0.0.1", port)]
            await tunnels.connect(_RENTAL, where, host_key=None, patience_s=_PATIENCE_S)
            yield _Line(there=there, tunnels=tunnels, wire=wire)
        finally:
            await tunnels.aclose()
            server.close()
            await server.wait_closed()


class _Wire:
    """Forwards to an address, and counts the bytes of both directions."""

    def __init__(self, to: Address) -> None:
        self._to = to
        self.bytes = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(self._to.host, self._to.port)
        await asyncio.gather(self._copy(reader, outer), self._copy(inner, writer))

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                self.bytes += len(data)
                target.write(data)
                await target.drain()
        target.close()
