"""Kernels that die on a simulated machine, while the server that started them goes on."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.sandbox.machine_folder import Folder
from tests.relay.conftest import until

_SERVER = """
import subprocess, sys, time
for name in ("ipykernel_launcher", "terminal"):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", name])
    print(child.pid, flush=True)
time.sleep(600)
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_only_the_kernels_of_a_machines_own_server_are_killed(tmp_path: Path) -> None:
    """Terminals and the server itself stay: the server starts a new kernel, as after a real one."""
    folder = Folder(tmp_path)
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SERVER, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    kernel, terminal = [int(await server.stdout.readline()) for _ in range(2)]
    note = folder.home / ".bellhop" / "jupyter.pid"
    note.parent.mkdir(parents=True)
    note.write_text(f"{server.pid}\n")

    try:
        await asyncio.to_thread(folder.end_kernels)

        await until(lambda: not _alive(kernel))
        assert _alive(terminal)
        assert server.returncode is None
    finally:
        note.write_text(f"{terminal}\n")
        await asyncio.to_thread(folder.end_jupyter)
        server.kill()
        await server.wait()


async def test_a_machine_without_a_server_has_no_kernels(tmp_path: Path) -> None:
    """Asked too early, nothing happens."""
    await asyncio.to_thread(Folder(tmp_path).end_kernels)
