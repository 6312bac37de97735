"""Downloads of archives: private links, what they fetch, and under which name.

A link is handed out in chat to one member, lives ten minutes and is used once; it is stored as
SHA-256 only. What is fetched comes as one `.tar.gz`, or as the plain file where one file was asked
for: tar is what holds links, modes and every name exactly, and Windows opens it since 2023 by
double click and before that with its own `tar -xf`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import zlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.access import Actor
from bot.domain.archives import Archive, ArchiveId, Manifest
from bot.domain.trees import Kind, shown, weigh
from bot.errors import Busy, Damaged, NotFound
from bot.ports.books import Downloads as Links
from bot.ports.books import Parcel
from bot.ports.clock import Clock
from bot.services.archives import Archives
from bot.services.shelf import Shelf

log = logging.getLogger(__name__)

LINK_LIFE = timedelta(minutes=10)
AT_ONCE = 4
"""How many are fetched at a time: each takes a few chunks of memory and a share of the line."""

_LONGEST = 128  # characters of a secret that came from outside; ours have 43
_TYPED = 100  # characters that Discord takes of a choice
_REMEMBERED = 4  # archives whose names are kept for completing
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What is about to be sent."""

    name: str  # of the file, as text; it may hold anything that a name may
    size: int | None  # bytes, where it is known before
    pieces: AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A link that was made, and what it fetches."""

    url: str
    archive: Archive
    path: str  # empty for everything
    bytes: int  # of files, before compression


class Downloads:
    def __init__(
        self, *, shelf: Shelf, archives: Archives, links: Links, clock: Clock, origin: str
    ) -> None:
        self._shelf = shelf
        self._archives = archives
        self._links = links
        self._clock = clock
        self._origin = origin
        self._names: OrderedDict[ArchiveId, list[bytes]] = OrderedDict()
        self._running = 0

    async def offer(self, actor: Actor, archive_id: str, typed: str | None = None) -> Offered:
        """A link to an archive, or to a file or folder of it.

        Raises NotFound for either, NotYours, Place errors.
        """
        archive = await self._shelf.get(actor, archive_id)
        manifest = await self._archives.contents(archive.id)
        path = _meant(manifest, typed) if typed and typed.strip() else None
        secret = secrets.token_urlsafe(32)
        await self._links.add_parcel(
            Parcel(
                digest=_digest(secret),
                archive_id=archive.id,
                path=path,
                member_id=actor.id,
                expires_at=self._clock.now() + LINK_LIFE,
            )
        )
        chosen = _below(manifest, path)
        return Offered(
            url=f"{self._origin}/-/download/{secret}",
            archive=archive,
            path=shown(path) if path is not None else "",
            bytes=weigh(manifest.stored[one].entry for one in chosen),
        )

    async def complete(self, actor: Actor, archive_id: str, typed: str) -> list[tuple[str, str]]:
        """Files and folders whose path holds what was typed: as shown, and as it is typed."""
        archive = await self._shelf.get(actor, archive_id)
        wanted = typed.strip().lower()
        found = [
            (text, _typed(path, text))
            for path in await self._paths(archive.id)
            if wanted in (text := shown(path)).lower()
        ]
        return sorted(found, key=lambda pair: (pair[0].count("/"), pair[0]))[:25]

    async def peek(self, secret: str) -> bool:
        """Whether a link is good; takes nothing."""
        return await self._parcel(secret) is not None

    async def fetch(self, secret: str) -> Download | None:
        """Use a link, once; None when it is no longer good.

        Raises Busy while others are fetching, NotFound, Place errors. The pieces raise Damaged or
        PlaceDown before their end, so that what is not whole never looks whole.
        """
        parcel = await self._parcel(secret)
        if parcel is None:
            return None
        if self._running >= AT_ONCE:
            raise Busy(
                "too many downloads",
                public="Others are downloading at the moment.",
                hint="Try again in a few minutes.",
            )
        manifest = await self._archives.contents(parcel.archive_id)
        if not await self._links.fetch_parcel(parcel.digest, self._clock.now()):
            return None
        log.info("download of %s by %s", parcel.archive_id, parcel.member_id)
        return self._download(manifest, parcel.path)

    def _download(self, manifest: Manifest, path: bytes | None) -> Download:
        archive = manifest.archive
        stored = manifest.stored.get(path) if path is not None else None
        if path is not None and stored is not None and stored.entry.kind is Kind.FILE:
            pieces = _checked(self._archives.file(archive.id, path), stored.sha256)
            name = shown(path.rpartition(b"/")[2])
            return Download(name=name, size=stored.entry.size, pieces=self._counted(pieces))
        chosen = _below(manifest, path) if path is not None else None
        name = shown(path.rpartition(b"/")[2]) if path is not None else archive.name
        pieces = _gzipped(self._archives.download(archive.id, chosen))
        return Download(name=f"{name}.tar.gz", size=None, pieces=self._counted(pieces))

    async def _counted(self, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        self._running += 1
        try:
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    for at in range(0, len(piece), _PIECE):
                        yield piece[at : at + _PIECE]
        finally:
            self._running -= 1

    async def _paths(self, archive_id: ArchiveId) -> list[bytes]:
        """The names in an archive; those of the last few are kept, for somebody is typing."""
        if archive_id not in self._names:
            manifest = await self._archives.contents(archive_id)
            self._names[archive_id] = sorted(manifest.stored)
            while len(self._names) > _REMEMBERED:
                self._names.popitem(last=False)
        self._names.move_to_end(archive_id)
        return self._names[archive_id]

    async def _parcel(self, secret: str) -> Parcel | None:
        if not 0 < len(secret) <= _LONGEST:
            return None
        return await self._links.parcel(_digest(secret), self._clock.now())


def _meant(manifest: Manifest, typed: str) -> bytes:
    """The path that a text names: as it is shown, or by the digest of one too long to type."""
    wanted = typed.strip().strip("/")
    for path in manifest.stored:
        text = shown(path)
        if wanted in (text, _typed(path, text)):
            return path
    raise NotFound(
        f"nothing called {wanted[:40]!r} in {manifest.archive.id}",
        public="There is no such file or folder in this archive.",
        hint="Choose one of those that appear as you type.",
    )


def _typed(path: bytes, text: str) -> str:
    """What stands for a path in a choice: of 100 characters at most, and no spaces around it."""
    plain = len(text) <= _TYPED and text == text.strip()
    return text if plain else f"#{hashlib.sha256(path).hexdigest()[:32]}"


def _below(manifest: Manifest, path: bytes | None) -> Collection[bytes]:
    """A path and everything in it."""
    if path is None:
        return manifest.stored.keys()
    folder = path + b"/"
    return [one for one in manifest.stored if one == path or one.startswith(folder)]


async def _checked(
    pieces: AsyncGenerator[bytes, None], sha256: bytes
) -> AsyncGenerator[bytes, None]:
    """The same; the last piece only once all of them are what was archived."""
    hashed = hashlib.sha256()
    held = b""
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            await asyncio.to_thread(hashed.update, piece)
            if held:
                yield held
            held = piece
    if hashed.digest() != sha256:
        raise Damaged("a file came out of its part altered")
    if held:
        yield held


async def _gzipped(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    packer = zlib.compressobj(1, wbits=31)
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            if packed := await asyncio.to_thread(packer.compress, piece):
                yield packed
    yield packer.flush()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
