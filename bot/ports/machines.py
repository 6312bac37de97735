"""What is done on a machine: commands, the minute's look, its notebook, the ways to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from bot.domain.readings import Reading
from bot.domain.rentals import Address, RentalId
from bot.domain.samples import Notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command on a machine ended."""

    status: int  # -1 where a signal ended it
    stdout: str
    stderr: str


class Running(Protocol):
    """A command that is running: iterate for its output, then ask how it ended."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def end(self) -> Ran:
        """Wait for the end, dropping unread output; `stdout` is empty.

        Raises whatever reading the input raised, else Unreachable where the connection broke.
        """
        ...


class Shell(Protocol):
    """Commands on one machine, over its one shared SSH connection."""

    def stream(
        self,
        script: str,
        *,
        stdin: AsyncGenerator[bytes, None] | None = None,
        timeout_s: float,
        silence_s: float = 120,
    ) -> AbstractAsyncContextManager[Running]:
        """Run a script whose input and output are data, of any size, in flat memory.

        Raises Unreachable when the connection breaks, the deadline passes, or nothing moves in
        either direction for `silence_s` seconds. The command ends with the block.
        """
        ...

    async def run(self, script: str, *, timeout_s: float = 30, check: bool = True) -> Ran:
        """Run a POSIX shell script, sent on standard input to `sh -s`, without a terminal.

        Raises Unreachable when the connection breaks or the deadline passes, CommandFailed for a
        status other than 0 when `check` is set.
        """
        ...


class Looks(Protocol):
    async def look(self, shell: Shell, *, files: bool) -> Reading:
        """Read a machine's counters and processes in one round trip; `files`: also its new files.

        Raises Unreachable, and CommandFailed where the answer is not whole.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookAt:
    """A Jupyter server on a machine, and what the relay needs to reach it. `token` is a secret."""

    socket: str | None  # path of its Unix socket on the machine, else
    port: int | None  # its port on the machine's loopback
    token: str = field(repr=False)
    root: str  # the workspace it serves
    version: str = ""
    started: bool = False  # by this call; else it was found running


class Tunnels(Protocol):
    """SSH connections, one per rental, shared by everybody who needs that machine."""

    async def connect(
        self,
        rental_id: RentalId,
        addresses: Sequence[Address],
        *,
        host_key: str | None,
        patience_s: float,
    ) -> str:
        """Connect, or find the living connection; returns the host key to pin.

        Tries the addresses in order again and again while refused, for `patience_s` seconds.
        With `host_key` given only that key is accepted. Raises Unreachable, HostKeyChanged.
        """
        ...

    def connected(self, rental_id: RentalId) -> bool: ...

    def shell(self, rental_id: RentalId) -> Shell:
        """Raises Unreachable when there is no connection."""
        ...

    async def forward(self, rental_id: RentalId, notebook: NotebookAt) -> str:
        """The path of a local Unix socket that leads to the notebook; the same one if asked again.

        Raises Unreachable.
        """
        ...

    async def forward_port(self, rental_id: RentalId, port: int) -> str:
        """The path of a local Unix socket that leads to a port of the machine's own loopback.

        Whether something listens there shows with the first connection. Raises Unreachable, and
        BadInput for the notebook's own port.
        """
        ...

    async def close(self, rental_id: RentalId) -> None:
        """Drop the connection and its local socket; one that is not there is no error."""
        ...


class Carries(Enum):
    """What a lane of its own is for."""

    REQUESTS = "http"
    SOCKETS = "ws"


class Lanes(Protocol):
    """Faster ways to notebooks than a tunnel's forwarded socket; never needed, never waited for."""

    def lane(self, rental_id: RentalId, carries: Carries) -> str | None:
        """The path of a local Unix socket; None where there is none now, though there may be soon.

        A lane may end at any time; then its socket takes no connections.
        """
        ...


class Notebooks(Protocol):
    async def ensure(
        self, shell: Shell, *, packages: Sequence[str], course: str | None
    ) -> NotebookAt:
        """Find our Jupyter on the machine, or start it; never a second one.

        Installs Jupyter into an environment of its own where the image lacks it. `course` is
        fetched into the workspace, and `packages` installed beside it, in the background, the
        first time. Raises NotebookFailed, Unreachable.
        """
        ...

    async def answers(self, socket_path: str, token: str) -> bool:
        """Whether it answers an authenticated request through the local socket. Never raises."""
        ...

    async def activity(self, socket_path: str, token: str, *, now: datetime) -> Notebook | None:
        """What its kernels and terminals do; None where it is silent. Never raises.

        Asking counts as nobody's activity. Times are on our clock, by the server's own `Date`.
        """
        ...


class Paths(Protocol):
    async def fault(self, rental_id: RentalId, *, page: bool = True) -> str:
        """What is wrong with the way its owner takes; empty when the notebook's page came.

        Asked through the relay itself, under the rental's own name, as a browser would; without
        `page` only whether the notebook answers there. Counts as nobody's activity. Never raises.
        """
        ...
