"""Expanding what machines compressed, piece by piece: a few bytes may stand for gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import zstandard

from bot.adapters.archive.tar import Source
from bot.errors import Damaged

_PIECE = 1_048_576
_WINDOW = 2**27


def expanded(pieces: Iterable[bytes], codec: str) -> Iterator[bytes]:
    """The plain stream. Raises Damaged for what is no stream of that codec."""
    if codec == "zst":
        return _zstd(pieces)
    if codec == "gz":
        return _gzip(pieces)
    raise Damaged(f"an unknown compression: {codec}")


class _File:
    """Pieces as a file that can only be read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._source = Source(pieces)

    def read(self, size: int = _PIECE) -> bytes:
        return self._source.some(size)


def _zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    expanding = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        with expanding.stream_reader(_File(pieces), read_size=_PIECE) as reader:  # type: ignore[arg-type]
            while piece := reader.read(_PIECE):
                yield piece
    except zstandard.ZstdError as error:
        raise Damaged("a compressed stream is altered") from error


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    expanding = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                yield expanding.decompress(rest, _PIECE)
                rest = expanding.unconsumed_tail
        yield expanding.flush()
    except zlib.error as error:
        raise Damaged("a compressed stream is altered") from error
    if not expanding.eof:
        raise Damaged("a compressed stream is cut short")
