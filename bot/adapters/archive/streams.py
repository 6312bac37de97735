"""Streams in a place: bytes of any length as numbered, sealed chunks of a few MB.

`<archive>/key` is the wrapped key, `<archive>/<stream>/<number>` a chunk. A stream without its
last chunk does not exist. Everything here blocks; whoever calls it does so in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bot.adapters.archive.places import Place
from bot.adapters.archive.sealing import Master, Seal
from bot.domain.archives import ArchiveId
from bot.errors import Damaged

CHUNK_BYTES = 2 * 1024 * 1024


def _at_once(index: int) -> None:
    pass


class Streams:
    """Sealed streams by archive and name."""

    def __init__(self, *, place: Place, secret: str, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.place = place
        self.chunk_bytes = chunk_bytes
        self._master = Master(secret)
        self._seals: dict[ArchiveId, Seal] = {}

    def make_key(self, archive_id: ArchiveId) -> None:
        """Make the archive's key unless there is a good one; only for an archive without COMMIT.

        A key that came into the place altered is replaced: nothing can be read with it, and
        nothing has been. Raises Damaged where the new one comes back altered, too.
        """
        if not self.has_good_key(archive_id):
            self.place.put(_key_of(archive_id), self._master.new_key(archive_id))
        self.seal(archive_id)

    def has_good_key(self, archive_id: ArchiveId) -> bool:
        """Raises Foreign where it is another's."""
        try:
            self.seal(archive_id)
        except Damaged:
            return False
        return True

    def is_ours(self, archive_id: ArchiveId) -> bool:
        """False where another installation wrote it; one without any key counts as ours."""
        text = self.place.find(_key_of(archive_id))
        return text is None or self._master.is_ours(text)

    def seal(self, archive_id: ArchiveId) -> Seal:
        """Raises Damaged where the key is lost, Foreign where it is another's."""
        if archive_id not in self._seals:
            text = self.place.get(_key_of(archive_id))
            self._seals[archive_id] = self._master.open_key(archive_id, text)
        return self._seals[archive_id]

    def forget(self, archive_id: ArchiveId) -> None:
        self._seals.pop(archive_id, None)

    def put(
        self, archive_id: ArchiveId, stream: str, index: int, data: bytes, *, last: bool
    ) -> int:
        """Store one chunk; returns its size in the place."""
        chunk = self.seal(archive_id).close(data, stream=stream, index=index, last=last)
        self.place.put(f"{archive_id}/{stream}/{index:06d}", chunk)
        return len(chunk)

    def write(self, archive_id: ArchiveId, stream: str, pieces: Iterable[bytes]) -> None:
        """Store a stream, over an older one of its name."""
        self.drop(archive_id, stream)
        waiting = bytearray()
        index = 0
        for piece in pieces:
            waiting += piece
            while len(waiting) > self.chunk_bytes:
                data = bytes(waiting[: self.chunk_bytes])
                del waiting[: self.chunk_bytes]
                self.put(archive_id, stream, index, data, last=False)
                index += 1
        self.put(archive_id, stream, index, bytes(waiting), last=True)

    def read(
        self, archive_id: ArchiveId, stream: str, *, wait_for: Callable[[int], None] = _at_once
    ) -> Iterator[bytes]:
        """The stream's bytes, every chunk checked. Raises Damaged where one is lost or altered.

        `wait_for` is called before a chunk is read, with its number: while a stream is still being
        written it comes back once that chunk is there.
        """
        seal = self.seal(archive_id)
        index, last = 0, False
        while not last:
            wait_for(index)
            chunk = self.place.get(f"{archive_id}/{stream}/{index:06d}")
            data, last = seal.open(chunk, stream=stream, index=index)
            yield data
            index += 1

    def whole(self, archive_id: ArchiveId, stream: str) -> bytes:
        return b"".join(self.read(archive_id, stream))

    def has(self, archive_id: ArchiveId, stream: str) -> bool:
        return next(self.place.list(f"{archive_id}/{stream}"), None) is not None

    def drop(self, archive_id: ArchiveId, stream: str) -> None:
        self.place.delete([each.key for each in self.place.list(f"{archive_id}/{stream}")])

    def drop_key(self, archive_id: ArchiveId) -> None:
        self.forget(archive_id)
        self.place.delete([_key_of(archive_id)])


def stream_of(key: str) -> tuple[ArchiveId, str]:
    """The archive and the stream that a key belongs to; `key` for the archive's key."""
    steps = key.split("/")
    if len(steps) < 2:
        raise Damaged(f"{key} is nothing of ours")
    return ArchiveId(steps[0]), steps[1]


def _key_of(archive_id: ArchiveId) -> str:
    return f"{archive_id}/key"
