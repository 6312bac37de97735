"""A command on a machine whose input and output are streams of bytes, both without bound.

The script is an argument of the command, so that standard input is free for data. Memory stays
flat: nothing is read before somebody asks for it, nothing written before it can leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import shlex
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Self

import asyncssh

from bot.errors import BotError, Unreachable
from bot.ports.machines import Ran

_GRACE_S = 2.0  # the machine ends the script by itself; we wait a little longer for its word
_START_S = 30.0
_CHUNK = 262_144
_STDERR_BYTES = 65_536
_NOISE_BYTES = 1_000_000  # what a .bashrc may say before the script begins


class SshStream:
    """`ports.Running`: the script's output, byte by byte as it comes, and then how it ended."""

    def __init__(
        self,
        process: asyncssh.SSHClientProcess[bytes],
        *,
        mark: bytes,
        stdin: AsyncGenerator[bytes, None] | None,
        limit_s: float,
        silence_s: float,
    ) -> None:
        self._process = process
        self._mark = mark
        self._silence_s = silence_s
        self._loop = asyncio.get_running_loop()
        self._moved_at = self._loop.time()
        self._until = self._moved_at + limit_s
        self._stderr = bytearray()
        self._head = b""  # what came before the mark
        self._began = False
        self._errors = asyncio.create_task(self._listen())
        self._feeding = asyncio.create_task(self._feed(stdin))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        data = await self._read()
        while not self._began and data:
            data = self._after_mark(data) or await self._read()
        if not data:
            raise StopAsyncIteration
        return data

    async def end(self) -> Ran:
        """Wait for the end; what was not read is read and dropped.

        Raises what reading the input raised, else Unreachable where there is no status.
        """
        async for _ in self:
            pass
        try:
            async with asyncio.timeout_at(self._until):
                await self._process.wait_closed()
                await self._errors
        except (TimeoutError, asyncssh.Error, OSError) as error:
            raise Unreachable("a command did not end") from error
        if self._feeding.done() and (fault := self._feeding.exception()) is not None:
            raise fault
        status = self._process.exit_status
        if status is None and self._process.exit_signal is None:
            raise Unreachable("the connection was lost during a command")
        said = bytes(self._stderr).rpartition(self._mark)[2]
        return Ran(
            status=-1 if status is None or self._process.exit_signal else status,
            stdout="",
            stderr=said.decode(errors="replace"),
        )

    async def close(self) -> None:
        self._process.close()  # not waited for: the other side may be gone
        for task in (self._feeding, self._errors):
            task.cancel()
        await asyncio.gather(self._feeding, self._errors, return_exceptions=True)

    def _after_mark(self, data: bytes) -> bytes:
        """What follows the noise of the shell's start, where that is over."""
        self._head += data
        before, found, rest = self._head.partition(self._mark)
        self._began = bool(found)
        if not found and len(before) > _NOISE_BYTES:
            raise Unreachable("the machine talks without end before a command begins")
        return rest

    async def _read(self) -> bytes:
        """The next bytes; an empty string at the end. Raises Unreachable after a long silence."""
        while True:
            quiet_until = min(self._moved_at + self._silence_s, self._until)
            try:
                async with asyncio.timeout_at(quiet_until):
                    data = await self._process.stdout.read(_CHUNK)
            except TimeoutError as error:
                if self._moved_at + self._silence_s > quiet_until < self._until:
                    continue  # something went the other way meanwhile
                raise Unreachable("a command said nothing for too long") from error
            except (asyncssh.Error, OSError) as error:
                raise Unreachable(f"the connection broke during a command: {error}") from error
            self._moved_at = self._loop.time()
            return data

    async def _feed(self, stdin: AsyncGenerator[bytes, None] | None) -> None:
        """Send the input as fast as it is taken; a command that takes no more is no fault here."""
        try:
            if stdin is not None:
                async with contextlib.aclosing(stdin):
                    await self._send(stdin)
            self._process.stdin.write_eof()
        except (asyncssh.Error, OSError):
            return
        except BotError:
            self._process.close()  # the input is not whole: the command must not see a clean end
            raise

    async def _send(self, stdin: AsyncGenerator[bytes, None]) -> None:
        async for data in stdin:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
            self._moved_at = self._loop.time()

    async def _listen(self) -> None:
        """Keep the last of what the command complains about."""
        while data := await self._process.stderr.read(_CHUNK):
            self._stderr += data
            if len(self._stderr) > 2 * _STDERR_BYTES:
                del self._stderr[:-_STDERR_BYTES]


@contextlib.asynccontextmanager
async def streaming(
    connection: asyncssh.SSHClientConnection,
    script: str,
    *,
    stdin: AsyncGenerator[bytes, None] | None,
    timeout_s: float,
    silence_s: float,
) -> AsyncIterator[SshStream]:
    """Start a script; its process and its tasks end with the block."""
    limit_s = max(1, math.ceil(timeout_s))
    mark = secrets.token_hex(8)
    command = _command(script, mark, limit_s)
    try:
        async with asyncio.timeout(_START_S):
            process = await connection.create_process(command, encoding=None)
    except (TimeoutError, asyncssh.Error, OSError) as error:
        raise Unreachable(f"a command could not be started: {error}") from error
    running = SshStream(
        process,
        mark=f"{mark}\n".encode(),
        stdin=stdin,
        limit_s=limit_s + _GRACE_S,
        silence_s=silence_s,
    )
    try:
        yield running
    finally:
        await running.close()


def _command(script: str, mark: str, limit_s: int) -> str:
    text = shlex.quote(f"echo {mark}; echo {mark} >&2\n{script}\n")
    limited = f"exec timeout -s KILL {limit_s} sh -c {text}"
    return f"if command -v timeout >/dev/null 2>&1; then {limited}; else exec sh -c {text}; fi"
