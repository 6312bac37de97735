"""`bellhop demo`, from the start of its process to the page's first answer."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from tests.bench.figures import Figure, median_of
from tests.e2e.programs import program

PATIENCE_S = 60.0
IMPORTS = "import discord, aiohttp, asyncssh, sqlalchemy, simcord"


async def measure(rounds: int) -> list[Figure]:
    """Both sides take turns; each has a process of its own every time."""
    await import_all()  # what the disk had not read yet is nobody's
    pages, imports = [], []
    for _ in range(rounds):
        imports.append(await import_all())
        pages.append(await _page())
    return [
        median_of(
            "`bellhop demo`: process start to the page's HTTP 200",
            pages,
            beside=f"`python -c '{IMPORTS}'`",
            others=imports,
            goal=15,
        )
    ]


async def _page() -> float:
    with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as folder:
        words = ("-m", "bot", "demo", "--port", "0", "--data", str(Path(folder)))
        began = time.perf_counter()
        async with program(*words) as running:
            line = await running.line(lambda one: "http://127" in one and "/#" in one, PATIENCE_S)
            await _answered(line.strip().split("#", 1)[0])
            took = time.perf_counter() - began
            await running.kill(signal.SIGTERM)
    return took


async def _answered(url: str) -> None:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        await answer.read()
        assert answer.status == 200, f"{url} answered {answer.status}"


async def import_all() -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IMPORTS, stderr=asyncio.subprocess.DEVNULL
    )
    status = await asyncio.wait_for(process.wait(), PATIENCE_S)
    assert status == 0, f"the imports ended with status {status}"
    return time.perf_counter() - began
