"""What stands between the client and the server: OpenSSH's sshd, `ssh -L`, configurable-http-proxy,
and Bellhop. Each is a process of its own, ended with its block."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.ssh.keys import FILE, load_or_create
from tests.bench.relay.lines import Way
from tests.relay.books import RENTAL, SIBLING
from tests.relay.conftest import free_port

PATIENCE_S = 30.0
CHP = "configurable-http-proxy@4"
GCM = "aes128-gcm@openssh.com"

DIRECT = "direct"
SSH = "`ssh -L`"
SSH_GCM = "`ssh -L`, aes128-gcm"
CHP_SSH = "configurable-http-proxy + `ssh -L`"
CHP_GCM = "configurable-http-proxy + `ssh -L`, aes128-gcm"
BELLHOP = "Bellhop"


class Missing(Exception):
    """Something that the benchmark stands on is not on this machine; says how to get it."""


def sshd_path() -> str:
    for name in (shutil.which("sshd"), "/usr/sbin/sshd", "/usr/local/sbin/sshd"):
        if name and os.access(name, os.X_OK):
            if os.geteuid() != 0:
                raise Missing("OpenSSH's sshd is the instance here, and lets root in: run as root")
            return name
    raise Missing("OpenSSH's sshd is the instance here: apt-get install openssh-server")


async def proxy_program(folder: Path) -> Path | None:
    """configurable-http-proxy, installed into the folder; None where there is no npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        print(
            f"SKIPPED: what stands beside {CHP}: install Node.js with npm",
            file=sys.stderr,
            flush=True,
        )
        return None
    words = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), CHP)
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL)
    if await asyncio.wait_for(process.wait(), 300) != 0:
        print(f"SKIPPED: what stands beside {CHP}: npm failed", file=sys.stderr, flush=True)
        return None
    return folder / "node_modules" / ".bin" / "configurable-http-proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """The machine: sshd on a port, and who may come in."""

    port: int
    key: Path
    known_hosts: Path

    async def forward(
        self, stack: contextlib.AsyncExitStack, targets: Sequence[int], *ciphers: str
    ) -> list[int]:
        """`ssh -L` as one types it, to these ports over one connection; the local ones."""
        ports = [free_port() for _ in targets]
        words = ["ssh", "-N", "-F", "none", "-i", str(self.key), "-p", str(self.port)]
        for option in ("BatchMode=yes", "StrictHostKeyChecking=no", "LogLevel=ERROR"):
            words += ["-o", option]
        words += ["-o", f"UserKnownHostsFile={self.known_hosts}"]
        for here, there in zip(ports, targets, strict=True):
            words += ["-L", f"127.0.0.1:{here}:127.0.0.1:{there}"]
        words += [each for cipher in ciphers for each in ("-c", cipher)]
        await stack.enter_async_context(running(*words, "root@127.0.0.1"))
        for port in ports:
            await accepts(port)
        return ports


@contextlib.asynccontextmanager
async def instance(folder: Path) -> AsyncIterator[Instance]:
    """An sshd as a distribution runs it, but for its port and its files. Raises Missing."""
    program = sshd_path()
    keys = folder / "keys"
    key = load_or_create(keys)
    (folder / "authorized").write_text(key.public_line() + "\n")
    host_key = folder / "host_key"
    await _done("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host_key))
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin yes\nMaxStartups 100\nMaxSessions 100\n"
    )
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd gives up its rights in there
    async with running(program, "-D", "-e", "-f", str(config)):
        await accepts(port)
        yield Instance(port=port, key=keys / FILE, known_hosts=folder / "known_hosts")


@contextlib.asynccontextmanager
async def running(
    *words: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program, ended with the block; what it says goes nowhere."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await _ended(process)


@contextlib.asynccontextmanager
async def chp(program: Path, target: int) -> AsyncIterator[int]:
    """configurable-http-proxy in front of a local port; its own."""
    port, api = free_port(), free_port()
    words = (str(program), "--ip", "127.0.0.1", "--port", str(port), "--api-port", str(api))
    words += ("--default-target", f"http://127.0.0.1:{target}", "--log-level", "error")
    async with running(*words, env={"CONFIGPROXY_AUTH_TOKEN": "bench"}):
        await accepts(port)
        yield port


class House:
    """Bellhop's relay as a process; see `house.py`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, pid: int) -> None:
        self._process = process
        self.port = port
        self.pid = pid
        self.cookies: dict[str, str] = {}

    def way(self, rental: str = RENTAL) -> Way:
        return Way(
            name=BELLHOP,
            port=self.port,
            host=f"{rental}.localhost:{self.port}",
            cookie=self.cookies[rental],
        )

    async def more(self, count: int) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"more {count}\n".encode())
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S)
        assert line == b"connected\n"


@contextlib.asynccontextmanager
async def house(ssh_port: int, folder: Path, *, origin: str, jupyter: int) -> AsyncIterator[House]:
    """Bellhop, with two rentals: the server that is measured, and a Jupyter."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.relay.house", str(ssh_port), str(folder / "keys")),
        *(f"{RENTAL}={origin}", f"{SIBLING}={jupyter}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
        words = line.decode().split()
        found = House(process, int(words[1]), int(words[2]))
        found.cookies = dict(word.split("=", 1) for word in words[3:])
        yield found
    finally:
        await _ended(process)


@contextlib.asynccontextmanager
async def origin(folder: Path) -> AsyncIterator[tuple[int, str]]:
    """The server: its port and its Unix socket."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.relay.origin", str(folder)),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
        _, port, path = line.decode().split()
        yield int(port), path
    finally:
        await _ended(process)


async def accepts(port: int) -> None:
    """Wait until something listens."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            await asyncio.sleep(0.02)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _done(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words)
    assert await process.wait() == 0, words[0]
