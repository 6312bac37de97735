"""The measuring end of a way: as little work of our own for each byte as can be.

All times are seconds of `time.perf_counter`.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from bot.relay.frames import Messages, unmasked
from tests.bench.relay.origin import PROTOCOL, framed, printed

BUFFER = 1024 * 1024
PATIENCE_S = 60.0


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

    def _expect(self) -> asyncio.Future[None]:
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


class Socket:
    """A WebSocket, its handshake done."""

    def __init__(self, one: Line) -> None:
        self.line = one

    @classmethod
    async def open(cls, way: Way, path: str, *, protocol: str = "") -> Socket:
        one = await line(way)
        offered = (f"Sec-WebSocket-Protocol: {protocol}",) if protocol else ()
        one.transport.write(
            way.head(
                "GET",
                path,
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                f"Origin: {way.origin}",
                *offered,
            )
        )
        status, _, _ = await one.answer()  # a terminal's first words come with it
        assert status == 101, (way.name, status)
        return cls(one)

    def say(self, body: bytes, opcode: int = 2) -> None:
        """A message as a browser sends it, masked."""
        frame = framed(body, opcode)
        at = len(frame) - len(body)
        mask = os.urandom(4)
        head = bytes([frame[0], frame[1] | 0x80]) + frame[2:at]
        self.line.transport.write(head + mask + unmasked(body, mask))

    async def flood(self, count: int, size: int, *, frame: int) -> float:
        """So many messages, one way; `frame`: how many bytes each is on the wire. How long."""
        began = time.perf_counter()
        self.say(f"flood {count} {size}".encode(), 1)
        await self.line.count(count * frame)
        return time.perf_counter() - began

    async def echo(self, body: bytes) -> float:
        began = time.perf_counter()
        self.say(body)
        await self.line.count(len(framed(body, 2)))
        return time.perf_counter() - began

    async def until(self, want: Callable[[dict[str, object] | list[object]], bool]) -> None:
        """Read JSON messages until one is wanted."""
        done = self.line._expect()
        messages = Messages(keep=BUFFER)

        def listen(data: memoryview) -> None:
            for message in messages.feed(bytes(data)):
                if message.opcode == 1 and want(json.loads(message.body)) and not done.done():
                    done.set_result(None)

        self.line._listen = listen
        await asyncio.wait_for(done, PATIENCE_S)

    def close(self) -> None:
        self.line.transport.abort()


async def echoes(way: Way, *, count: int, size: int) -> list[float]:
    socket = await Socket.open(way, "/ws")
    body = bytes(size)
    times = [await socket.echo(body) for _ in range(count)]
    socket.close()
    return times


async def messages_per_s(way: Way, *, count: int, size: int) -> float:
    socket = await Socket.open(way, "/ws")
    took = await socket.flood(count, size, frame=len(framed(bytes(size), 2)))
    socket.close()
    return count / took


async def printed_per_s(way: Way, *, count: int, size: int, recorded: bool) -> float:
    """What a kernel prints; `recorded`: while the relay knows that a cell runs."""
    path = f"/api/kernels/{uuid.uuid4()}/channels?session_id=s"
    socket = await Socket.open(way, path, protocol=PROTOCOL)
    run = "r" * 36 if recorded else ""
    if recorded:
        request = _request(run)
        await socket.echo(request)
    took = await socket.flood(count, size, frame=len(framed(printed(run, size), 2)))
    socket.close()
    return count / took


def _request(run: str) -> bytes:
    """An `execute_request` in the binary form."""
    header = {"msg_id": run, "msg_type": "execute_request", "session": "s", "username": ""}
    parts = [header, {}, {"cellId": "c"}, {"code": "go()", "silent": False}]
    pieces = [b"shell", *(json.dumps(part).encode() for part in parts)]
    at = 8 * (len(pieces) + 2)
    offsets = [at := at + length for length in (0, *map(len, pieces))]
    numbers = [len(offsets), *offsets]
    return b"".join(number.to_bytes(8, "little") for number in numbers) + b"".join(pieces)
