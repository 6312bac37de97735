"""The server behind every way that is measured: as quick as Python can be made to be.

`python -m tests.bench.relay.origin FOLDER` listens on a port and on a Unix socket, and prints both.

| path | answers |
|---|---|
| `/small` | 200 bytes |
| `/apart` | the same, its head and its body written apart, as uvicorn and `http.server` do it |
| `/down/N` | N bytes |
| `POST /up` | how many bytes came |
| any WebSocket | the same message; to `flood COUNT SIZE`, so many of that size |
| `/api/kernels/…/channels` | the same; a flood there is what a running cell prints |

A flood to a kernel's path is made of `v1.kernel.websocket.jupyter.org` messages of the run that was
asked for last, or of none.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import cast

import uvloop

from bot.relay.frames import Message, Messages
from bot.relay.kernels import said

SMALL = b"x" * 200
PIECE = bytes(256 * 1024)
TOGETHER = 4
PROTOCOL = "v1.kernel.websocket.jupyter.org"
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"sec-websocket-key: *(\S+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"transfer-encoding: *chunked", re.IGNORECASE)


class Origin(asyncio.Protocol):
    """One connection. Knows as much HTTP as the benchmark needs."""

    def __init__(self) -> None:
        self._head = b""
        self._body: int | None = None  # bytes of a body still to come
        self._chunked = False
        self._took = 0
        self._messages: Messages | None = None
        self._kernel = False
        self._run = ""
        self._free = asyncio.Event()
        self._free.set()
        self._sending: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self._sending:
            task.cancel()

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    def data_received(self, data: bytes) -> None:
        if self._messages is not None:
            for message in self._messages.feed(data):
                self._answer_message(message)
        elif self._body is not None:
            self._take(data)
        else:
            self._head += data
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if found:
                self._head = b""
                self._request(head)
                if rest:
                    self.data_received(rest)

    def _request(self, head: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        if key := _KEY.search(head):
            self._upgrade(path, key[1], offered=PROTOCOL.encode() in head)
        elif method == b"POST":
            length = _LENGTH.search(head)
            self._chunked = _CHUNKED.search(head) is not None
            self._body, self._took = int(length[1]) if length else 0, 0
            self._take(b"")
        elif path.startswith(b"/down/"):
            self._spawn(self._download(int(path.rpartition(b"/")[2])))
        elif path == b"/apart":
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(SMALL))
            self._transport.write(SMALL)
        else:
            self._say(SMALL)

    def _take(self, data: bytes) -> None:
        self._took += len(data)
        over = data.endswith(b"0\r\n\r\n") if self._chunked else self._took == self._body
        if over:
            self._body = None
            self._say(str(self._took).encode())

    def _say(self, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    async def _download(self, size: int) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for at in range(0, size, len(PIECE)):
            self._transport.write(PIECE[: size - at])
            await self._free.wait()

    def _upgrade(self, path: bytes, key: bytes, *, offered: bool) -> None:
        self._messages = Messages(keep=64 * 1024 * 1024)
        self._kernel = path.startswith(b"/api/kernels/")
        accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest())
        agreed = f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n".encode() if offered else b""
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n" + agreed + b"\r\n"
        )

    def _answer_message(self, message: Message) -> None:
        if message.control:
            return
        body = bytes(message.body)
        if body.startswith(b"flood "):
            _, count, size = body.split()
            self._spawn(self._flood(int(count), int(size)))
            return
        told = said(message) if self._kernel else None
        if told is not None and told.type == "execute_request":
            self._run = told.id
        self._transport.write(framed(body, message.opcode))

    async def _flood(self, count: int, size: int) -> None:
        """One write for each, as Jupyter does it; a few in each round of the loop."""
        frame = framed(printed(self._run, size) if self._kernel else bytes(size), 2)
        for number in range(count):
            self._transport.write(frame)
            if number % TOGETHER == 0:
                await asyncio.sleep(0)
            await self._free.wait()

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[arg-type]
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


def framed(body: bytes, opcode: int) -> bytes:
    """A message as a server sends it."""
    size = len(body)
    if size < 126:
        return bytes([0x80 | opcode, size]) + body
    if size < 65536:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big") + body
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big") + body


def printed(run: str, size: int) -> bytes:
    """What a kernel says when a run printed `size` characters."""
    header = {"msg_id": "0" * 36, "msg_type": "stream", "username": "", "session": "s", "date": ""}
    text = ("line of output\n" * (size // 15 + 1))[:size]
    parts = [header, {"msg_id": run}, {}, {"name": "stdout", "text": text}]
    pieces = [b"iopub", *(json.dumps(part).encode() for part in parts)]
    at = 8 * (len(pieces) + 2)
    offsets = [at := at + length for length in (0, *map(len, pieces))]
    numbers = [len(offsets), *offsets]
    return b"".join(number.to_bytes(8, "little") for number in numbers) + b"".join(pieces)


async def main(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Origin, "127.0.0.1", 0)
    local = await loop.create_unix_server(Origin, str(folder / "origin.sock"))
    print(f"origin {server.sockets[0].getsockname()[1]} {folder / 'origin.sock'}", flush=True)
    async with server, local:
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
