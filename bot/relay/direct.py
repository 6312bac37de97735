"""Requests without a body, by a short way to a notebook's local socket.

aiohttp's client does much for each request that a proxy has no use for: cookies, redirects, other
proxies, timers. That was more than a third of what a small request costs. Here a head is written
and an answer read, over connections that are kept; what reads answers is aiohttp's own parser, with
all that it refuses and all its limits.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy

from bot.relay.connectors import Answers

CONNECT_S = 5
IDLE_S = 30.0
"""An unused connection to the notebook is kept so long."""

MAX_LINE = MAX_FIELD = 32 * 1024
"""Jupyter's URLs and cookies outgrow aiohttp's 8 kB."""


class NoSocket(OSError):
    """Nothing listens at a local socket; nothing was sent."""


class Answer:
    """An answer's head, and its body still to be read: what `aiohttp.ClientResponse` is to us.

    When the body is over its connection is free again; left before, it is closed.
    """

    def __init__(
        self, message: RawResponseMessage, content: StreamReader, protocol: Answers, pool: Direct
    ) -> None:
        self.status: int = message.code
        self.reason: str | None = message.reason
        self.headers: CIMultiDictProxy[str] = message.headers
        self.content = content
        self._protocol: Answers | None = protocol
        self._pool = pool
        content.on_eof(self._over)

    @property
    def content_length(self) -> int | None:
        length = self.headers.get("Content-Length")
        return int(length) if length is not None else None

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._protocol is not None:
            self._protocol.close()
            self._protocol = None

    def _over(self) -> None:
        if self._protocol is not None:
            self._pool.take_back(self._protocol)
            self._protocol = None


class Direct:
    """The connections to one local socket. `close` when it leads there no longer."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._free: list[tuple[Answers, float]] = []  # and since when, the oldest first
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def ask(
        self, method: str, target: str, headers: CIMultiDict[str], *, within_s: float
    ) -> Answer:
        """The answer to GET, HEAD or OPTIONS, its head within so many seconds.

        Raises NoSocket, TimeoutError, OSError and aiohttp's ClientError. A kept connection may have
        been closed this very moment; then it is asked once more on a new one, which these methods
        allow.
        """
        head = _head(method, target, headers)
        kept = self._kept()
        if kept is not None:
            try:
                return await self._exchange(kept, method, head, within_s)
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                pass
        return await self._exchange(await self._connect(), method, head, within_s)

    def take_back(self, protocol: Answers) -> None:
        """A body is over: its connection can be used again, unless more came than was asked for."""
        if self._closed or protocol.should_close or not protocol.is_connected():
            protocol.close()
            return
        self._free.append((protocol, self._loop.time()))
        if self._sweep is None:
            self._sweep = self._loop.call_later(IDLE_S, self._close_idle)

    def close(self) -> None:
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for protocol, _ in self._free:
            protocol.close()
        self._free.clear()

    def _kept(self) -> Answers | None:
        while self._free:
            protocol, _ = self._free.pop()
            if protocol.is_connected() and not protocol.should_close:
                return protocol
            protocol.close()
        return None

    async def _connect(self) -> Answers:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, protocol = await self._loop.create_unix_connection(
                    lambda: Answers(self._loop), self._path
                )
        except OSError as error:
            raise NoSocket(f"nothing listens at {self._path}") from error
        return protocol

    async def _exchange(
        self, protocol: Answers, method: str, head: bytes, within_s: float
    ) -> Answer:
        protocol.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
        )
        # A quarter of what `asyncio.timeout` costs, and every small request pays it.
        late = self._loop.call_later(within_s, protocol.set_exception, TimeoutError("no answer"))
        try:
            if protocol.transport is None:
                raise aiohttp.ServerDisconnectedError
            protocol.transport.write(head)
            while True:
                message, content = await protocol.read()
                if not 100 <= message.code < 200 or message.code == 101:
                    return Answer(message, content, protocol, self)
        except HttpProcessingError as error:
            protocol.close()
            raise aiohttp.ClientError(f"an answer that is none: {error.code}") from error
        except BaseException:
            protocol.close()
            raise
        finally:
            late.cancel()

    def _close_idle(self) -> None:
        """Those that nobody has used for long enough."""
        self._sweep = None
        now = self._loop.time()
        while self._free and now - self._free[0][1] >= IDLE_S:
            self._free.pop(0)[0].close()
        if self._free:
            self._sweep = self._loop.call_at(self._free[0][1] + IDLE_S, self._close_idle)


def _head(method: str, target: str, headers: CIMultiDict[str]) -> bytes:
    """A request's head. Raises ValueError where a line of it would become two."""
    lines = [
        f"{method} {target} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    text = "\r\n".join(lines)
    if text.count("\n") >= len(lines) or text.count("\r") >= len(lines) or "\0" in text:
        raise ValueError("a line break in a header")
    return f"{text}\r\n\r\n".encode()
