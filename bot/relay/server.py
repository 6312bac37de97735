"""aiohttp's web server, made to tell nothing about itself and to be held up by nobody.

Requests that cannot be parsed never reach our own handler: aiohttp answers them with its version
and a quotation of what it could not read, and logs the same, cookies and tickets included.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from bot.relay import headers, pages
from bot.relay.strangers import Strangers

STRANGERS = 256
"""Connections without a session, at once; a process has a thousand open files, as a rule."""
HEAD_S = 20.0
"""How long a new connection may take until its first request has arrived, body not counted."""
HEAD_BYTES = 128 * 1024
"""How long a request's head may be: Jupyter's own are a few kB, cookies of many tabs 32."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Server: bellhop\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class Server(web.Server):
    """A factory of connections; `options` are those of aiohttp's RequestHandler."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        *,
        most_strangers: int = STRANGERS,
        head_s: float = HEAD_S,
        **options: Any,
    ) -> None:
        # A browser that left frees the notebook's answer: hence the cancellation.
        super().__init__(handler, handler_cancellation=True)
        self.strangers = Strangers(most=most_strangers)
        self.head_s = head_s
        self._options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "logger": logging.Logger("bot.relay.aiohttp", logging.CRITICAL + 1),
            **options,
        }

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=asyncio.get_running_loop(), **self._options)


class Connection(RequestHandler):
    """One browser's connection."""

    __slots__ = ("_head", "_late", "_server")

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._head = 0  # bytes of a request's head that has not arrived whole
        self._late: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        return self._request_in_progress

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def known(self) -> None:
        """Somebody with a good session is at the other end."""
        self._server.strangers.leave(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._late = asyncio.get_running_loop().call_later(self._server.head_s, self.hang_up)
        self._server.strangers.come(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.strangers.leave(self)
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waiter = self._waiter
        # With uvloop a request may be there before aiohttp's task begins to wait for one.
        if self._messages or (waiter is not None and waiter.done()):
            self._head = 0
            self._in_time()
            return
        if waiter is None:
            return  # a request is being answered
        self._head += len(data)
        if self._head > HEAD_BYTES and self.transport is not None:
            self.transport.write(_TOO_LARGE)
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what cannot be parsed. Raises ConnectionError when an answer has begun."""
        if request.writer.output_size:
            raise ConnectionError("an answer has begun")
        page = pages.malformed()
        if isinstance(exc, LineTooLong):
            page, status = pages.too_long(), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        response = web.Response(
            status=status if status < 500 else page.status,
            text="\n".join((page.title, *page.text)),
            headers={
                "Server": headers.SERVER,
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )
        response.force_close()
        return response

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def known(request: web.BaseRequest) -> None:
    """Note that the connection of a request is somebody's who may be here."""
    if isinstance(request.protocol, Connection):
        request.protocol.known()
