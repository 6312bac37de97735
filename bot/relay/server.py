"""aiohttp's web server, made to tell nothing about itself.

Requests that cannot be parsed never reach our own handler: aiohttp answers them with its version
and a quotation of what it could not read, and logs the same, cookies and tickets included.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from bot.relay import headers, pages


class Server(web.Server):
    """A factory of connections; `options` are those of aiohttp's RequestHandler."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        **options: Any,
    ) -> None:
        # A browser that left frees the notebook's answer: hence the cancellation.
        super().__init__(handler, handler_cancellation=True)
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

    __slots__ = ()

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
        response = web.Response(
            status=status if status < 500 else page.status,
            text=page.title,
            headers={"Server": headers.SERVER, "Cache-Control": "no-store"},
        )
        response.force_close()
        return response
