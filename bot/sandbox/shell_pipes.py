"""Pipes and pseudo-terminals between the event loop and a child that must outlive them.

asyncio's own subprocess pipes cannot be closed without killing the child, so these are ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from types import TracebackType
from typing import Self

CHUNK = 65536

TermSize = tuple[int, int, int, int]
"""Columns, rows, and the same in pixels, as SSH says it."""


class Pipes:
    """The pipes of one child, closed together, ours and what is left of the child's ends."""

    def __init__(self) -> None:
        self._theirs: list[int] = []
        self._ours: list[tuple[asyncio.BaseTransport, _Ending]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close_theirs()
        for transport, protocol in self._ours:
            if protocol.ended:
                continue  # aborting a transport that is closed fails
            if hasattr(transport, "abort"):  # one that writes; uvloop's are none by class
                transport.abort()
            else:
                transport.close()
        await asyncio.sleep(0)  # they close their files in the loop's next round

    async def to_child(self) -> tuple[int, asyncio.StreamWriter]:
        """The end to give to the child, and ours to write to."""
        theirs, ours = os.pipe()
        self._theirs.append(theirs)
        return theirs, await self._writer(ours)

    async def from_child(self) -> tuple[int, asyncio.StreamReader]:
        """The end to give to the child, and ours to read from."""
        ours, theirs = os.pipe()
        self._theirs.append(theirs)
        return theirs, await self._reader(ours)

    async def terminal(self) -> tuple[str, int, asyncio.StreamWriter, asyncio.StreamReader]:
        """A new terminal: its name for the child, its master for `resize`, and both our ends.

        Our copy of the child's end stays open until `close_theirs`: with none open, reading fails.
        """
        ours, theirs = os.openpty()
        self._theirs.append(theirs)
        source = await self._writer(os.dup(ours))
        return os.ttyname(theirs), ours, source, await self._reader(ours)

    def close_theirs(self) -> None:
        """Close our copies of the child's ends; the child has its own."""
        while self._theirs:
            os.close(self._theirs.pop())

    async def _reader(self, file: int) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=CHUNK)
        self._ours.append(
            await asyncio.get_running_loop().connect_read_pipe(
                lambda: _Ending(reader), os.fdopen(file, "rb", 0)
            )
        )
        return reader

    async def _writer(self, file: int) -> asyncio.StreamWriter:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(
            lambda: _Ending(asyncio.StreamReader()), os.fdopen(file, "wb", 0)
        )
        self._ours.append((transport, protocol))
        return asyncio.StreamWriter(transport, protocol, None, loop)


class _Ending(asyncio.StreamReaderProtocol):
    """A terminal ends with an input/output error; what was read before must not be lost to it."""

    ended = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        super().connection_lost(None)


def resize(master: int, size: TermSize) -> None:
    """Tell the programs in a terminal how large it is; nobody listening is no error."""
    columns, rows, width, height = size
    with contextlib.suppress(OSError):
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, width, height))
