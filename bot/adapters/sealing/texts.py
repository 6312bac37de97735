"""Texts in the database, sealed: AES-256-GCM, by a key made from the installation's secret.

As the archives' keys are wrapped, but with a key for each purpose. What is sealed is bound to what
it is about: it cannot be put in another row's place unseen.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import Unreadable

_MARK = "sealed:1:"  # no JSON begins so: what an older version wrote plainly is told apart by it
_NONCE = 12


class TextSeal:
    """`ports.Seal`."""

    def __init__(self, secret: str, purpose: str) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"bellhop {purpose}".encode())
        self._cipher = AESGCM(derived.derive(secret.encode()))

    def close(self, text: str, *, about: str) -> str:
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), about.encode())
        return _MARK + base64.b64encode(sealed).decode("ascii")

    def open(self, text: str, *, about: str) -> str:
        """As the port says; a text without our mark was never sealed, and is what it is."""
        if not text.startswith(_MARK):
            return text
        try:
            sealed = base64.b64decode(text[len(_MARK) :], validate=True)
            plain = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except (InvalidTag, ValueError) as error:
            raise Unreadable("a sealed text is altered, or of another secret") from error
        return plain.decode()
