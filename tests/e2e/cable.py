"""The cable to PostgreSQL: between the program and the server, where a COMMIT gets lost.

The server's answer to it, so that what was written stands and its writer is told otherwise; or the
COMMIT itself, so that nothing stands. Either way the connection ends, and only that one.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Fate = Literal["answer", "commit"]

_SOCKET = ".s.PGSQL.5432"


class Cable:
    """`url` leads through it. `fates` says what befalls each COMMIT from now on."""

    def __init__(self, target: str, folder: Path) -> None:
        host = parse_qs(urlsplit(target).query)["host"][0]
        self.url = target.replace(host, str(folder))
        self.fates: Iterator[Fate | None] = iter(())
        self.lost: list[Fate] = []
        self._target = Path(host) / _SOCKET
        self._path = folder / _SOCKET

    async def lay(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._carry, self._path)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        line = _Line(reader, writer, there, back)
        try:
            await line.carry(self._fate)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # one of the two has gone
        finally:
            writer.close()
            back.close()

    def _fate(self, message: bytes) -> Fate | None:
        fate = next(self.fates, None) if message[5:].startswith(b"COMMIT") else None
        if fate is not None:
            self.lost.append(fate)
        return fate


class _Line:
    """One connection: the program's ends, and the server's."""

    def __init__(
        self,
        ours: asyncio.StreamReader,
        to_us: asyncio.StreamWriter,
        theirs: asyncio.StreamReader,
        to_them: asyncio.StreamWriter,
    ) -> None:
        self._ours, self._to_us = ours, to_us
        self._theirs, self._to_them = theirs, to_them
        self._deaf = False
        self._unheard = asyncio.Event()

    async def carry(self, fate_of: Callable[[bytes], Fate | None]) -> None:
        answering = asyncio.ensure_future(self._answer())
        try:
            await self._pass(await self._message(kind=False))
            while True:
                message = await self._message()
                fate = fate_of(message)
                if fate == "commit":
                    return
                self._deaf = fate == "answer"
                await self._pass(message)
                if self._deaf:
                    await self._unheard.wait()
                    return
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    async def _pass(self, message: bytes) -> None:
        self._to_them.write(message)
        await self._to_them.drain()

    async def _message(self, *, kind: bool = True) -> bytes:
        """The program's next; a byte for its kind, then its length. The first has no kind."""
        head = await self._ours.readexactly(5 if kind else 4)
        return head + await self._ours.readexactly(int.from_bytes(head[-4:]) - 4)

    async def _answer(self) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await self._theirs.read(65536):
                if self._deaf:
                    self._unheard.set()
                    continue
                self._to_us.write(piece)
                await self._to_us.drain()
        self._unheard.set()
        self._to_us.close()


@contextlib.asynccontextmanager
async def cable(target: str) -> AsyncIterator[Cable]:
    """A cable to that database, in a folder with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="cable"))
    laid = Cable(target, folder)
    server = await laid.lay()
    try:
        yield laid
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
