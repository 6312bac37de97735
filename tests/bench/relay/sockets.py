"""WebSockets of the measuring end: messages there and back, and floods of them one way."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Callable

from bot.relay.frames import Messages, unmasked
from tests.bench.relay.lines import BUFFER, PATIENCE_S, Line, Way, line
from tests.bench.relay.origin import PROTOCOL, framed, printed


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
