"""The way to a machine's notebook that a hostile one cannot keep busy for ever."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

MOST_INTERIM = 64
"""Interim answers (1xx) before the real one. aiohttp takes any number, and each costs us time that
no browser's slowness holds back; Jupyter sends none."""


class NotebookConnector(aiohttp.UnixConnector):
    """Connections to one notebook's local socket."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path, **options)
        make: Any = functools.partial(Answers, loop=asyncio.get_running_loop())
        self._factory = make


class Answers(ResponseHandler):
    """What a notebook answers on one connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._interim = 0

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Called by aiohttp with each answer's head."""
        code = data[0].code
        if 100 <= code < 200 and code != 101:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                if self.transport is not None:
                    self.transport.abort()
                return
        else:
            self._interim = 0
        super().feed_data(data, size)
