"""Encryption of what lies in the place: AES-256-GCM, a key for each archive.

The archive's key is random and lies beside it, wrapped by a key made from the installation's
secret. Every chunk is bound to the stream it belongs to, its number there, and whether it is the
last one: none can be altered, swapped, dropped or cut off unseen.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import Damaged, Foreign

OVERHEAD = 4 + 1 + 12 + 16
"""Bytes that a chunk is longer than what is in it: magic, last, nonce, tag."""

_MAGIC = b"BHA1"
_NONCE = 12


class Master:
    """The installation's key, which wraps the archives' keys."""

    def __init__(self, secret: str) -> None:
        self._key = _derived(secret, b"bellhop archives: wrapping")
        self.id = _derived(secret, b"bellhop archives: name of the key")[:8].hex()

    def new_key(self, archive_id: str) -> bytes:
        """A fresh archive key, wrapped, as it is written to the place."""
        nonce = os.urandom(_NONCE)
        wrapped = AESGCM(self._key).encrypt(nonce, os.urandom(32), archive_id.encode())
        return json.dumps(
            {"format": 1, "master": self.id, "nonce": nonce.hex(), "key": wrapped.hex()}
        ).encode()

    def is_ours(self, text: bytes) -> bool:
        """Whether a wrapped key was wrapped by this installation."""
        return _parsed(text)["master"] == self.id

    def open_key(self, archive_id: str, text: bytes) -> Seal:
        """Unwrap a key. Raises Foreign where another secret wrapped it, Damaged if altered."""
        told = _parsed(text)
        if told["master"] != self.id:
            raise Foreign(f"archive {archive_id} has a key of installation {told['master']}")
        try:
            key = AESGCM(self._key).decrypt(
                bytes.fromhex(told["nonce"]), bytes.fromhex(told["key"]), archive_id.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise Damaged(f"the key of archive {archive_id} is altered") from error
        return Seal(archive_id=archive_id, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One archive's key, at work. Up to 2^32 chunks; more would need another nonce."""

    archive_id: str
    key: bytes

    def __repr__(self) -> str:
        return f"Seal({self.archive_id})"

    def close(self, data: bytes, *, stream: str, index: int, last: bool) -> bytes:
        nonce = os.urandom(_NONCE)
        about = self._about(stream, index, last)
        return (
            _MAGIC
            + (b"\1" if last else b"\0")
            + nonce
            + AESGCM(self.key).encrypt(nonce, data, about)
        )

    def open(self, chunk: bytes, *, stream: str, index: int) -> tuple[bytes, bool]:
        """What is in a chunk, and whether it is the stream's last. Raises Damaged."""
        if len(chunk) < OVERHEAD or chunk[:4] != _MAGIC or chunk[4] not in (0, 1):
            raise Damaged(f"chunk {index} of {self.archive_id}/{stream} is not one of ours")
        last = chunk[4] == 1
        try:
            data = AESGCM(self.key).decrypt(
                chunk[5 : 5 + _NONCE], chunk[5 + _NONCE :], self._about(stream, index, last)
            )
        except InvalidTag as error:
            raise Damaged(f"chunk {index} of {self.archive_id}/{stream} is altered") from error
        return data, last

    def _about(self, stream: str, index: int, last: bool) -> bytes:
        return f"{self.archive_id}/{stream}/{index}/{int(last)}".encode()


def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())


def _parsed(text: bytes) -> dict[str, str]:
    try:
        told = json.loads(text)
        return {name: str(told[name]) for name in ("master", "nonce", "key")}
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("an archive's key is unreadable") from error
