"""Connections to kernels whose browser is gone while a cell of theirs runs on.

Jupyter would hold what the kernel says in its own memory for the same session, without bounds, and
throw it away when another one connects (jupyter_server, `kernelmanager.get_buffer`). So we stay in
the browser's place: read on, answer pings, and let go when the run is over, when the session comes
back, or when the notebook hangs up.
"""

from __future__ import annotations

import logging

import aiohttp
from aiohttp.streams import EMPTY_PAYLOAD

from bot.domain.rentals import RentalId
from bot.relay.ears import Ear
from bot.relay.frames import PING, pong

log = logging.getLogger(__name__)

AT_MOST = 64
"""Connections kept at once; one more ends the oldest."""

Key = tuple[RentalId, str, str]


class Kept:
    """The connections that are kept, each until it ends."""

    def __init__(self) -> None:
        self._lines: dict[Key, _Line] = {}

    def keep(
        self, rental_id: RentalId, kernel_id: str, upstream: aiohttp.ClientResponse, ear: Ear
    ) -> bool:
        """Go on listening; False where the connection is gone already."""
        connection = upstream.connection
        protocol = connection.protocol if connection is not None else None
        if protocol is None or protocol.transport is None or protocol.transport.is_closing():
            return False
        key = (rental_id, kernel_id, ear.session_id)
        self.drop(*key)
        while len(self._lines) >= AT_MOST:
            self.drop(*next(iter(self._lines)))
        line = self._lines[key] = _Line(self, key, upstream, ear)
        protocol.set_parser(line, EMPTY_PAYLOAD)
        log.info("kept a kernel's connection: a cell runs on without a tab")
        return True

    def count(self, rental_id: RentalId, kernel_id: str) -> int:
        """How many of a kernel's connections are ours, and nobody's tab."""
        return sum(key[:2] == (rental_id, kernel_id) for key in self._lines)

    def drop(self, rental_id: RentalId, kernel_id: str, session_id: str) -> None:
        """Let go of a connection; one that is not kept is no error."""
        line = self._lines.pop((rental_id, kernel_id, session_id), None)
        if line is not None:
            line.upstream.close()

    def close(self) -> None:
        for key in list(self._lines):
            self.drop(*key)


class _Line:
    """Stands where aiohttp puts its frame parser, as `sockets.Hose` does."""

    def __init__(self, kept: Kept, key: Key, upstream: aiohttp.ClientResponse, ear: Ear) -> None:
        self._kept = kept
        self._key = key
        self.upstream = upstream
        self._ear = ear

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp with what arrived."""
        for message in self._ear.hear(data):
            if message.opcode == PING:
                self._write(pong(message.body))
            else:
                self._end()
        if not self._ear.waiting:
            self._end()
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp when the notebook is gone."""
        self._end()

    def _write(self, data: bytes) -> None:
        connection = self.upstream.connection
        if connection is not None and connection.transport is not None:
            connection.transport.write(data)

    def _end(self) -> None:
        self._kept.drop(*self._key)
