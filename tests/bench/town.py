"""`bellhop sandbox` with machines that cost next to nothing, so that there may be a thousand.

`python -m tests.bench.town --port 0 …`, with the sandbox's arguments. All machines are one SSH
server and one small notebook server in the market's process: no processes, no files. To the two
scripts that Bellhop sends they answer as a machine at rest does; every other one does nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import uvloop
from aiohttp import WSMsgType, web

from bot.sandbox.serve import add_arguments, serve
from bot.sandbox.yard import NoMachines, Plan

TOKEN = "town-token"
_IDLE_PROCESSES = 24  # of a container at rest: init, sshd, Jupyter and its kernels' helpers
_JUPYTER_PID = 7
_NO_ROOT = "the town's notebooks"


class Town(NoMachines):
    """The yard: one port, behind which every machine is."""

    def __init__(self, data: Path) -> None:
        self._opening = asyncio.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="town-")
        self._runner: web.AppRunner | None = None
        self._door: asyncssh.SSHAcceptor | None = None
        self._looks = itertools.count(1)

    async def start(self, plan: Plan, *, keys: Sequence[str], ssh_after_s: float) -> int:
        async with self._opening:
            if self._door is None:
                self._door = await self._open()
        port: int = self._door.get_port()
        return port

    async def close(self) -> None:
        if self._door is not None:
            self._door.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._folder.cleanup()

    @property
    def _socket(self) -> str:
        return f"{self._folder.name}/jupyter.sock"

    async def _open(self) -> asyncssh.SSHAcceptor:
        self._runner = web.AppRunner(_notebook(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.UnixSite(self._runner, self._socket).start()
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=_Guest,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            process_factory=self._serve,
            encoding=None,
            backlog=1024,
            keepalive_interval=0,
        )

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        if process.command != "true":
            script = (await process.stdin.read()).decode()
            mark = script.partition("echo ")[2].partition(";")[0]
            answer = "\n".join([mark, *self._answer(script), ""])
            process.stdout.write(answer.encode())
            process.stderr.write(f"{mark}\n".encode())
        process.exit(0)

    def _answer(self, script: str) -> Iterator[str]:
        _, _, first, _ = [*script.split("\n", 3), "", "", ""][:4]
        if first.startswith("FILES="):
            yield from _look(next(self._looks), files=first != "FILES=")
        elif first.startswith("COURSE="):
            said = {"sock": self._socket, "token": TOKEN, "root_dir": _NO_ROOT, "version": "2"}
            yield f"bellhop-server {json.dumps(said)}"


class _Guest(asyncssh.SSHServer):
    """Lets everybody in, and leads them to whatever socket they ask for."""

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return True

    def unix_connection_requested(self, dest_path: str) -> bool:
        return True


def _look(number: int, *, files: bool) -> Iterator[str]:
    """What the minute's script says on a machine where nothing happens."""
    yield f"bellhop-now {int(time.time())}"
    yield f"bellhop-self {100 + number % 30000} 100"
    yield f"bellhop-jupyter {_JUPYTER_PID}"
    for pid in range(1, _IDLE_PROCESSES + 1):
        parent, ticks = min(pid - 1, _JUPYTER_PID), 400 + pid
        name = "jupyter-lab" if pid == _JUPYTER_PID else "python3"
        yield f"bellhop-process {pid} {parent} {pid} 0 {ticks} 0 {2000 + pid} {name}"
        yield f"bellhop-written {pid} 4096"
    yield f"bellhop-cpu {5_000_000 + number}"
    yield f"bellhop-net {1_000_000 + number} {2_000_000 + number}"
    yield "bellhop-gpu 0, 0, 3"
    if files:
        yield "bellhop-changed "
    yield "bellhop-end"


def _notebook() -> web.Application:
    """As much of Jupyter as is asked for: what it is doing, its page, a kernel that repeats."""
    begun = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    kernel = {"id": "k1", "execution_state": "idle", "connections": 0, "last_activity": begun}

    async def status(_: web.Request) -> web.Response:
        return web.json_response({"started": begun, "last_activity": begun, "kernels": 1})

    async def kernels(_: web.Request) -> web.Response:
        return web.json_response([kernel])

    async def terminals(_: web.Request) -> web.Response:
        return web.json_response([])

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Town</title>", content_type="text/html")

    async def repeat(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/api/status", status)
    app.router.add_get("/api/kernels", kernels)
    app.router.add_get("/api/terminals", terminals)
    app.router.add_get("/api/kernels/{kernel}/channels", repeat)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="town", description=__doc__)
    add_arguments(parser)
    uvloop.run(serve(parser.parse_args(), machines=Town))


if __name__ == "__main__":
    main()
