"""Whole programs for tests: a sandbox and a service, each a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp

START_S = 90.0


async def until(true: Callable[[], bool], within_s: float, what: str) -> None:
    """Look until it is so. Fails, naming it, when it has not become so in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not true():
        if loop.time() > deadline:
            raise AssertionError(f"not within {within_s:.0f} s: {what}")
        await asyncio.sleep(0.02)


class Program:
    """A process whose lines are kept; killed at the end whatever happens."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reading = asyncio.ensure_future(self._read())

    async def line(self, want: Callable[[str], bool], within_s: float = START_S) -> str:
        """The first line like that, waiting for it. Fails with what was printed instead."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for line in self.lines:
                        if want(line):
                            return line
                    if self._reading.done():
                        break
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        raise AssertionError("not printed; instead:\n" + "\n".join(self.lines[-40:]))

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), 15)
        await self._reading
        return code

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())


@contextlib.asynccontextmanager
async def program(*words: str, env: dict[str, str] | None = None) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
    )
    running = Program(process)
    try:
        yield running
    finally:
        await running.kill()


@contextlib.asynccontextmanager
async def sandbox(data: Path, *options: str) -> AsyncIterator[str]:
    """`bellhop sandbox` on a free port; its address."""
    words = ("-m", "bot", "sandbox", "--port", "0", "--data", str(data), *options)
    async with program(*words) as running:
        line = await running.line(lambda one: "listens on http" in one)
        yield line.rsplit(" ", 1)[-1]
        await running.kill(signal.SIGTERM)


async def offers(url: str) -> list[int]:
    """One offer of each machine of the market with one GPU that is large enough, cheapest first.

    Vast shows 64 offers at a time, whatever it is asked for: the dearer ones are asked for next.
    """
    found: dict[int, int] = {}
    above = 0.0
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sandbox"}) as session:
        while True:
            wanted = {
                "limit": 1000,
                "num_gpus": {"eq": 1},
                "gpu_ram": {"gte": 16000},
                "disk_space": {"gte": 100},
                "rentable": {"eq": True},
                "verified": {"eq": True},
                "dph_total": {"gt": above},
                "order": [["dph_total", "asc"]],
            }
            async with session.post(url + "/api/v0/bundles/", json=wanted) as answer:
                page = (await answer.json())["offers"]
            if not page:
                return list(found.values())
            for one in page:
                found.setdefault(one["machine_id"], int(one["id"]))
            above = page[-1]["dph_total"]


async def control(
    url: str, path: str, body: dict[str, Any] | None = None, *, method: str = ""
) -> Any:
    """The sandbox's control API: GET, or POST with a body, unless another method is named."""
    timeout = aiohttp.ClientTimeout(total=10)
    method = method or ("GET" if body is None else "POST")
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(method, url + path, json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await answer.json()
