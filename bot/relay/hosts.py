"""Which door a request knocks at: pure reading of the Host header.

Every rental has an origin of its own, `{rental}.<relay host>`, so that one notebook's scripts never
meet another's cookie. The bare address answers only for the relay itself. Any other name is
nobody's, which ends DNS rebinding.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from enum import Enum
from urllib.parse import urlsplit

from bot.domain.origins import Origin, origin_of

_RENTAL = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_LONGEST = 262  # characters of a host's name, a colon and a port
_REMEMBERED = 1000


def bare(relay_url: str) -> str:
    """The relay's own origin, from its public address."""
    return relay_url.replace("{rental}.", "").rstrip("/")


class Place(Enum):
    BARE = "bare"  # the relay itself
    NOWHERE = "nowhere"  # a name that is not ours


class Hosts:
    """The names the relay answers to, from its public address and the port it listens on."""

    def __init__(self, *, relay_url: str, port: int) -> None:
        parts = urlsplit(relay_url.replace("{rental}.", ""))
        self._scheme = parts.scheme
        self._host = (parts.hostname or "").lower()
        self._port = parts.port or _DEFAULT_PORTS[parts.scheme]
        self._relay_url = relay_url
        self._own = {f"{name}:{port}" for name in _LOOPBACK}
        self._place: Callable[[str], Origin | Place]
        self._place = functools.lru_cache(_REMEMBERED)(self._read)

    @property
    def secure(self) -> bool:
        """Whether browsers reach the relay through TLS."""
        return self._scheme == "https"

    def origin(self, name: str) -> str:
        return self._relay_url.replace("{rental}", name)

    @property
    def bare(self) -> str:
        """The relay's own origin."""
        return bare(self._relay_url)

    def place(self, host: str | None) -> Origin | Place:
        """What a Host header names; None is a missing or doubled one."""
        if host is None or len(host) > _LONGEST:
            return Place.NOWHERE
        return self._place(host)

    def _read(self, host: str) -> Origin | Place:
        host = host.lower()
        if host in self._own:
            return Place.BARE
        name, _, port = host.partition(":")
        if port and port != str(self._port):
            return Place.NOWHERE
        if not port and self._port != _DEFAULT_PORTS[self._scheme]:
            return Place.NOWHERE
        if name == self._host:
            return Place.BARE
        rental, _, rest = name.partition(".")
        if rest == self._host and _RENTAL.fullmatch(rental):
            return origin_of(rental)
        return Place.NOWHERE
