"""One attempt to connect to a machine: our key only, its host key checked, ciphers in our order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import asyncssh

from bot.domain.rentals import Address
from bot.errors import HostKeyChanged, Unreachable

# With AES instructions gcm is nearly twice as fast as chacha20, which peers would agree on else.
CIPHERS = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)
_AWAY = asyncssh.DEVNULL  # what a .bashrc says, or a machine that talks without end
# A machine has several host keys; a fixed order makes it show the same one each time.
_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient a connection is, in seconds."""

    attempt_s: float = 10.0  # for one attempt, from the first packet to the first command
    keepalive_s: float = 15.0
    keepalives: int = 3  # unanswered ones until the connection counts as lost
    first_pause_s: float = 0.25
    longest_pause_s: float = 2.0


class Guest(asyncssh.SSHClient):
    """Our side of a connection: checks the host key, notices the end."""

    def __init__(self, expected: str | None, on_lost: Callable[[Exception | None], None]) -> None:
        self._expected = expected
        self._on_lost = on_lost
        self.seen = ""  # the host key as one line

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Any key at the first contact, then only that one."""
        self.seen = _line(key)
        return self._expected is None or self.seen == without_comment(self._expected)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(exc)


async def connect(
    address: Address,
    *,
    key: asyncssh.SSHKey,
    host_key: str | None,
    pace: Pace,
    limit_s: float,
    on_lost: Callable[[Exception | None], None],
) -> tuple[asyncssh.SSHClientConnection, str]:
    """Connect once; returns the connection and the host key's line.

    The connection has run one command: sshd turns Nagle's algorithm off at the first session, and
    a connection that only carries forwards would answer small requests 20 to 40 ms late.
    Raises Unreachable, HostKeyChanged.
    """
    where = f"{address.host}:{address.port}"
    guest = Guest(host_key, on_lost)
    connection: asyncssh.SSHClientConnection | None = None
    try:
        async with asyncio.timeout(min(limit_s, pace.attempt_s)):
            connection = await asyncssh.connect(
                address.host, address.port, options=_options(key, pace, guest)
            )
            await connection.run("true", encoding=None, stdout=_AWAY, stderr=_AWAY)
    except BaseException as error:
        if connection is not None:
            connection.abort()
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            raise HostKeyChanged(f"{where} shows {guest.seen}, not {host_key}") from error
        if isinstance(error, (OSError, asyncssh.Error)):
            raise Unreachable(f"{where} {_why(error)}") from error
        raise
    return connection, guest.seen


def without_comment(line: str) -> str:
    return " ".join(line.split()[:2])


def _options(key: asyncssh.SSHKey, pace: Pace, guest: Guest) -> asyncssh.SSHClientConnectionOptions:
    return asyncssh.SSHClientConnectionOptions(
        config=None,
        username="root",
        client_factory=lambda: guest,
        client_keys=[key],
        agent_path=None,
        preferred_auth="publickey",
        known_hosts=([], [], []),  # none is known in advance, so the guest is asked
        x509_trusted_certs=None,
        server_host_key_algs=list(_HOST_KEYS),
        encryption_algs=list(CIPHERS),
        compression_algs=None,
        keepalive_interval=pace.keepalive_s,
        keepalive_count_max=pace.keepalives,
        login_timeout=pace.attempt_s,
    )


def _line(key: asyncssh.SSHKey) -> str:
    return without_comment(key.export_public_key("openssh").decode())


def _why(error: Exception) -> str:
    """What happened, in words for the log and the card."""
    match error:
        case TimeoutError():
            return "does not answer"
        case ConnectionRefusedError():
            return "refuses connections"
        case ConnectionResetError() | asyncssh.ConnectionLost():
            return "cuts the connection"
        case asyncssh.PermissionDenied():
            return "does not accept our key yet"
        case _:
            return f"cannot be connected to: {error}"
