"""Fast lanes to notebooks: OpenSSH clients that forward one local socket each.

The shared connection (`tunnels.py`) reaches every notebook, in Python. While a notebook is used a
lane carries its bytes in C: 1.5 times as fast, and twice for many small messages (docs/relay.md).
Requests and WebSockets have a lane each, so that a download never stands before a keystroke. A lane
is never needed: where there is no OpenSSH client, or it does not come up, the shared connection
does. An idle rental has none: some time after it was last asked for, a lane ends when nothing goes
through it any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bot.adapters.ssh.connect import CIPHERS, Pace
from bot.domain.processes import LANE
from bot.domain.rentals import Address, RentalId
from bot.ports.machines import Carries

log = logging.getLogger(__name__)

REST_S = 120.0
AGAIN_S = 60.0
"""A lane that failed is not tried again for so long."""

# The quickest first: what a lane carries is most of all there is.
_CIPHERS = ("aes128-gcm@openssh.com", *(each for each in CIPHERS if "aes128-gcm" not in each))
_READY = b"bellhop-lane is open"
_COME_UP_S = 30.0
_CLOSE_S = 2.0
_SAID_BYTES = 4096

Key = tuple[RentalId, Carries]


class End(NamedTuple):
    """Where a lane leads: all that the shared connection has found out."""

    address: Address
    host_key: str
    target: str | int  # a Unix socket on the machine, or a port on its loopback


class Lanes:
    """`path` never waits: it says what is there, and has the rest brought about."""

    def __init__(self, *, key_file: Path, folder: Callable[[], Path], pace: Pace) -> None:
        self._program = shutil.which("ssh")
        self._key_file = key_file
        self._folder = folder
        self._pace = pace
        self._lanes: dict[Key, Lane] = {}
        self._not_before: dict[Key, float] = {}

    def path(self, rental_id: RentalId, carries: Carries, end: End) -> str | None:
        """The local socket of the lane if it is open now; else it is begun."""
        key = (rental_id, carries)
        now = asyncio.get_running_loop().time()
        lane = self._lanes.get(key)
        if lane is not None and lane.end != end:
            self._lanes.pop(key)
            lane.stop()
            lane = None
        if lane is not None:
            lane.asked_at = now
            return str(lane.path) if lane.open else None
        if self._program is not None and now >= self._not_before.get(key, 0):
            self._lanes[key] = self._begin(self._program, key, end)
        return None

    async def close(self, rental_id: RentalId) -> None:
        """End a rental's lanes; done within some seconds."""
        ending = [self._lanes.pop(key) for key in list(self._lanes) if key[0] == rental_id]
        for key in [key for key in self._not_before if key[0] == rental_id]:
            del self._not_before[key]
        for lane in ending:
            lane.stop()
        await asyncio.gather(*(lane.gone() for lane in ending))

    async def aclose(self) -> None:
        await asyncio.gather(*(self.close(rental_id) for rental_id, _ in list(self._lanes)))

    def _begin(self, program: str, key: Key, end: End) -> Lane:
        rental_id, carries = key
        folder = self._folder()
        path = folder / f"{rental_id}.{carries.value}"
        known = folder / f"{rental_id}.{carries.value}.known"
        words = _words(program, rental_id, end, path, self._key_file, known, self._pace)
        line = f"{rental_id} {end.host_key}\n"
        lane = Lane(path, end, words, known=lambda: known.write_text(line))
        lane.watch(lambda: self._over(key, lane))
        return lane

    def _over(self, key: Key, lane: Lane) -> None:
        if self._lanes.get(key) is not lane:
            return
        del self._lanes[key]
        if not lane.opened:
            now = asyncio.get_running_loop().time()
            self._not_before[key] = now + AGAIN_S
            log.info("no fast lane to %s: %s", key[0], lane.said or "it did not come up in time")


