"""The vault: parts, notes, manifests and COMMITs as sealed streams in a place.

A part is taken for good only after it was read back from the place, and a note beside it says so;
an archive exists only when its COMMIT does. Both are written after what they vouch for.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TypeVar

import zstandard

from bot.adapters.archive import assembly, tar, wire
from bot.adapters.archive.codecs import expanded
from bot.adapters.archive.places import Object
from bot.adapters.archive.streams import Streams, stream_of
from bot.adapters.archive.writing import Writing
from bot.domain.archives import STORED, ArchiveId, Manifest, Member, Part, PartId, Stored
from bot.domain.packed import Packed, Packing
from bot.errors import Damaged
from bot.ports.archives import Held

T = TypeVar("T")

_COMMIT = "commit"
_MANIFEST = "manifest"
_PART = "part-"
_NOTE = "note-"
# A place may be a folder or a bucket that holds other things, too: theirs are not ours to count.
_OURS = re.compile(rf"[^/]+/(?:key|(?:{_COMMIT}|{_MANIFEST}|(?:{_PART}|{_NOTE})\d+)/\d+)")


class PlaceVault:
    """`ports.Vault`."""

    def __init__(self, *, streams: Streams) -> None:
        self._streams = streams

    async def open(self, archive_id: ArchiveId) -> None:
        await asyncio.to_thread(self._streams.make_key, archive_id)

    async def write(
        self, part_id: PartId, *, codec: str, data: AsyncGenerator[bytes, None]
    ) -> tuple[Part, list[Member]]:
        """As the port says: chunks are stored, and read back, while the next ones come in."""
        await asyncio.to_thread(self._forget_part, part_id)
        writing = Writing(self._streams, part_id.archive, _PART + part_id.name)
        reading = _in_own_thread(
            lambda: tar.members(self._plain(part_id, codec, wait_for=writing.wait_for))
        )
        try:
            async with aclosing(data):
                async for piece in data:
                    await writing.add(piece)
            size = await writing.finish()
            members = await asyncio.shield(reading)
        finally:
            await writing.settle()
            await asyncio.gather(reading, return_exceptions=True)
        return Part(id=part_id, codec=codec, chunks=writing.chunks, bytes=size), members

    async def members(self, part: Part) -> list[Member]:
        return await _in_own_thread(lambda: tar.members(self._plain_part(part)))

    async def note(self, part: Part, stored: Sequence[Stored]) -> None:
        await asyncio.to_thread(
            self._streams.write,
            part.id.archive,
            _NOTE + part.id.name,
            _compressed(wire.note_lines(part, stored)),
        )

    async def noted(self, archive_id: ArchiveId) -> tuple[list[Part], Packed[Stored]]:
        """As the port says; a note that is not whole was being written when the run died."""
        return await asyncio.to_thread(self._noted, archive_id)

    async def missing(self, parts: Collection[Part]) -> set[PartId]:
        return await asyncio.to_thread(self._missing, parts)

    async def commit(self, manifest: Manifest) -> str:
        return await asyncio.to_thread(self._commit, manifest)

    async def manifest(self, archive_id: ArchiveId) -> Manifest:
        return await asyncio.to_thread(self._manifest, archive_id)

    def tar(
        self, manifest: Manifest, paths: Collection[bytes] | None = None
    ) -> AsyncGenerator[bytes, None]:
        return _in_thread(assembly.tar(manifest, self._plain_part, paths))

    def file(self, manifest: Manifest, path: bytes) -> AsyncGenerator[bytes, None]:
        return _in_thread(assembly.file(manifest, self._plain_part, path))

    async def held(self) -> list[Held]:
        """As the port says; what others keep in the same place is left out."""
        return await asyncio.to_thread(self._held)

    async def revoke(self, archive_id: ArchiveId) -> None:
        """As the port says; COMMIT goes first, for with it goes the archive."""
        for stream in (_COMMIT, _MANIFEST):
            await asyncio.to_thread(self._streams.drop, archive_id, stream)

    async def free(self, parts: Collection[PartId]) -> None:
        for part_id in parts:
            await asyncio.to_thread(self._forget_part, part_id)

    async def clear(self, archive_id: ArchiveId) -> None:
        """As the port says; the key goes last, for what is left behind must stay ours to know."""
        await self.revoke(archive_id)
        await asyncio.to_thread(self._clear, archive_id)

    async def tidy(self, older_than: datetime) -> int:
        place = self._streams.place
        return await asyncio.to_thread(place.sweep_unfinished, older_than, is_ours=_is_ours)

    def _plain(
        self, part_id: PartId, codec: str, *, wait_for: Callable[[int], None]
    ) -> Iterator[bytes]:
        """A part's tar stream as it was on the machine; it may still be written."""
        stream = _PART + part_id.name
        return expanded(self._streams.read(part_id.archive, stream, wait_for=wait_for), codec)

    def _plain_part(self, part: Part) -> Iterator[bytes]:
        return expanded(self._streams.read(part.id.archive, _PART + part.id.name), part.codec)

    def _forget_part(self, part_id: PartId) -> None:
        """The note first: it vouches for the part."""
        self._streams.drop(part_id.archive, _NOTE + part_id.name)
        self._streams.drop(part_id.archive, _PART + part_id.name)

    def _noted(self, archive_id: ArchiveId) -> tuple[list[Part], Packed[Stored]]:
        names = {stream_of(each.key)[1] for each in self._streams.place.list(archive_id)}
        if not self._streams.has_good_key(archive_id):
            return [], Packed.of(STORED, ())  # it died before it wrote anything else
        parts: list[Part] = []
        stored = Packing(STORED)
        for name in sorted(name for name in names if name.startswith(_NOTE)):
            try:
                part, entries = wire.note_of(_lines(self._streams.read(archive_id, name)))
            except Damaged:
                continue
            parts.append(part)
            for each in entries:
                stored.add(each)
        return parts, stored.done()

    def _missing(self, parts: Collection[Part]) -> set[PartId]:
        there: dict[PartId, list[int]] = defaultdict(list)
        for archive_id in {part.id.archive for part in parts}:
            for each in self._streams.place.list(archive_id):
                if (part_id := _part_of(each)) is not None:
                    there[part_id].append(each.size)
        return {
            part.id
            for part in parts
            if (len(there[part.id]), sum(there[part.id])) != (part.chunks, part.bytes)
        }

    def _commit(self, manifest: Manifest) -> str:
        archive_id = manifest.archive.id
        self._streams.drop(archive_id, _COMMIT)
        hashed = hashlib.sha256()
        lines = _hashing(wire.manifest_lines(manifest), hashed)
        self._streams.write(archive_id, _MANIFEST, _compressed(lines))
        digest = hashed.hexdigest()
        if _digest(expanded(self._streams.read(archive_id, _MANIFEST), "zst")) != digest:
            raise Damaged(f"the manifest of {archive_id} came back altered")
        text = wire.commit_text(manifest, digest)
        self._streams.write(archive_id, _COMMIT, [text])
        if self._streams.whole(archive_id, _COMMIT) != text:
            raise Damaged(f"the COMMIT of {archive_id} came back altered")
        return digest

    def _manifest(self, archive_id: ArchiveId) -> Manifest:
        digest, named = wire.commit_of(self._streams.whole(archive_id, _COMMIT))
        hashed = hashlib.sha256()
        pieces = expanded(self._streams.read(archive_id, _MANIFEST), "zst")
        manifest = wire.manifest_of(_split(_hashing(pieces, hashed)))
        if hashed.hexdigest() != digest or frozenset(manifest.parts) != named:
            raise Damaged(f"the manifest of {archive_id} is not the one that was committed")
        return wire.with_digest(manifest, digest)

    def _held(self) -> list[Held]:
        objects: dict[ArchiveId, list[Object]] = defaultdict(list)
        for each in self._streams.place.list():
            if _is_ours(each.key):
                objects[stream_of(each.key)[0]].append(each)
        return [
            self._holding(archive_id, found)
            for archive_id, found in sorted(objects.items())
            if self._streams.is_ours(archive_id)
        ]

    def _holding(self, archive_id: ArchiveId, objects: Sequence[Object]) -> Held:
        parts: dict[PartId, int] = defaultdict(int)
        for each in objects:
            if (part_id := _part_of(each)) is not None:
                parts[part_id] += each.size
        committed = any(stream_of(each.key)[1] == _COMMIT for each in objects)
        named: frozenset[PartId] = frozenset()
        if committed:
            _, named = wire.commit_of(self._streams.whole(archive_id, _COMMIT))
        return Held(
            archive_id=archive_id,
            committed=committed,
            named=named,
            parts=dict(parts),
            newest_at=max(
                (each.written_at for each in objects), default=datetime.fromtimestamp(0, UTC)
            ),
        )

    def _clear(self, archive_id: ArchiveId) -> None:
        keys = [each.key for each in self._streams.place.list(archive_id) if _is_ours(each.key)]
        self._streams.place.delete([key for key in keys if stream_of(key)[1] != "key"])
        self._streams.drop_key(archive_id)


