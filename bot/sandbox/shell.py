"""Sessions on a simulated machine: a command over pipes, or a login shell in a terminal.

As OpenSSH's sshd does it: a command ends when its output is closed, a terminal when its shell
ends; a client that goes away kills nothing, it only takes the pipes or the terminal with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from bot.sandbox.shell_pipes import CHUNK, Pipes, resize

log = logging.getLogger(__name__)

_LAST_WORDS_S = 0.3  # what a shell printed before it ended is still in the terminal

# A session leader without a terminal gets the first one that it opens.
_TAKE_TERMINAL = 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1'

Session = asyncssh.SSHServerProcess[bytes]


@dataclass(slots=True)
class Meter:
    """Bytes that SSH carried for a machine."""

    up: int = 0  # from the machine
    down: int = 0  # to it


class Shells:
    """The sessions of one machine."""

    def __init__(self, *, env: Mapping[str, str], home: Path, meter: Meter) -> None:
        self._env = dict(env)
        self._home = home
        self._meter = meter
        self._shell = shutil.which("bash") or "/bin/sh"
        self._children: set[asyncio.subprocess.Process] = set()

    async def serve(self, session: Session) -> None:
        """Run one session to its end, or until its client is gone."""
        try:
            if session.term_type is None:
                await self._in_pipes(session)
            else:
                await self._in_terminal(session)
        except OSError as error:  # too many processes or files; the connection lives on
            log.warning("could not run a session: %s", error)
            session.exit(255)

    async def run_script(self, script: Path, *, log: Path) -> None:
        """Start a script of the machine's own, its output appended to `log`; not waited for."""
        with log.open("ab") as output:  # a moment's work on a local file
            files = (None, output.fileno(), output.fileno())
            await self._start((self._shell, str(script)), files, {})

    async def reap(self) -> None:
        """Collect the children, after all have been killed."""
        await asyncio.gather(*(child.wait() for child in self._children))
        self._children.clear()

    async def _in_pipes(self, session: Session) -> None:
        async with Pipes() as pipes:
            stdin, source = await pipes.to_child()
            stdout, output = await pipes.from_child()
            stderr, errors = await pipes.from_child()
            child = await self._start(self._argv(session), (stdin, stdout, stderr), session.env)
            pipes.close_theirs()
            feed = asyncio.create_task(self._feed(session, source, child))
            copies = [
                asyncio.create_task(self._copy(output, session.stdout)),
                asyncio.create_task(self._copy(errors, session.stderr)),
            ]

            async def finish() -> None:
                await asyncio.gather(*copies)
                await child.wait()

            await _until_gone(session, finish(), [feed, *copies])
        _report(session, child.returncode)

    async def _in_terminal(self, session: Session) -> None:
        async with Pipes() as pipes:
            name, master, source, output = await pipes.terminal()
            resize(master, session.term_size)
            env = {**session.env, "TERM": session.term_type or "dumb", "SSH_TTY": name}
            argv = ("/bin/sh", "-c", _TAKE_TERMINAL, "sh", name, *self._argv(session))
            child = await self._start(argv, (None, None, None), env)
            feed = asyncio.create_task(self._feed(session, source, child, master))
            copy = asyncio.create_task(self._copy(output, session.stdout))

            async def finish() -> None:
                await child.wait()
                pipes.close_theirs()
                await asyncio.wait([copy], timeout=_LAST_WORDS_S)

            await _until_gone(session, finish(), [feed, copy])
        _report(session, child.returncode)

    def _argv(self, session: Session) -> tuple[str, ...]:
        if session.command is None:
            return (self._shell, "-l")
        return (self._shell, "-c", session.command)

    async def _start(
        self,
        argv: Sequence[str],
        files: tuple[int | None, int | None, int | None],
        env: Mapping[str, str],
    ) -> asyncio.subprocess.Process:
        nothing = asyncio.subprocess.DEVNULL
        stdin, stdout, stderr = (nothing if file is None else file for file in files)
        child = await asyncio.create_subprocess_exec(
            *argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=self._home,
            env={**env, **self._env} | {key: env[key] for key in ("TERM", "SSH_TTY") if key in env},
            start_new_session=True,
            preexec_fn=_hear_interrupts,
        )
        self._children = {kept for kept in self._children if kept.returncode is None} | {child}
        return child

    async def _feed(
        self,
        session: Session,
        source: asyncio.StreamWriter,
        child: asyncio.subprocess.Process,
        master: int | None = None,
    ) -> None:
        """What the client sends, to the child: bytes, signals, a new window size, the end."""
        while True:
            try:
                data = await session.stdin.read(CHUNK)
            except asyncssh.SignalReceived as received:
                _send_signal(child, received.signal)
                continue
            except asyncssh.TerminalSizeChanged:
                if master is not None:
                    resize(master, session.term_size)
                continue
            except asyncssh.BreakReceived:
                continue
            if not data:
                break
            self._meter.down += len(data)
            with contextlib.suppress(ConnectionError):  # the child reads no more
                source.write(data)
                await source.drain()
        if master is None:
            source.close()

    async def _copy(self, output: asyncio.StreamReader, target: asyncssh.SSHWriter[bytes]) -> None:
        while data := await output.read(CHUNK):
            self._meter.up += len(data)
            target.write(data)
            await target.drain()


async def _until_gone(
    session: Session, finish: Coroutine[Any, Any, None], tasks: Sequence[asyncio.Task[None]]
) -> None:
    """Wait for the end of the session, or for its client to go away; nothing is left running."""
    gone = asyncio.create_task(session.wait_closed())
    finished = asyncio.create_task(finish)
    everything = [gone, finished, *tasks]
    try:
        await asyncio.wait([gone, finished], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in everything:
            task.cancel()
        # Broken pipes and lost connections are how a session ends, too.
        await asyncio.gather(*everything, return_exceptions=True)


def _report(session: Session, code: int | None) -> None:
    if session.is_closing() or code is None:
        return
    if code < 0:
        session.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        session.exit(code)


def _hear_interrupts() -> None:
    """A program that was put into the background ignores SIGINT, and so would all it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _send_signal(child: asyncio.subprocess.Process, name: str) -> None:
    number = getattr(signal, f"SIG{name}", None)
    if number is not None and child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
