"""Bytes as somebody writes them who does not keep to the rules, on both sides of the relay."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.relay.conftest import House

Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def send(house: House, text: str | bytes, *, within_s: float = 30) -> bytes:
    """What the relay answers, to its last byte, after which it has hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    with contextlib.closing(writer):
        writer.write(text if isinstance(text, bytes) else text.encode("latin-1"))
        if writer.can_write_eof():
            await writer.drain()
        return await asyncio.wait_for(reader.read(), within_s)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def statuses(answer: bytes) -> list[int]:
    """Of every answer on a connection."""
    return [int(number) for number in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


@asynccontextmanager
async def crooked(path: str, reply: Reply) -> AsyncIterator[list[bytes]]:
    """A machine's notebook that answers each connection's first request as it likes.

    Yields the heads of the requests that came.
    """
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            await reply(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield heads
    finally:
        server.close()


def says(text: bytes) -> Reply:
    """Answers this and hangs up."""

    async def reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return reply


def repeats(first: bytes, again: bytes, *, size: int) -> Reply:
    """Answers this, and then the same for ever, until hung up on or `size` bytes are sent."""

    async def reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        sent = 0
        while sent < size:
            writer.write(again)
            sent += len(again)
            await writer.drain()

    return reply
