"""Commands on a machine: a script on standard input, its output back, a limit on both ends."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

import asyncssh

from bot.adapters.ssh.stream import SshStream, streaming
from bot.errors import CommandFailed, Unreachable
from bot.ports.machines import Ran

OUTPUT_BYTES = 4_000_000

_GRACE_S = 2.0  # the machine ends the script by itself; we wait a little longer for its word
_CHUNK = 65536
_KILLED = (-1, 124, 137, 143)  # what `timeout` and the shells make of a killed command


class SshShell:
    """ports.Shell over a connection that is shared."""

    def __init__(
        self, connection: asyncssh.SSHClientConnection, *, output_bytes: int = OUTPUT_BYTES
    ) -> None:
        self._connection = connection
        self._output_bytes = output_bytes

    async def run(self, script: str, *, timeout_s: float = 30, check: bool = True) -> Ran:
        """As the port says; CommandFailed also where more than `output_bytes` come back.

        The machine's own `timeout` ends the script at the deadline, rounded up to a second, even
        when the connection is gone by then. (A signal sent through SSH would not: sshd takes none
        for root's sessions.) What `.bashrc` prints before the script is dropped.
        """
        limit_s = max(1, math.ceil(timeout_s))
        mark = secrets.token_hex(8)
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(limit_s + _GRACE_S):
                ran = await self._run(_command(limit_s), _framed(script, mark), mark)
        except TimeoutError as error:
            raise Unreachable(f"a command did not end within {limit_s} s") from error
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(f"the connection broke during a command: {error}") from error
        if ran.status in _KILLED and asyncio.get_running_loop().time() - started >= limit_s:
            raise Unreachable(f"a command was ended after {limit_s} s")
        if check and ran.status != 0:
            raise CommandFailed(
                f"a command ended with status {ran.status}: {ran.stderr[-400:].strip()}",
                status=ran.status,
                stderr=ran.stderr,
            )
        return ran

    def stream(
        self,
        script: str,
        *,
        stdin: AsyncGenerator[bytes, None] | None = None,
        timeout_s: float,
        silence_s: float = 120,
    ) -> AbstractAsyncContextManager[SshStream]:
        """As the port says; the deadline holds on both ends, as with `run`."""
        return streaming(
            self._connection, script, stdin=stdin, timeout_s=timeout_s, silence_s=silence_s
        )

    async def _run(self, command: str, text: str, mark: str) -> Ran:
        process = await self._connection.create_process(command, encoding=None)
        try:
            process.stdin.write(text.encode())
            process.stdin.write_eof()
            stdout, stderr = await asyncio.gather(
                self._read(process.stdout), self._read(process.stderr)
            )
            await process.wait_closed()
        finally:
            process.close()  # not waited for: the other side may be gone
        status = process.exit_status
        if status is None and process.exit_signal is None:
            raise Unreachable("the connection was lost during a command")
        return Ran(
            status=-1 if status is None or process.exit_signal else status,
            stdout=_after(mark, stdout),
            stderr=_after(mark, stderr),
        )

    async def _read(self, stream: asyncssh.SSHReader[bytes]) -> bytes:
        """All of it. What came is in memory, so it must not be without bound."""
        parts: list[bytes] = []
        size = 0
        while part := await stream.read(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > self._output_bytes:
                raise CommandFailed(f"a command said more than {self._output_bytes} B", status=-1)
        return b"".join(parts)


def _command(limit_s: int) -> str:
    limited = f"exec timeout -s KILL {limit_s} sh -s"
    return f"if command -v timeout >/dev/null 2>&1; then {limited}; else exec sh -s; fi"


def _framed(script: str, mark: str) -> str:
    """The script as one group: read whole before it runs, its commands cannot read the rest."""
    return f"echo {mark}; echo {mark} >&2\n{{ :\n{script}\n}} </dev/null\n"


def _after(mark: str, output: bytes) -> str:
    text = output.decode(errors="replace")
    return text.partition(f"{mark}\n")[2] if mark in text else text
