"""A real Jupyter behind the ways: cells, a terminal while something is downloaded, JupyterLab."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, async_playwright

from tests.bench.relay.house import TOKEN
from tests.bench.relay.lines import Way, download
from tests.bench.relay.sockets import Socket
from tests.bench.relay.ways import accepts, running
from tests.relay.conftest import free_port

BIG = 200_000_000
_SHOWN_MS = 60_000


@contextlib.asynccontextmanager
async def jupyter(folder: Path) -> AsyncIterator[int]:
    """JupyterLab on a port, with a big file to download."""
    port = free_port()
    root = folder / "work"
    root.mkdir()
    with (root / "big.bin").open("wb") as big:
        for _ in range(BIG // 1_000_000):
            big.write(os.urandom(1_000_000))
    words = ("-m", "jupyterlab", f"--ServerApp.port={port}", f"--ServerApp.root_dir={root}")
    words += ("--no-browser", "--allow-root", "--ServerApp.allow_remote_access=True")
    words += ("--LabApp.news_url=None", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1")
    words += ("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",)
    env = {"JUPYTER_TOKEN": TOKEN, "HOME": str(folder), "SHELL": "/bin/sh"}
    async with running(sys.executable, *words, env=env):
        await accepts(port)
        yield port


def way(name: str, port: int) -> Way:
    return Way(name=name, port=port, host=f"127.0.0.1:{port}", token=TOKEN)


async def cells(to: Way, *, count: int) -> list[float]:
    """A kernel of its own; from each request until the kernel says that it is idle again."""
    async with _session(to) as session:
        made = await _call(session, to, "/api/kernels")
        socket = await Socket.open(to, f"/api/kernels/{made['id']}/channels?session_id=s")
        try:
            await _cell(socket)
            return [await _cell(socket) for _ in range(count)]
        finally:
            socket.close()
            await _call(session, to, f"/api/kernels/{made['id']}", method="DELETE")


async def typing(to: Way, *, count: int) -> list[float]:
    """One key after another, each until the terminal shows it, while a file comes down."""
    async with _session(to) as session:
        name = (await _call(session, to, "/api/terminals"))["name"]
        socket = await Socket.open(to, f"/terminals/websocket/{name}")
        loading = asyncio.ensure_future(_load(to))
        try:
            socket.say(json.dumps(["stdin", "cat\r"]).encode(), 1)
            await asyncio.sleep(0.5)
            times = []
            for _ in range(count):
                times.append(await _key(socket))
                await asyncio.sleep(0.01)
            return times
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
            socket.close()
            await _call(session, to, f"/api/terminals/{name}", method="DELETE")


async def _load(to: Way) -> None:
    while True:
        await download(to, BIG, "/files/big.bin")


async def _key(socket: Socket) -> float:
    began = time.perf_counter()
    socket.say(json.dumps(["stdin", "x"]).encode(), 1)
    await socket.until(lambda said: isinstance(said, list) and said[0] == "stdout")
    return time.perf_counter() - began


async def _cell(socket: Socket) -> float:
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "session": "s", "username": ""}
    header |= {"version": "5.3", "date": ""}
    content = {"code": "1", "silent": False, "store_history": True, "allow_stdin": False}
    asked = {"header": header, "parent_header": {}, "metadata": {"cellId": "c"}}
    asked |= {"content": content, "channel": "shell", "buffers": []}

    def idle(said: Any) -> bool:
        return bool(
            said["header"]["msg_type"] == "status"
            and said["parent_header"].get("msg_id") == number
            and said["content"]["execution_state"] == "idle"
        )

    began = time.perf_counter()
    socket.say(json.dumps(asked).encode(), 1)
    await socket.until(idle)
    return time.perf_counter() - began


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser | None]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        print("SKIPPED: JupyterLab's page: install Chromium", file=sys.stderr, flush=True)
        yield None
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        await browser.close()


async def page_loads(browser: Browser, to: Way) -> tuple[float, float]:
    """Until the launcher is shown: with nothing in the browser's cache, and once more."""
    context = await browser.new_context()
    if to.cookie:
        await context.add_cookies([{"name": "bellhop", "value": to.cookie, "url": to.origin}])
    else:
        await context.set_extra_http_headers({"Authorization": f"token {TOKEN}"})
    page = await context.new_page()
    try:
        took = []
        for _ in range(2):
            began = time.perf_counter()
            await page.goto(f"{to.origin}/lab?reset", wait_until="commit")
            await page.locator(".jp-Launcher-body").first.wait_for(timeout=_SHOWN_MS)
            took.append(time.perf_counter() - began)
        return took[0], took[1]
    finally:
        await context.close()


def _session(to: Way) -> aiohttp.ClientSession:
    given = {"Host": to.host, "Origin": to.origin}
    if to.cookie:
        given["Cookie"] = f"bellhop={to.cookie}"
    if to.token:
        given["Authorization"] = f"token {to.token}"
    return aiohttp.ClientSession(headers=given, timeout=aiohttp.ClientTimeout(total=60))


async def _call(
    session: aiohttp.ClientSession, to: Way, path: str, *, method: str = "POST"
) -> dict[str, Any]:
    async with session.request(method, f"http://127.0.0.1:{to.port}{path}") as answer:
        text = await answer.text()
        assert answer.status < 300, (to.name, path, answer.status, text)
        return json.loads(text) if text else {}