def _is_ours(key: str) -> bool:
    """Whether an object's key is one that a Bellhop writes."""
    return _OURS.fullmatch(key) is not None


def _part_of(each: Object) -> PartId | None:
    archive_id, stream = stream_of(each.key)
    number = stream.removeprefix(_PART)
    if stream.startswith(_PART) and number.isdecimal():
        return PartId(archive_id, int(number))
    return None


def _in_own_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Begin something long that reads, in a thread that ends with it."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")
    try:
        return asyncio.get_running_loop().run_in_executor(pool, work)
    finally:
        pool.shutdown(wait=False)


async def _in_thread(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """A blocking iterator in a thread of its own.

    With the loop's many threads each step would run in another one, and the allocator keeps for
    every thread what that one freed: 100 MB in all, for buffers of 4 MB.
    """
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")
    try:
        while (piece := await loop.run_in_executor(pool, next, pieces, None)) is not None:
            yield piece
    finally:
        pool.shutdown(wait=False)


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    feeder = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
    for line in lines:
        if piece := feeder.compress(line):
            yield piece
    yield feeder.flush()


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return _split(expanded(chunks, "zst"))


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        raise Damaged("a list ends in the middle of a line")


def _hashing(pieces: Iterable[bytes], hashed: hashlib._Hash) -> Iterator[bytes]:
    for piece in pieces:
        hashed.update(piece)
        yield piece


def _digest(pieces: Iterable[bytes]) -> str:
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.hexdigest()
