"""One file, compressed and sealed with a passphrase: written whole or not at all, read checked.

A line that names the format, a line of JSON with the parameters of scrypt, then frames: four bytes
of length and a sealed chunk, as archives have them. The first frame is empty and tells a wrong
passphrase from damage; the last one says that it is the last, so that a file cut short is seen.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bot.adapters.archive.sealing import OVERHEAD, Seal
from bot.errors import Backup, Damaged, system_reason

FRAME_BYTES = 1024 * 1024

_MAGIC = b"BELLHOP BACKUP 1\n"
_ANY_FORMAT = b"BELLHOP BACKUP "
_COST = {"n": 2**16, "r": 8, "p": 1}
"""64 MB and a fraction of a second for each guess."""

_MOST_COST = {"n": 2**20, "r": 32, "p": 16}
_SALT = 16
_STREAM = "backup"
_CUT = "The backup is cut short: its end is missing."
_AGAIN = "Take another copy of it; nothing was changed."

Write = Callable[[bytes], None]


@contextlib.contextmanager
def sealed_file(path: Path, passphrase: str) -> Iterator[Write]:
    """Give a function that takes the content; at the end the file is there, mode 0600.

    Before it gets its name it is read back. What lay there under the name before stays until then,
    and stays for good if the block fails. Raises Backup where it cannot be written.
    """
    if not path.name:
        raise Backup(str(path), public=f"{path} is a folder: name a file for the backup.", hint="")
    draft = path.with_name(path.name + ".part")
    try:
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            frames = _Frames(file, passphrase)
            yield frames.write
            frames.finish()
            file.flush()
            os.fsync(file.fileno())
        for _ in unsealed(draft, passphrase):
            pass
        os.replace(draft, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise Backup(
            f"{path}: {error}",
            public=f"The backup cannot be written to {path} ({system_reason(error)}).",
            hint="Choose a place with room, where you may write; an older backup there is whole.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def unsealed(path: Path, passphrase: str) -> Iterator[bytes]:
    """The content of a sealed file, piece by piece, every piece checked before it is given out.

    Raises Backup, saying which: no backup, a newer format, a wrong passphrase, damage, a file cut
    short. Whoever needs all of it to be good reads to the end first.
    """
    try:
        with path.open("rb") as file:
            yield from _opened(file, passphrase)
    except OSError as error:
        raise Backup(
            f"{path}: {error}", public=f"{path} cannot be read ({system_reason(error)})."
        ) from error


class _Frames:
    """The head of a sealed file, then its frames."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        salt = os.urandom(_SALT)
        self._file = file
        self._seal = _seal(passphrase, salt, _COST)
        self._packing = zstandard.ZstdCompressor(level=6).compressobj()
        self._waiting = bytearray()
        self._index = 0
        head = json.dumps({**_COST, "salt": salt.hex()}).encode()
        file.write(_MAGIC + head + b"\n")
        self._put(b"", last=False)

    def write(self, data: bytes) -> None:
        self._waiting += self._packing.compress(data)
        while len(self._waiting) > FRAME_BYTES:
            self._put(bytes(self._waiting[:FRAME_BYTES]), last=False)
            del self._waiting[:FRAME_BYTES]

    def finish(self) -> None:
        self._waiting += self._packing.flush()
        self._put(bytes(self._waiting), last=True)

    def _put(self, data: bytes, *, last: bool) -> None:
        chunk = self._seal.close(data, stream=_STREAM, index=self._index, last=last)
        self._file.write(len(chunk).to_bytes(4, "big") + chunk)
        self._index += 1


def _opened(file: BinaryIO, passphrase: str) -> Iterator[bytes]:
    seal = _seal_of(file, passphrase)
    unpacking = zstandard.ZstdDecompressor().decompressobj()
    index, last = 0, False
    while not last:
        chunk = _chunk(file)
        try:
            data, last = seal.open(chunk, stream=_STREAM, index=index)
            piece = unpacking.decompress(data) if data else b""
        except (Damaged, zstandard.ZstdError) as error:
            raise _damaged(index) from error
        index += 1
        if piece:
            yield piece
    if file.read(1):
        raise Backup("bytes after the last frame", public="The backup was altered.", hint=_AGAIN)


def _damaged(index: int) -> Backup:
    if index == 0:
        return Backup("the first frame does not open", public="The passphrase is wrong.")
    return Backup(f"frame {index}", public="The backup was altered or damaged.", hint=_AGAIN)


def _seal_of(file: BinaryIO, passphrase: str) -> Seal:
    magic = file.readline(len(_MAGIC) + 8)
    if magic != _MAGIC:
        if magic.startswith(_ANY_FORMAT) and magic.endswith(b"\n"):
            raise Backup(
                "another format",
                public="This backup was made by a newer Bellhop.",
                hint="Install that version here first.",
            )
        if _MAGIC.startswith(magic):
            raise Backup("no head", public=_CUT, hint=_AGAIN)
        raise Backup("no magic", public="This file is no backup of Bellhop's.")
    line = file.readline(1000)
    if not line.endswith(b"\n"):
        raise Backup("half a head", public=_CUT, hint=_AGAIN)
    try:
        head = json.loads(line)
        cost = {name: int(head[name]) for name in _COST}
        salt = bytes.fromhex(head["salt"])
        if any(not 0 < cost[name] <= _MOST_COST[name] for name in cost):
            raise ValueError("a cost out of range")
        return _seal(passphrase, salt, cost)
    except (ValueError, KeyError, TypeError) as error:
        raise Backup("the head", public="The backup was altered.", hint=_AGAIN) from error


def _chunk(file: BinaryIO) -> bytes:
    length = int.from_bytes(head, "big") if len(head := file.read(4)) == 4 else 0
    if length > FRAME_BYTES + OVERHEAD:
        raise Backup("a frame too long", public="The backup was altered.", hint=_AGAIN)
    chunk = file.read(length)
    if not length or len(chunk) < length:
        raise Backup("no last frame", public=_CUT, hint=_AGAIN)
    return chunk


def _seal(passphrase: str, salt: bytes, cost: dict[str, int]) -> Seal:
    key = Scrypt(salt=salt, length=32, **cost).derive(passphrase.encode())
    return Seal(archive_id=_STREAM, key=key)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
