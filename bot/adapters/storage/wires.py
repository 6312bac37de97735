"""Hints between processes: PostgreSQL's LISTEN and NOTIFY, on a connection of its own.

A word is lost while the connection is away; everybody who listens is told when it is back. Nothing
is correct only because of a word: it saves waiting for the next look at the rows.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.storage.engine import lone_engine, parsed
from bot.adapters.storage.unit import translated
from bot.errors import Store
from bot.ports.processes import AGAIN
from bot.tasks import Wake, rest

log = logging.getLogger(__name__)

CHANNEL = "bellhop"
MOST_BYTES = 7900
"""PostgreSQL takes less than 8000 bytes a message."""

_BEAT_S = 5.0
_AGAIN_S = 0.5
_SEND = text("SELECT pg_notify(:channel, :said)")

Listener = Callable[[str], None]


class PostgresWires:
    """`ports.Wires`. `run` for ever; what is told before it runs is sent when it does."""

    def __init__(self, url: str) -> None:
        self._address = parsed(url)
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)
        self._outgoing: dict[tuple[str, str], None] = {}  # in order, and each once
        self._due = Wake()

    def tell(self, word: str, about: str = "") -> None:
        self._outgoing[word, about] = None
        self._due.set()

    def hear(self, word: str, listener: Listener) -> None:
        self._listeners[word].append(listener)

    async def run(self) -> None:
        """Be connected; for ever. A connection that breaks is made again."""
        while True:
            try:
                await self._session()
            except Store as error:
                log.warning("the hints of other processes are not heard: %s", error)
            await rest(_AGAIN_S)

    async def _session(self) -> None:
        engine = lone_engine(self._address)
        try:
            with translated():
                async with engine.connect() as connection:
                    await self._listen(connection)
                    self._heard(AGAIN, "")
                    await self._talk(connection)
        finally:
            await engine.dispose()

    async def _listen(self, connection: AsyncConnection) -> None:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        await driver.add_listener(CHANNEL, lambda _c, _pid, _channel, said: self._take(str(said)))

    async def _talk(self, connection: AsyncConnection) -> None:
        """Send what is to be told; and a beat, for a connection may be dead without a word."""
        while True:
            await self._due.wait(_BEAT_S)
            if not self._outgoing:
                await connection.execute(text("SELECT 1"))
            for word, about in list(self._outgoing):
                del self._outgoing[word, about]  # said again while this is sent, it is sent again
                try:
                    said = _fitting(f"{word} {about}")
                    await connection.execute(_SEND, {"channel": CHANNEL, "said": said})
                except BaseException:
                    self._outgoing.setdefault((word, about))
                    raise

    def _take(self, said: str) -> None:
        word, _, about = said.partition(" ")
        self._heard(word, about)

    def _heard(self, word: str, about: str) -> None:
        for listener in self._listeners[word]:
            try:
                listener(about)
            except Exception:  # the others are told all the same
                log.exception("the word %s could not be taken in", word)


def _fitting(said: str) -> str:
    return said.replace("\0", "").encode(errors="replace")[:MOST_BYTES].decode(errors="ignore")
