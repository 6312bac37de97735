"""A browser tab without a browser: a session's WebSocket to a kernel, through the relay."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.relay.conftest import House

NAME = "train.ipynb"


class Tab:
    """One session's conversation; `said` is all that was heard."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.said = ""

    async def run(self, code: str, *, cell: str) -> str:
        """Ask for a run; returns its id.

        One that fails leaves the next alone: else the kernel throws away what comes just then.
        """
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "msg_type": "execute_request",
            "username": "",
            "session": "s",
            "version": "5.3",
            "date": "",
        }
        await self._socket.send_json(
            {
                "header": header,
                "parent_header": {},
                "metadata": {"cellId": cell},
                "content": {"code": code, "silent": False, "stop_on_error": False},
                "channel": "shell",
                "buffers": [],
            }
        )
        return number

    async def hears(self, text: str, *, within_s: float = 60) -> None:
        """Listen until a cell has printed it."""
        async with asyncio.timeout(within_s):
            while text not in self.said:
                told = json.loads((await self._socket.receive()).data)
                if told["msg_type"] == "stream":
                    self.said += told["content"]["text"]


@asynccontextmanager
async def tab(house: House, kernel: str, session: str) -> AsyncIterator[Tab]:
    """Open while the block lasts, then gone without a goodbye."""
    cookie = await house.cookie()
    path = f"/api/kernels/{kernel}/channels?session_id={session}"
    async with house.connect(path, cookie) as socket:
        yield Tab(socket)
        socket._response.close()  # as a browser that was killed


async def opened(house: House, work: Path, cells: dict[str, str]) -> str:
    """A notebook with these cells (id -> code), and its kernel's id."""
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "id": name,
                "metadata": {},
                "source": code,
                "outputs": [],
                "execution_count": None,
            }
            for name, code in cells.items()
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (work / NAME).write_text(json.dumps(notebook))
    order = {"path": NAME, "name": NAME, "type": "notebook", "kernel": {"name": "python3"}}
    made = await call(house, "POST", "/api/sessions", order)
    return str(made["kernel"]["id"])


async def call(house: House, method: str, path: str, body: Any = None) -> Any:
    """A request of Jupyter's API, as a page of that origin makes it."""
    given = {"Origin": house.origin(), "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body)
    cookie = await house.cookie()
    async with house.ask(path, {**given, **cookie}, method=method, data=data) as answer:
        assert answer.status < 300, await answer.text()
        text = await answer.text()
    return json.loads(text) if text else None


def in_file(work: Path, cell: str) -> str:
    """What the outputs of a cell in the file say."""
    book = json.loads((work / NAME).read_text())
    (found,) = [one for one in book["cells"] if one["id"] == cell]
    return "".join("".join(output.get("text", "")) for output in found["outputs"])


def steps(count: int, *, name: str = "") -> str:
    """Code that prints a line for each file that appears: the test holds the clock."""
    return (
        "import os, time\n"
        f"for step in range({count}):\n"
        f"    while not os.path.exists(f'go{name}{{step}}'):\n"
        "        time.sleep(0.02)\n"
        f"    print('line{name}', step, flush=True)\n"
        f"    open(f'done{name}{{step}}', 'w').close()\n"
    )


def lines(*numbers: int, name: str = "") -> str:
    return "".join(f"line{name} {step}\n" for step in numbers)


def go(work: Path, *numbers: int, name: str = "") -> None:
    for step in numbers:
        (work / f"go{name}{step}").touch()
