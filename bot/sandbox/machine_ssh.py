"""The SSH server of a simulated machine: root by public key, sessions, forwards, files."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import asyncssh
from asyncssh.constants import OPEN_CONNECT_FAILED

from bot.adapters.ssh.flow import hold_back
from bot.sandbox.shell import Meter, Shells

_CLOSING_S = 5.0


class SshDoor:
    """One machine's port: reserved, then open, then shut; the number stays the same.

    `authorized` is the file of public keys, read at every login as sshd does. `say` gets the lines
    that sshd would log.
    """

    def __init__(
        self,
        *,
        host_key: asyncssh.SSHKey,
        authorized: Path,
        root: Path,
        shells: Shells,
        meter: Meter,
        say: Callable[[str], None],
    ) -> None:
        hold_back()
        self._host_key = host_key
        self._authorized = authorized
        self._root = root
        self._shells = shells
        self._meter = meter
        self._say = say
        self._socket: socket.socket | None = None
        self._server: asyncssh.SSHAcceptor | None = None
        self._visitors: set[_Visitor] = set()
        self._deaf: asyncio.TimerHandle | None = None

    def reserve(self, port: int = 0) -> int:
        """Take a port, this one if it is free. Connections to it are refused until `open`."""
        self._socket = _bound(port) or _bound(0)
        if self._socket is None:
            raise OSError("no free port on 127.0.0.1")
        number: int = self._socket.getsockname()[1]
        return number

    async def open(self) -> None:
        """Let SSH in."""
        taken, self._socket = self._socket, None
        self._server = await asyncssh.listen(
            sock=taken,
            server_factory=lambda: _Visitor(
                authorized=self._authorized,
                meter=self._meter,
                say=self._say,
                visitors=self._visitors,
                deaf=self._deaf is not None,
            ),
            server_host_keys=[self._host_key],
            process_factory=self._shells.serve,
            sftp_factory=self._files,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            keepalive_interval=0,
        )
        self._say("Server listening on 0.0.0.0 port 22.")

    def hang(self, for_s: float) -> None:
        """Hear nothing for so long, on old connections and on new ones, which see a banner."""
        self._hear()
        self._deaf = asyncio.get_running_loop().call_later(for_s, self._hear)
        for visitor in self._visitors:
            visitor.hear(False)

    async def close(self) -> None:
        """Shut the port and cut whoever is connected, as when a host pulls the plug."""
        self._hear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._server is not None:
            self._server.close()
            server, self._server = self._server, None
            visitors = list(self._visitors)
            for visitor in visitors:
                visitor.cut()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_S):
                    await server.wait_closed()
                    await asyncio.gather(*(visitor.gone.wait() for visitor in visitors))

    def _hear(self) -> None:
        """Listen again, where that had been left off."""
        if self._deaf is not None:
            self._deaf.cancel()
            self._deaf = None
            for visitor in self._visitors:
                visitor.hear(True)

    def _files(self, channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return _Files(channel, chroot=str(self._root).encode())


class _Files(asyncssh.SFTPServer):
    """The machine's files. Ends with a status, as OpenSSH's does: scp fails without one."""

    def exit(self) -> None:
        super().exit()
        self.channel.exit(0)


class _Visitor(asyncssh.SSHServer):
    """One connection."""

    def __init__(
        self,
        *,
        authorized: Path,
        meter: Meter,
        say: Callable[[str], None],
        visitors: set[_Visitor],
        deaf: bool,
    ) -> None:
        self._authorized = authorized
        self._meter = meter
        self._say = say
        self._visitors = visitors
        self._deaf = deaf
        self._connection: asyncssh.SSHServerConnection | None = None
        self.gone = asyncio.Event()

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._visitors.add(self)
        if self._deaf:
            # The first packets are read after this; a connection that was made is paused later.
            asyncio.get_running_loop().call_soon(self.hear, False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._visitors.discard(self)
        self.gone.set()

    def cut(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    def hear(self, heard: bool) -> None:
        """Read what the client sends, or leave it in the kernel."""
        # asyncssh keeps its transport to itself, and has no way to pause a connection.
        transport = getattr(self._connection, "_transport", None)
        if transport is None or transport.is_closing():
            return
        if heard and not transport.is_reading():
            transport.resume_reading()
        if not heard and transport.is_reading():
            transport.pause_reading()

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        # Asked twice: would this key do, and does it.
        return username == "root" and key in _read_keys(self._authorized)

    def auth_completed(self) -> None:
        self._say("Accepted publickey for root from 127.0.0.1")

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> Awaitable[asyncssh.SSHTCPSession[bytes]]:
        loop = asyncio.get_running_loop()
        inside = loop.create_connection(lambda: _Metered(self._meter), dest_host, dest_port)
        # A forwarder is the session; asyncssh's own types do not say so.
        return cast(Awaitable[asyncssh.SSHTCPSession[bytes]], _joined(inside))

    def unix_connection_requested(
        self, dest_path: str
    ) -> Awaitable[asyncssh.SSHUNIXSession[bytes]]:
        loop = asyncio.get_running_loop()
        inside = loop.create_unix_connection(lambda: _Metered(self._meter), dest_path)
        return cast(Awaitable[asyncssh.SSHUNIXSession[bytes]], _joined(inside))


class _Metered(asyncssh.SSHForwarder):
    """The inner end of a forward, which counts what passes."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        self._meter.up += len(data)
        super().data_received(data, datatype)

    def write(self, data: bytes) -> None:
        self._meter.down += len(data)
        super().write(data)


async def _joined(
    connecting: Awaitable[tuple[asyncio.BaseTransport, _Metered]],
) -> asyncssh.SSHForwarder:
    try:
        _, inside = await connecting
    except OSError as error:
        raise asyncssh.ChannelOpenError(OPEN_CONNECT_FAILED, str(error)) from error
    return asyncssh.SSHForwarder(inside)


def _bound(port: int) -> socket.socket | None:
    """A socket that has the port and does not listen, so that connecting is refused."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        return None
    return bound


def _read_keys(authorized: Path) -> list[asyncssh.SSHKey]:
    keys = []
    with contextlib.suppress(OSError):
        for line in authorized.read_text().splitlines():
            with contextlib.suppress(asyncssh.KeyImportError):
                keys.append(asyncssh.import_public_key(line))
    return keys
