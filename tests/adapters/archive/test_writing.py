"""A stream is stored while it comes in: whole, in order, and with nothing left under way."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.archive.places import Place, open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.writing import Writing
from bot.domain.archives import ArchiveId
from bot.errors import Damaged

ARCHIVE = ArchiveId("a" * 10)


async def test_pieces_of_any_size_become_one_stream(tmp_path: Path) -> None:
    """Chunks are full but for the last one, which is never empty unless the stream is."""
    dice = random.Random(7)
    pieces = [dice.randbytes(dice.choice((0, 1, 99, 100, 101, 350))) for _ in range(200)]
    pieces.append(bytes(-sum(map(len, pieces)) % 100))  # so that the last chunk is full, too
    streams = _streams(open_place(tmp_path.as_uri()))

    writing = Writing(streams, ARCHIVE, "part")
    for piece in pieces:
        await writing.add(piece)
    size = await writing.finish()
    await writing.settle()

    assert b"".join(streams.read(ARCHIVE, "part")) == b"".join(pieces)
    assert writing.chunks == len(b"".join(pieces)) // 100
    assert size == sum(each.size for each in streams.place.list(f"{ARCHIVE}/part"))


async def test_whoever_is_cancelled_leaves_nothing_under_way(tmp_path: Path) -> None:
    """A thread goes on after a cancellation, so it is waited for: the next try must not meet it."""
    gate = _Gate()
    streams = _streams(open_place(tmp_path.as_uri()))
    streams.put = gate.wait_for(streams.put)  # type: ignore[method-assign]
    writing = Writing(streams, ARCHIVE, "part")
    adding = asyncio.ensure_future(writing.add(bytes(1000)))
    await asyncio.to_thread(gate.begun.wait, 10)

    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    settling = asyncio.ensure_future(writing.settle())
    await asyncio.sleep(0)
    waited = not settling.done()
    gate.open.set()
    await settling

    assert waited
    assert gate.under_way == 0


async def test_a_reader_follows_the_writer_chunk_by_chunk(tmp_path: Path) -> None:
    """It reads what lies in the place, never before it is there, and comes to the end with it."""
    streams = _streams(open_place(tmp_path.as_uri()))
    writing = Writing(streams, ARCHIVE, "part")
    came: list[bytes] = []
    pieces = streams.read(ARCHIVE, "part", wait_for=writing.wait_for)
    reading = asyncio.ensure_future(asyncio.to_thread(lambda: came.extend(pieces)))

    for number in range(10):
        await writing.add(bytes([number]) * 100)
    early = reading.done()
    await writing.finish()
    await reading
    await writing.settle()

    assert not early
    assert b"".join(came) == b"".join(bytes([number]) * 100 for number in range(10))


async def test_who_follows_a_writer_that_breaks_off_is_told(tmp_path: Path) -> None:
    """A thread that waited for ever could not be ended."""
    streams = _streams(open_place(tmp_path.as_uri()))
    writing = Writing(streams, ARCHIVE, "part")
    pieces = streams.read(ARCHIVE, "part", wait_for=writing.wait_for)
    reading = asyncio.ensure_future(asyncio.to_thread(list, pieces))

    await writing.add(bytes(150))
    await writing.settle()

    with pytest.raises(Damaged):
        await asyncio.wait_for(reading, 30)


class _Gate:
    """Holds calls back until it is opened."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        self.under_way = 0

    def wait_for(self, put: Callable[..., int]) -> Callable[..., int]:
        def later(*words: Any, **options: Any) -> int:
            self.under_way += 1
            self.begun.set()
            assert self.open.wait(10)
            done = put(*words, **options)
            self.under_way -= 1
            return done

        return later


def _streams(place: Place) -> Streams:
    streams = Streams(place=place, secret="a secret", chunk_bytes=100)
    streams.make_key(ARCHIVE)
    return streams
