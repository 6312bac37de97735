"""A browser's part of the story, without a browser: the ticket's page, its button, the notebook.

It speaks to the relay as a browser would (page, form, cookie, Origin, WebSocket) and to the real
JupyterLab behind it.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import uuid
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

_DEADLINE = aiohttp.ClientTimeout(total=30)
_CELL_S = 60.0


class _Loopback(AbstractResolver):
    """`anything.localhost` is this machine, as browsers have it; not every system knows."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != "localhost" and not host.endswith(".localhost"):
            raise OSError(f"{host} is not on this machine")
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        return


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=_Loopback()),
            cookie_jar=aiohttp.CookieJar(),
            timeout=_DEADLINE,
        )
        self.origin = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def look(self, url: str) -> tuple[int, str]:
        """A page's status and text, redirects followed."""
        async with self._session.get(url, headers={"Accept": "text/html"}) as answer:
            return answer.status, await answer.text()

    async def enter(self, ticket_url: str) -> tuple[int, str]:
        """Press the button of a ticket's page; the page one lands on."""
        parts = urlsplit(ticket_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        headers = {"Accept": "text/html", "Origin": self.origin}
        async with self._session.post(ticket_url, headers=headers) as answer:
            return answer.status, await answer.text()

    async def fetch(self, url: str) -> bytes:
        """Press the button of a download's page; the whole of what comes."""
        parts = urlsplit(url)
        headers = {"Accept": "text/html", "Origin": f"{parts.scheme}://{parts.netloc}"}
        async with self._session.post(url, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.read()

    async def run_cell(self, code: str) -> str:
        """Start a kernel, run a cell, and return what it printed."""
        kernel = await self._post("/api/kernels", {"name": "python3"})
        url = f"{self.origin}/api/kernels/{kernel['id']}/channels"
        async with (
            asyncio.timeout(_CELL_S),
            self._session.ws_connect(url, origin=self.origin) as ws,
        ):
            request = _execute(code)
            await ws.send_str(json.dumps(request))
            return await _printed(ws, request["header"]["msg_id"])

    async def type_in_terminal(self, line: str, until: str) -> str:
        """Open a terminal, type a line, and read until a text has shown."""
        terminal = await self._post("/api/terminals", {})
        url = f"{self.origin}/terminals/websocket/{terminal['name']}"
        shown = ""
        async with (
            asyncio.timeout(_CELL_S),
            self._session.ws_connect(url, origin=self.origin) as ws,
        ):
            await ws.send_str(json.dumps(["stdin", line + "\r"]))
            async for message in ws:
                kind, *rest = json.loads(message.data)
                shown += "".join(str(part) for part in rest) if kind == "stdout" else ""
                if until in shown:
                    break
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)

    async def contents(self, path: str = "") -> list[str]:
        """The names in a folder of the workspace."""
        async with self._session.get(f"{self.origin}/api/contents/{path}") as answer:
            answer.raise_for_status()
            listing = await answer.json()
        return [str(entry["name"]) for entry in listing["content"]]

    async def save_notebook(self, name: str, code: str, output: str) -> None:
        """Write a notebook with one cell and what it printed, as JupyterLab saves it."""
        cell = {
            "cell_type": "code",
            "id": "one",
            "execution_count": 1,
            "metadata": {},
            "source": code,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": output}],
        }
        notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        body = {"type": "notebook", "format": "json", "content": notebook}
        url = f"{self.origin}/api/contents/{name}"
        headers = {"Origin": self.origin}
        async with self._session.put(url, json=body, headers=headers) as answer:
            answer.raise_for_status()

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Origin": self.origin}
        async with self._session.post(self.origin + path, json=body, headers=headers) as answer:
            answer.raise_for_status()
            return dict(await answer.json())


def _execute(code: str) -> dict[str, Any]:
    return {
        "header": {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": uuid.uuid4().hex,
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "store_history": True, "allow_stdin": False},
        "channel": "shell",
    }


async def _printed(ws: aiohttp.ClientWebSocketResponse, request_id: str) -> str:
    """The output of one request, up to where the kernel is idle again."""
    text = ""
    async for message in ws:
        told = json.loads(message.data)
        if told.get("parent_header", {}).get("msg_id") != request_id:
            continue
        content = told["content"]
        match told["msg_type"]:
            case "stream":
                text += content["text"]
            case "error":
                text += "\n".join(content["traceback"])
            case "status" if content["execution_state"] == "idle":
                break
    return text
