"""One SSH connection per rental, shared by everybody who needs that machine.

Here is who is connected, and the local Unix sockets that lead to notebooks. How one attempt is made
is in `connect.py`; when to connect again is for the caller to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from bot.adapters.ssh.connect import Pace, connect, without_comment
from bot.adapters.ssh.flow import hold_back
from bot.adapters.ssh.folder import SocketFolder
from bot.adapters.ssh.keys import SshKey
from bot.adapters.ssh.lanes import End, Lanes
from bot.adapters.ssh.shell import SshShell
from bot.adapters.ssh.turns import Turns
from bot.domain.rentals import Address, RentalId
from bot.errors import BadInput, HostKeyChanged, Unreachable
from bot.ports.machines import Carries, NotebookAt

log = logging.getLogger(__name__)

MOST_PORTS = 32
"""Of one machine, besides its notebook; one more ends the oldest."""

_CLOSE_S = 2.0


class SshTunnels:
    """ports.Tunnels."""

    def __init__(self, *, key: SshKey, pace: Pace | None = None) -> None:
        hold_back()
        self._key = key
        self._pace = pace or Pace()
        self._lines: dict[RentalId, _Line] = {}
        self._attempts: dict[RentalId, asyncio.Task[_Line]] = {}
        self._turns = Turns()
        self._folder = SocketFolder()
        self._lanes = (
            Lanes(key_file=key.file, folder=lambda: self._folder.path, pace=self._pace)
            if key.file is not None
            else None
        )

    async def connect(
        self,
        rental_id: RentalId,
        addresses: Sequence[Address],
        *,
        host_key: str | None,
        patience_s: float,
    ) -> str:
        """As the port says; those who ask while an attempt is running share it."""
        line = self._lines.get(rental_id)
        if line is None or line.lost:
            attempt = self._attempts.get(rental_id)
            if attempt is None:
                attempt = asyncio.create_task(
                    self._try(rental_id, addresses, host_key=host_key, patience_s=patience_s)
                )
                self._attempts[rental_id] = attempt
                attempt.add_done_callback(lambda done: self._attempt_over(rental_id, done))
            line = await self._wait(attempt, patience_s)
        if host_key is not None and without_comment(host_key) != line.host_key:
            raise HostKeyChanged(f"connected with {line.host_key}, not {host_key}")
        return line.host_key

    def connected(self, rental_id: RentalId) -> bool:
        line = self._lines.get(rental_id)
        return line is not None and not line.lost

    def count(self) -> int:
        """How many machines there is a connection to."""
        return sum(not line.lost for line in self._lines.values())

    def shell(self, rental_id: RentalId) -> SshShell:
        return SshShell(self._line(rental_id).connection)

    async def forward(self, rental_id: RentalId, notebook: NotebookAt) -> str:
        """As the port says. The path is one per rental, also after a new connection."""
        line = self._line(rental_id)
        target = notebook.socket or notebook.port
        if target is None:
            raise ValueError("a notebook listens on a socket or a port")
        async with line.forwarding:
            if line.listener is None or line.target != target:
                await self._listen(line, target)
        return str(line.path)

    def lane(self, rental_id: RentalId, carries: Carries) -> str | None:
        """ports.Lanes."""
        line = self._lines.get(rental_id)
        if self._lanes is None or line is None or line.target is None:
            return None
        end = End(address=line.address, host_key=line.host_key, target=line.target)
        return self._lanes.path(rental_id, carries, end)

    async def forward_port(self, rental_id: RentalId, port: int) -> str:
        """As the port says. There is a path for each port, until the connection ends."""
        line = self._line(rental_id)
        if port == line.target:
            raise BadInput(
                f"port {port} is the notebook's",
                public=f"Port {port} is the notebook's own; /open without a port opens it.",
            )
        async with line.forwarding:
            if port not in line.ports:
                await self._listen_for(line, rental_id, port)
        return line.ports[port][0]

    async def close(self, rental_id: RentalId) -> None:
        if attempt := self._attempts.pop(rental_id, None):
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
        line = self._lines.pop(rental_id, None)
        if self._lanes is not None:
            await self._lanes.close(rental_id)
        if line is not None:
            await line.close()
            log.info("closed the connection to %s", rental_id)

    async def aclose(self) -> None:
        """Close everything and remove the folder of local sockets."""
        await asyncio.gather(*(self.close(each) for each in {*self._lines, *self._attempts}))
        if self._lanes is not None:
            await self._lanes.aclose()
        await asyncio.to_thread(self._folder.close)

    def _line(self, rental_id: RentalId) -> _Line:
        line = self._lines.get(rental_id)
        if line is None or line.lost:
            raise Unreachable(f"there is no connection to {rental_id}")
        return line

    async def _wait(self, attempt: asyncio.Task[_Line], patience_s: float) -> _Line:
        """Wait for a shared attempt: whoever gives up must not end it for the others."""
        try:
            async with asyncio.timeout(patience_s + self._pace.attempt_s):
                return await asyncio.shield(attempt)
        except TimeoutError as error:
            raise Unreachable("the attempt to connect takes too long") from error
        except asyncio.CancelledError:
            if attempt.cancelled():  # by `close`, and not we
                raise Unreachable("the connection was closed meanwhile") from None
            raise

    def _attempt_over(self, rental_id: RentalId, attempt: asyncio.Task[_Line]) -> None:
        if self._attempts.get(rental_id) is attempt:
            del self._attempts[rental_id]
        if not attempt.cancelled():
            attempt.exception()  # seen, even if everybody who waited is gone

    async def _try(
        self,
        rental_id: RentalId,
        addresses: Sequence[Address],
        *,
        host_key: str | None,
        patience_s: float,
    ) -> _Line:
        """Go round the addresses, with growing pauses, until one lets us in or time is up.

        An address with a wrong host key is passed by: the others may be right. If none is left
        but such, or time is up, that is what is told.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_s
        pause_s = self._pace.first_pause_s
        while True:
            faults: list[Unreachable | HostKeyChanged] = []
            for address in addresses:
                limit_s = max(deadline - loop.time(), min(1.0, self._pace.attempt_s))
                try:
                    return await self._connect_once(rental_id, address, host_key, limit_s)
                except (Unreachable, HostKeyChanged) as fault:
                    faults.append(fault)
            changed = [fault for fault in faults if isinstance(fault, HostKeyChanged)]
            if not faults:
                raise Unreachable("the machine has no address yet")
            if len(changed) == len(faults) or loop.time() + pause_s >= deadline:
                raise changed[0] if changed else faults[0]
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, self._pace.longest_pause_s)

    async def _connect_once(
        self, rental_id: RentalId, address: Address, host_key: str | None, limit_s: float
    ) -> _Line:
        line: _Line | None = None

        def on_lost(error: Exception | None) -> None:
            if line is not None and not line.lost:
                line.lost = True
                line.stop_listening()
                log.warning("lost the connection to %s: %s", rental_id, error or "it was closed")

        async with self._turns.turn():  # the limit begins with the turn
            connection, seen = await connect(
                address,
                key=self._key.private,
                host_key=host_key,
                pace=self._pace,
                limit_s=limit_s,
                on_lost=on_lost,
            )
        path = self._folder.path / f"{rental_id}.sock"
        line = _Line(
            connection=connection,
            address=address,
            host_key=seen,
            path=path,
            lost=connection.is_closed(),
        )
        self._lines[rental_id] = line
        log.info("connected to %s at %s:%s", rental_id, address.host, address.port)
        return line

    async def _listen(self, line: _Line, target: str | int) -> None:
        line.stop_listening()
        path = str(line.path)
        try:
            if isinstance(target, str):
                line.listener = await line.connection.forward_local_path(path, target)
            else:
                line.listener = await line.connection.forward_local_path_to_port(
                    path, "127.0.0.1", target
                )
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(f"the notebook cannot be forwarded: {error}") from error
        line.target = target

    async def _listen_for(self, line: _Line, rental_id: RentalId, port: int) -> None:
        while len(line.ports) >= MOST_PORTS:
            line.stop_port(next(iter(line.ports)))
        path = self._folder.path / f"{rental_id}-{port}.sock"
        path.unlink(missing_ok=True)
        try:
            listener = await line.connection.forward_local_path_to_port(
                str(path), "127.0.0.1", port
            )
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(f"port {port} cannot be forwarded: {error}") from error
        line.ports[port] = (str(path), listener)


@dataclass(slots=True, kw_only=True, eq=False)
class _Line:
    """A connection and the local socket that leads through it."""

    connection: asyncssh.SSHClientConnection
    address: Address
    host_key: str
    path: Path
    forwarding: asyncio.Lock = field(default_factory=asyncio.Lock)
    lost: bool = False
    listener: asyncssh.SSHListener | None = None
    target: str | int | None = None
    ports: dict[int, tuple[str, asyncssh.SSHListener]] = field(default_factory=dict)

    def stop_port(self, port: int) -> None:
        path, listener = self.ports.pop(port)
        listener.close()
        Path(path).unlink(missing_ok=True)

    def stop_listening(self) -> None:
        for port in list(self.ports):
            self.stop_port(port)
        if self.listener is not None:
            self.listener.close()
            self.listener = None
        self.path.unlink(missing_ok=True)

    async def close(self) -> None:
        """Say good-bye if the other side hears it, and be gone in any case."""
        self.lost = True
        self.stop_listening()
        self.connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self.connection.wait_closed()
                return
        self.connection.abort()
