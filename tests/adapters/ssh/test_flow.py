"""Whoever reads slowly holds the other side back, over real SSH, and nothing collects between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.rentals import RentalId
from bot.ports.machines import NotebookAt
from tests.sandbox.rooms import Room

_ID = RentalId("bcdfgh")
MB = 1024 * 1024
PIECE = bytes(64 * 1024)
TAKEN = 12 * MB
HELD = 8 * MB
"""More than windows, buffers and sockets between both ends; the fault held many times as much."""


class End:
    """One end of a connection: sends as much as it can, or takes what it is told to."""

    def __init__(self) -> None:
        self.moved = 0

    async def pour(self, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(PIECE)
            await writer.drain()
            self.moved += len(PIECE)

    async def sip(self, reader: asyncio.StreamReader, other: Callable[[], int]) -> None:
        """Slowly, but always moving: the other side has stopped before each next piece."""
        while self.moved < TAKEN:
            self.moved += len(await reader.read(len(PIECE)))
            await _stopped(other)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(path: Path, serve: Serve) -> AsyncIterator[None]:
    """`serve` at a local socket, until the other end is gone or the block is left."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(serve(reader, writer))
        running.add(serving)
        await asyncio.wait([serving])
        writer.close()

    running: set[asyncio.Future[None]] = set()
    server = await asyncio.start_unix_server(accept, str(path), limit=len(PIECE))
    try:
        yield
    finally:
        server.close()
        for serving in running:
            serving.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def way_to(room: Room, tunnels: SshTunnels, path: Path) -> str:
    address = await room.start()
    await tunnels.connect(_ID, [address], host_key=None, patience_s=10)
    return await tunnels.forward(_ID, NotebookAt(socket=str(path), port=None, token="", root="/"))


async def test_a_slow_download_leaves_the_rest_at_its_source(
    room: Room, tunnels: SshTunnels, tmp_path: Path
) -> None:
    """On the shared connection, where asyncssh holds what its reader has not taken."""
    source, sink = End(), End()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await source.pour(writer)

    async with listening(tmp_path / "n.sock", serve):
        path = await way_to(room, tunnels, tmp_path / "n.sock")
        reader, writer = await asyncio.open_unix_connection(path, limit=len(PIECE))
        await sink.sip(reader, lambda: source.moved)
        writer.close()

    assert source.moved - sink.moved < HELD


async def test_a_slow_upload_leaves_the_rest_with_its_sender(
    room: Room, tunnels: SshTunnels, tmp_path: Path
) -> None:
    """The simulated machine's SSH server is asyncssh's too."""
    source, sink = End(), End()
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await sink.sip(reader, lambda: source.moved)
        done.set()

    async with listening(tmp_path / "n.sock", serve):
        path = await way_to(room, tunnels, tmp_path / "n.sock")
        _, writer = await asyncio.open_unix_connection(path)
        pouring = asyncio.ensure_future(source.pour(writer))
        async with asyncio.timeout(60):
            await done.wait()
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
        writer.close()

    assert source.moved - sink.moved < HELD


async def test_a_slow_archive_leaves_the_rest_on_the_machine(
    room: Room, tunnels: SshTunnels
) -> None:
    """What a command puts out waits there until it is read; a store may be slower than a host."""
    address = await room.start()
    await tunnels.connect(_ID, [address], host_key=None, patience_s=10)
    script = "i=0; while head -c 1048576 /dev/zero; do i=$((i+1)); echo $i >counted; done"
    taken = 0

    def sent() -> int:
        told = [path.read_text().strip() for path in room.data.rglob("counted")]
        return int(told[0]) * MB if told and told[0] else 0

    async with tunnels.shell(_ID).stream(script, timeout_s=120) as running:
        async for data in running:
            taken += len(data)
            await _stopped(sent, apart_s=0.01)
            if taken >= TAKEN:
                break

    assert sent() - taken < HELD


async def test_what_is_sent_before_a_channel_opens_waits_outside(
    room: Room, tunnels: SshTunnels, tmp_path: Path
) -> None:
    """The machine is silent for a while; then everything arrives, in order."""
    source = End()
    first = bytes(range(256)) * 4096  # 1 MB
    heard = bytearray()
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while len(heard) < 4 * len(first):
            heard.extend(await reader.read(len(PIECE)))
        done.set()

    async def pour(writer: asyncio.StreamWriter) -> None:
        for _ in range(16):
            writer.write(first)
            await writer.drain()
            source.moved += len(first)

    async with listening(tmp_path / "n.sock", serve):
        path = await way_to(room, tunnels, tmp_path / "n.sock")
        await room.machines.hang(7, for_s=3600)
        _, writer = await asyncio.open_unix_connection(path)
        pouring = asyncio.ensure_future(pour(writer))
        await _stopped(lambda: source.moved)
        waiting = source.moved
        await room.machines.hang(7, for_s=0)
        async with asyncio.timeout(60):
            await done.wait()
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
        writer.close()

    assert waiting < 4 * MB
    assert bytes(heard[: 4 * len(first)]) == first * 4


async def _stopped(count: Callable[[], int], *, apart_s: float = 0.001) -> None:
    """Until a count has not grown for some looks in a row."""
    still = 0
    before = count()
    while still < 5:
        await asyncio.sleep(apart_s)
        still = still + 1 if count() == before else 0
        before = count()
