"""The simulated machines: each a real SSH server with real processes in a folder of its own.

`Machines` is what the market sees (`yard.py`); a `_Machine` is one of them while it runs. What
runs in it is not confined, it only looks like a container: the sandbox is for one's own computer.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.sandbox import image_course, machine_processes
from bot.sandbox.machine_folder import Folder
from bot.sandbox.machine_ssh import SshDoor
from bot.sandbox.shell import Meter, Shells
from bot.sandbox.yard import Plan

log = logging.getLogger(__name__)

_REAP_S = 5.0


class Machines:
    """All machines of one sandbox, their files under `data`.

    `close` ends them. If the sandbox is killed, its warden process ends them; if that fails too,
    the next sandbox with the same data does, before it starts its first machine.
    """

    def __init__(self, data: Path) -> None:
        self._data = data.resolve()
        self._run = secrets.token_hex(4)
        self._running: dict[int, _Machine] = {}
        self._meters: dict[int, Meter] = {}
        self._ports: dict[int, int] = {}
        self._gpu: dict[int, tuple[float, int]] = {}
        self._warden: subprocess.Popen[bytes] | None = None
        self._ready = asyncio.Lock()
        self._busy: dict[int, asyncio.Lock] = {}

    async def start(self, plan: Plan, *, keys: Sequence[str], ssh_after_s: float) -> int:
        async with self._ready:
            if self._warden is None:
                self._warden = await asyncio.to_thread(self._prepare)
        async with self._lock(plan.contract):
            await self._halt(plan.contract)
            folder = self._folder(plan.contract)
            await asyncio.to_thread(folder.prepare, plan, repository=self._repository)
            folder.write_keys(keys)
            machine = _Machine(
                plan,
                folder=folder,
                meter=self._meters.setdefault(plan.contract, Meter()),
                mark=self._mark(plan.contract),
            )
            machine.set_gpu(*self._gpu.get(plan.contract, (0.0, 0)))
            port = await machine.start(self._ports.get(plan.contract, 0), ssh_after_s)
            self._running[plan.contract] = machine
            self._ports[plan.contract] = port
        log.info("started machine %s (%s) on port %s", plan.contract, plan.image, port)
        return port

    async def stop(self, contract: int) -> None:
        async with self._lock(contract):
            await self._halt(contract)

    async def remove(self, contract: int) -> None:
        async with self._lock(contract):
            await self._halt(contract)
            await asyncio.to_thread(self._folder(contract).delete)
            for book in (self._meters, self._ports, self._gpu):
                book.pop(contract, None)

    def set_keys(self, contract: int, keys: Sequence[str]) -> None:
        folder = self._folder(contract)
        if folder.path.exists():
            folder.write_keys(keys)

    def set_gpu(self, contract: int, *, util: float, vram_mb: int) -> None:
        self._gpu[contract] = (util, vram_mb)
        if machine := self._running.get(contract):
            machine.set_gpu(util, vram_mb)

    async def cut(self, contract: int, *, for_s: float) -> None:
        async with self._lock(contract):
            if machine := self._running.get(contract):
                await machine.cut(self._ports[contract], for_s)

    async def hang(self, contract: int, *, for_s: float) -> None:
        async with self._lock(contract):
            if machine := self._running.get(contract):
                machine.hang(for_s)

    async def end_jupyter(self, contract: int) -> None:
        await asyncio.to_thread(self._folder(contract).end_jupyter)

    async def end_kernels(self, contract: int) -> None:
        await asyncio.to_thread(self._folder(contract).end_kernels)

    def traffic(self, contract: int) -> tuple[int, int]:
        meter = self._meters.get(contract, Meter())
        return meter.up, meter.down

    def log(self, contract: int) -> str:
        return self._folder(contract).said()

    async def close(self) -> None:
        await asyncio.gather(*(self.stop(contract) for contract in list(self._running)))
        if self._warden is not None:
            warden, self._warden = self._warden, None
            await asyncio.to_thread(_dismiss, warden)

    async def _halt(self, contract: int) -> None:
        if machine := self._running.pop(contract, None):
            await machine.stop()
            log.info("stopped machine %s", contract)

    def _prepare(self) -> subprocess.Popen[bytes]:
        """Once, before the first machine: end what a killed run left, post the warden. Blocks."""
        self._data.mkdir(parents=True, exist_ok=True)
        if not machine_processes.kill(f"{self._data}:"):
            log.warning("could not end all processes of an earlier run in %s", self._data)
        if not image_course.make_repository(self._repository):
            log.warning("made no course repository, for git is not installed")
        return subprocess.Popen(
            [sys.executable, "-m", machine_processes.__name__, f"{self._data}:{self._run}:"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def _repository(self) -> Path:
        return self._data / "git" / image_course.NAME

    def _folder(self, contract: int) -> Folder:
        return Folder(self._data / str(contract))

    def _mark(self, contract: int) -> str:
        # It ends with a colon, so that machine 1 is not the beginning of machine 12.
        return f"{self._data}:{self._run}:{contract}:"

    def _lock(self, contract: int) -> asyncio.Lock:
        return self._busy.setdefault(contract, asyncio.Lock())


class _Machine:
    """One machine, from start to stop."""

    def __init__(self, plan: Plan, *, folder: Folder, meter: Meter, mark: str) -> None:
        self._plan = plan
        self._folder = folder
        self._mark = mark
        env = folder.environment(plan, mark=mark)
        self._shells = Shells(env=env, home=folder.home, meter=meter)
        self._door = SshDoor(
            host_key=folder.host_key(),
            authorized=folder.authorized,
            root=folder.path,
            shells=self._shells,
            meter=meter,
            say=folder.say,
        )
        self._opening: asyncio.Task[None] | None = None

    async def start(self, port: int, ssh_after_s: float) -> int:
        port = self._door.reserve(port)
        if self._plan.onstart.strip():
            script = self._folder.start_script(self._plan)
            await self._shells.run_script(script, log=self._folder.log)
        self._opening = asyncio.create_task(self._open(ssh_after_s))
        return port

    async def cut(self, port: int, for_s: float) -> None:
        """The same port, refused for a while; what runs on the machine goes on."""
        await self._door.close()
        self._door.reserve(port)
        self._opening = asyncio.create_task(self._open(for_s))

    def hang(self, for_s: float) -> None:
        """The port is open and every connection stays, but nobody listens for a while."""
        self._door.hang(for_s)

    async def stop(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        await self._door.close()
        if not await asyncio.to_thread(machine_processes.kill, self._mark):
            log.warning("could not end all processes of machine %s", self._plan.contract)
        try:
            async with asyncio.timeout(_REAP_S):
                await self._shells.reap()
        except TimeoutError:
            log.warning("some processes of machine %s are still ending", self._plan.contract)

    def set_gpu(self, util: float, vram_mb: int) -> None:
        self._folder.write_gpu(self._plan, util=util, vram_mb=vram_mb)

    async def _open(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._door.open()


def _dismiss(warden: subprocess.Popen[bytes]) -> None:
    """Let the warden look around a last time and end."""
    if warden.stdin is not None:
        warden.stdin.close()
    warden.wait(timeout=10)
