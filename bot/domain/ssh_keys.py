"""Public SSH keys of people: read from what they paste, named by their fingerprints.

What looks like a private key or a password is refused in words that quote none of it. The formats
are those of OpenSSH's `sshd(8)`, AUTHORIZED_KEYS FILE FORMAT, without options: they could run
commands on the machine.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from datetime import datetime

from bot.errors import BadInput, DamagedKey

MOST = 10
"""Keys of one person."""
MARK = "bellhop:guest:"
"""Ends the comment of the lines that are ours in a machine's list of keys."""

_LONGEST = 8_000  # characters of what is pasted; a 16384-bit RSA key has 2,800
_RSA_BITS = 2048
_ED25519_BYTES = 32
_POINTS = {"nistp256": 65, "nistp384": 97, "nistp521": 133}
_KINDS = (
    "ssh-ed25519",
    "ssh-rsa",
    *(f"ecdsa-sha2-{curve}" for curve in _POINTS),
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_PRIVATE = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File|BEGIN OPENSSH|Private-Lines", re.IGNORECASE)
_BODY = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_KEYLIKE = re.compile(r"(?:^|[\s,\"])((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")

_HINT = "Paste the line of a file that ends in .pub, like ~/.ssh/id_ed25519.pub."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key: `line` is its type and body, without comment; `fingerprint` as `ssh-keygen -l`."""

    line: str
    comment: str
    fingerprint: str

    @property
    def kind(self) -> str:
        return self.line.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """A key that somebody added."""

    member_id: int
    key: PublicKey
    added_at: datetime


def read(text: str) -> list[PublicKey]:
    """The keys in what was pasted, one a line; comments and empty lines are passed over.

    Raises BadInput, which never quotes what was pasted.
    """
    if _PRIVATE.search(text):
        raise BadInput(
            "a private key was pasted",
            public="That is a private key. It was not stored.",
            hint="Whoever reads it can be you: make a new pair with ssh-keygen, remove the old one "
            f"everywhere, and add the new one's public half. {_HINT}",
        )
    if len(text) > _LONGEST:
        raise BadInput("too long for keys", public="That is too long for public keys.", hint=_HINT)
    lines = [line.strip() for line in text.splitlines()]
    found = [_read_line(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise BadInput("no key", public="There is no key in that.", hint=_HINT)
    return list({key.fingerprint: key for key in found}.values())


def fingerprint(line: str) -> str:
    """`SHA256:…` of a key's line, as ssh and ssh-keygen show it. Raises BadInput."""
    return _fingerprint(_body(line.split()[1] if len(line.split()) > 1 else ""))


def lines_for(keys: list[PublicKey]) -> tuple[str, ...]:
    """The lines of a machine's list of keys, in one order; they name nobody."""
    by_print = {key.fingerprint: key for key in keys}
    return tuple(
        f"{by_print[one].line} {MARK}{hashlib.sha256(one.encode()).hexdigest()[:12]}"
        for one in sorted(by_print)
    )


def _read_line(line: str) -> PublicKey:
    kind, _, rest = line.partition(" ")
    body, _, comment = rest.strip().partition(" ")
    if kind not in _KINDS:
        raise _refusal(line, kind)
    blob = _body(body)
    if not _sound(kind, blob):
        raise DamagedKey("a damaged key")
    return PublicKey(
        line=f"{kind} {body}",
        comment=_UNPRINTABLE.sub("", comment).strip()[:80],
        fingerprint=_fingerprint(blob),
    )


def _refusal(line: str, kind: str) -> BadInput:
    """Why a line that does not begin with a kind of key we take is none."""
    if kind in ("ssh-dss", "ssh-dsa") or kind.endswith("-cert-v01@openssh.com"):
        return BadInput(
            "a kind of key that is not taken",
            public="This kind of key is not taken.",
            hint="ed25519, ecdsa, rsa from 2048 bits on, and keys of security devices are.",
        )
    inner = _KEYLIKE.search(line)
    if inner is not None and inner[1] in _KINDS:
        return BadInput(
            "options before a key",
            public="Options before a key are not taken.",
            hint="Paste the line without what stands before ssh- or ecdsa-.",
        )
    if " " not in line and len(line) <= 128:
        return BadInput(
            "a single word instead of a key",
            public="That is not a public key. It was not stored.",
            hint=f"If it is a password, replace it wherever you use it. {_HINT}",
        )
    return BadInput("not a key", public="That is not a public key. It was not stored.", hint=_HINT)


def _body(text: str) -> bytes:
    if not _BODY.fullmatch(text):
        raise DamagedKey("a damaged key")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise DamagedKey("a damaged key") from error


def _fingerprint(blob: bytes) -> str:
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def _sound(kind: str, blob: bytes) -> bool:
    """Whether the body is a whole key of that kind. Raises BadInput for a short RSA key."""
    fields = _fields(blob)
    if not fields or fields[0] != kind.encode():
        return False
    rest = fields[1:]
    match kind:
        case "ssh-ed25519":
            return len(rest) == 1 and len(rest[0]) == _ED25519_BYTES
        case "sk-ssh-ed25519@openssh.com":
            return len(rest) == 2 and len(rest[0]) == _ED25519_BYTES
        case "ssh-rsa":
            return len(rest) == 2 and _long_enough(rest[1])
        case "sk-ecdsa-sha2-nistp256@openssh.com":
            return len(rest) == 3 and _point(rest[0], rest[1])
        case _:
            curve = kind.removeprefix("ecdsa-sha2-").encode()
            return len(rest) == 2 and rest[0] == curve and _point(rest[0], rest[1])


def _point(curve: bytes, point: bytes) -> bool:
    return len(point) == _POINTS.get(curve.decode(errors="replace"), -1) and point[:1] == b"\x04"


def _long_enough(modulus: bytes) -> bool:
    bits = int.from_bytes(modulus, "big").bit_length()
    if bits < _RSA_BITS:
        raise BadInput(
            f"an RSA key of {bits} bits",
            public=f"RSA keys need at least {_RSA_BITS} bits; this one has {bits}.",
            hint="ssh-keygen -t ed25519 makes a better one.",
        )
    return bits <= 16384


def _fields(blob: bytes) -> list[bytes]:
    """The strings a key's body is made of (RFC 4251, 5); empty where it is not whole."""
    fields, at = [], 0
    while at < len(blob):
        if at + 4 > len(blob):
            return []
        (size,) = struct.unpack_from(">I", blob, at)
        if at + 4 + size > len(blob):
            return []
        fields.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    return fields
