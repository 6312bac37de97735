"""A stream on its way into a place: chunks are stored while the next ones come in.

Its threads are its own and end with it: among the loop's many threads the allocator would keep for
each what that one freed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bot.adapters.archive.streams import Streams
from bot.domain.archives import ArchiveId
from bot.errors import Damaged

_UNDER_WAY = 2  # chunks being stored at a time: to a far place each takes as long as the way there


class Writing:
    """One stream, piece by piece. `settle` ends it, whatever happened."""

    def __init__(self, streams: Streams, archive_id: ArchiveId, stream: str) -> None:
        self._streams = streams
        self._archive_id = archive_id
        self._stream = stream
        self._waiting: list[bytes] = []
        self._size = 0  # of what waits
        self._storing: deque[asyncio.Future[int]] = deque()
        self._pool = ThreadPoolExecutor(max_workers=_UNDER_WAY, thread_name_prefix="archive")
        self._bytes = 0
        self._news = threading.Condition()
        self._there = 0  # so many chunks, from the first on
        self._ended = False
        self.chunks = 0

    async def add(self, piece: bytes) -> None:
        while (room := self._streams.chunk_bytes - self._size) < len(piece):
            self._waiting.append(piece[:room])
            piece = piece[room:]
            await self._store(last=False)
        self._waiting.append(piece)
        self._size += len(piece)

    async def finish(self) -> int:
        """Store the last chunk; returns the bytes of all."""
        await self._store(last=True)
        while self._storing:
            await self._wait()
        return self._bytes

    async def settle(self) -> None:
        """Leave nothing under way, and nobody waiting, whatever happened."""
        with self._news:
            self._ended = True
            self._news.notify_all()
        await asyncio.gather(*self._storing, return_exceptions=True)
        self._pool.shutdown(wait=False)

    def wait_for(self, index: int) -> None:
        """Come back when this chunk is in the place; for another thread than the loop's.

        Raises Damaged when it will never be: writing was broken off.
        """
        with self._news:
            self._news.wait_for(lambda: self._there > index or self._ended)
            if self._there <= index:
                raise Damaged("a stream was not written to its end")

    async def _store(self, *, last: bool) -> None:
        while len(self._storing) >= _UNDER_WAY:
            await self._wait()
        put = partial(self._put, self._waiting, self.chunks, last=last)
        self._storing.append(asyncio.get_running_loop().run_in_executor(self._pool, put))
        self._waiting, self._size = [], 0
        self.chunks += 1

    def _put(self, pieces: list[bytes], index: int, *, last: bool) -> int:
        data = b"".join(pieces)
        pieces.clear()
        return self._streams.put(self._archive_id, self._stream, index, data, last=last)

    async def _wait(self) -> None:
        # Shielded: a thread cannot be cancelled, and `settle` must still be able to wait for it.
        self._bytes += await asyncio.shield(self._storing[0])
        self._storing.popleft()
        with self._news:
            self._there += 1
            self._news.notify_all()
