"""The measuring end of a way: as little work of our own for each byte as can be.

All times are seconds of `time.perf_counter`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

BUFFER = 1024 * 1024
PATIENCE_S = 180.0
ENDLESS = 100_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to the server, as a client sees it."""

    name: str
    port: int
    host: str = "127.0.0.1"  # for the Host header
    cookie: str = ""
    token: str = ""  # of a Jupyter that is reached without Bellhop

    def head(self, method: str, path: str, *more: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", *more]
        if self.cookie:
            lines.append(f"Cookie: bellhop={self.cookie}")
        if self.token:
            lines.append(f"Authorization: token {self.token}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @property
    def origin(self) -> str:
        return f"http://{self.host}"


class Line(asyncio.BufferedProtocol):
    """A connection that counts what it reads, and calls `wake` when so much has come."""

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._head = b""
        self._listen: Callable[[memoryview], None] | None = None
        self._lost = False
        self._free = asyncio.Event()
        self._free.set()
        self.waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._free.set()
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(ConnectionError("the line broke"))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        if self._listen is not None:
            self._listen(self._view[:nbytes])

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    async def answer(self) -> tuple[int, bytes, int]:
        """The status of an answer, what came of its body with the head, and the body's length."""
        head = bytearray()
        done = self._expect()

        def listen(data: memoryview) -> None:
            head.extend(data)
            if b"\r\n\r\n" in head and not done.done():
                done.set_result(None)

        self._listen = listen
        await asyncio.wait_for(done, PATIENCE_S)
        fields, _, rest = bytes(head).partition(b"\r\n\r\n")
        lengths = [
            int(line.partition(b":")[2])
            for line in fields.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        return int(fields.split(b" ", 2)[1]), rest, lengths[0] if lengths else -1

    async def count(self, size: int) -> None:
        """Read so many bytes."""
        if size <= 0:
            return
        done = self._expect()
        left = size

        def listen(data: memoryview) -> None:
            nonlocal left
            left -= len(data)
            if left <= 0 and not done.done():
                done.set_result(None)

        self._listen = listen
        await asyncio.wait_for(done, PATIENCE_S)

    async def send(self, data: bytes, times: int) -> None:
        for _ in range(times):
            self.transport.write(data)
            await self._free.wait()
            if self._lost:
                raise ConnectionError("the line broke")

    def ignore(self) -> None:
        """What comes from now on is read and dropped."""
        self._listen = None

    def _expect(self) -> asyncio.Future[None]:
        if self._lost:
            raise ConnectionError("the line broke")
        self.waiter = asyncio.get_running_loop().create_future()
        return self.waiter


async def line(way: Way) -> Line:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(Line, "127.0.0.1", way.port)
    return protocol


async def download(way: Way, size: int, path: str = "") -> float:
    """Until the last byte of a download was read."""
    one = await line(way)
    began = time.perf_counter()
    one.transport.write(way.head("GET", path or f"/down/{size}"))
    status, rest, length = await one.answer()
    assert (status, length) == (200, size), (way.name, status, length)
    await one.count(size - len(rest))
    took = time.perf_counter() - began
    one.transport.close()
    return took


async def upload(way: Way, size: int) -> float:
    """Until the server said how much it had read."""
    one = await line(way)
    piece = bytes(256 * 1024)
    began = time.perf_counter()
    origin = f"Origin: {way.origin}"
    one.transport.write(way.head("POST", "/up", f"Content-Length: {size}", origin))
    answering = asyncio.ensure_future(one.answer())
    await one.send(piece, size // len(piece))
    status, rest, length = await answering
    await one.count(length - len(rest))
    took = time.perf_counter() - began
    assert (status, length) == (200, len(str(size))), (way.name, status, length)
    one.transport.close()
    return took


async def sips(way: Way, *, readers: int, for_s: float) -> None:
    """So many endless downloads at once, of each of which a little is read, again and again."""
    many = [await line(way) for _ in range(readers)]

    async def begin(one: Line) -> None:
        one.transport.write(way.head("GET", f"/down/{ENDLESS}"))
        status, _, _ = await one.answer()  # each waits for its own: they come in any order
        assert status == 200, (way.name, status)
        one.transport.pause_reading()
        one.ignore()

    await asyncio.gather(*(begin(one) for one in many))
    until = time.perf_counter() + for_s
    while time.perf_counter() < until:
        for one in many:
            one.transport.resume_reading()
        await asyncio.sleep(0)
        for one in many:
            one.transport.pause_reading()
        await asyncio.sleep(0.01)
    for one in many:
        one.transport.abort()


async def requests(way: Way, *, count: int, path: str = "/small") -> list[float]:
    """Small requests, one after another on one connection; each one's time."""
    one = await line(way)
    head = way.head("GET", path)
    times = []
    for _ in range(count):
        began = time.perf_counter()
        one.transport.write(head)
        status, rest, length = await one.answer()
        await one.count(length - len(rest))
        times.append(time.perf_counter() - began)
        assert status == 200, (way.name, status)
    one.transport.close()
    return times


async def requests_per_s(way: Way, *, at_once: int, for_s: float) -> float:
    """Small requests on so many connections, each asking again as soon as it has its answer."""
    head = way.head("GET", "/small")
    lines = [await line(way) for _ in range(at_once)]
    one = lines[0]
    one.transport.write(head)
    status, rest, length = await one.answer()
    await one.count(length - len(rest))
    assert (status, length) == (200, 200), (way.name, status, length)
    done = 0
    until = time.perf_counter() + for_s
    over: list[asyncio.Future[None]] = []
    for each in lines:
        finished = each._expect()
        over.append(finished)
        each._listen = _asking(each, head, until, finished)
        each.transport.write(head)
    began = time.perf_counter()
    await asyncio.gather(*over)
    took = time.perf_counter() - began
    for each in lines:
        done += each.asked  # type: ignore[attr-defined]
        each.transport.close()
    return done / took


def _asking(
    one: Line, head: bytes, until: float, over: asyncio.Future[None]
) -> Callable[[memoryview], None]:
    """Answers end with the small body; what comes in pieces is put together."""
    held = bytearray()
    one.asked = 0  # type: ignore[attr-defined]

    def listen(data: memoryview) -> None:
        held.extend(data)
        end = held.find(b"\r\n\r\n")
        if end < 0 or len(held) < end + 204:
            return
        held.clear()
        one.asked += 1  # type: ignore[attr-defined]
        if time.perf_counter() < until:
            one.transport.write(head)
        elif not over.done():
            over.set_result(None)

    return listen