class Lane:
    """One OpenSSH client. Its own command on the machine ends with its input, and so with us."""

    def __init__(
        self, path: Path, end: End, words: list[str], *, known: Callable[[], object]
    ) -> None:
        self.path = path
        self.end = end
        self.asked_at = asyncio.get_running_loop().time()
        self.open = False
        self.opened = False
        self.said = ""
        self._stopped = False
        self._process: asyncio.subprocess.Process | None = None
        self._life = asyncio.create_task(self._live(words, known))

    def watch(self, over: Callable[[], None]) -> None:
        self._life.add_done_callback(lambda _: over())

    def stop(self) -> None:
        """Cut everything that goes through it."""
        self._stopped = True
        self.open = False
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def gone(self) -> None:
        """Wait until it has ended, and see to it."""
        done, _ = await asyncio.wait([self._life], timeout=_CLOSE_S)
        if not done:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    async def _live(self, words: list[str], known: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(known)
            self._process = process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            self.said = str(error)
            return
        complaints = asyncio.ensure_future(self._hear(process))
        try:
            if not self._stopped:
                await self._come_up(process)
                await self._rest(process)
        finally:
            self.open = False
            self.path.unlink(missing_ok=True)
            await _killed(process)
            await complaints

    async def _come_up(self, process: asyncio.subprocess.Process) -> None:
        """Until the command on the machine has said its word: by then the socket listens."""
        assert process.stdout is not None
        with contextlib.suppress(TimeoutError, ValueError):  # or says a line without end
            async with asyncio.timeout(_COME_UP_S):
                async for line in process.stdout:
                    if line.strip() == _READY:
                        self.open = self.opened = not self._stopped
                        return

    async def _rest(self, process: asyncio.subprocess.Process) -> None:
        """Until it ends. Not asked for long enough, its command ends, and with the last connection
        through it the whole."""
        if not self.opened:
            return
        loop = asyncio.get_running_loop()
        while process.returncode is None:
            left = self.asked_at + REST_S - loop.time()
            if left <= 0:
                assert process.stdin is not None
                process.stdin.close()
                await process.wait()
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), left)

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while data := await process.stderr.read(_SAID_BYTES):
            last = data.decode(errors="replace").strip().splitlines()
            self.said = last[-1][:200] if last else self.said


async def _killed(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _words(
    program: str,
    rental_id: RentalId,
    end: End,
    path: Path,
    key_file: Path,
    known: Path,
    pace: Pace,
) -> list[str]:
    """The command line: nothing of this machine's own settings, the pinned host key only.

    It runs a command, which is what makes sshd answer small things at once (see `connect`).
    """
    options = {
        "BatchMode": "yes",
        "Ciphers": ",".join(_CIPHERS),
        "ClearAllForwardings": "no",
        "Compression": "no",
        "ConnectTimeout": str(max(1, round(pace.attempt_s))),
        "ControlMaster": "no",
        "ControlPath": "none",
        "ExitOnForwardFailure": "yes",
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": rental_id,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "LogLevel": "ERROR",
        "PreferredAuthentications": "publickey",
        "ServerAliveCountMax": str(pace.keepalives),
        "ServerAliveInterval": str(max(1, round(pace.keepalive_s))),
        "StreamLocalBindUnlink": "yes",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": str(known),
    }
    there = end.target if isinstance(end.target, str) else f"127.0.0.1:{end.target}"
    words = [program, "-F", "none", "-T", "-a", "-x", "-p", str(end.address.port)]
    words += ["-i", str(key_file), "-L", f"{path}:{there}"]
    words += [word for pair in options.items() for word in ("-o", "=".join(pair))]
    # A shell that only waits, under a name by which the idle watch knows it for ours. The kernel
    # would keep a newline as part of the name.
    script = f"printf {LANE} >/proc/$$/comm; echo {_READY.decode()}; while read -r _; do :; done"
    command = f"exec sh -c {shlex.quote(script)} 2>/dev/null"
    return [*words, "-l", "root", "--", end.address.host, command]
