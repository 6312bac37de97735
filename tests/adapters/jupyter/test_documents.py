"""Notebook files through the contents API; what is no plain answer is Unreachable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.adapters.jupyter.documents import JupyterDocuments
from bot.errors import Unreachable

BOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}


class Server:
    """A contents API with one notebook, `a b/ü.ipynb`, and one session."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.book: dict[str, Any] = json.loads(json.dumps(BOOK))
        self.version = 0
        self.meddle = 0  # how often somebody saves between our reading and writing
        self.seen: list[web.BaseRequest] = []
        self.answer: web.Response | None = None
        self.hang = False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(request)
        if self.hang:
            await asyncio.sleep(60)
        if self.answer is not None:
            return self.answer
        if request.path == "/api/sessions":
            kernel = {"id": "k1"}
            return web.json_response(
                [
                    {"type": "notebook", "path": "a b/ü.ipynb", "kernel": kernel},
                    {"type": "console", "path": "x", "kernel": {"id": "k2"}},
                    {"notebook": {"path": "old.ipynb"}, "kernel": {"id": "k3"}},
                ]
            )
        if request.path != "/api/contents/a b/ü.ipynb":
            return web.json_response({"message": "no"}, status=404)
        if request.method == "PUT":
            self.book = (await request.json())["content"]
            self.version += 1
        model = {"type": "notebook", "last_modified": f"v{self.version}", "content": None}
        if request.query.get("content") == "1":
            model["content"] = self.book
            if self.meddle:
                self.meddle -= 1
                self.version += 1
        return web.json_response(model)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(str(tmp_path / "j.sock"))
    runner = web.ServerRunner(web.Server(server.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, server.path).start()
    yield server
    await runner.cleanup()


def add(book: dict[str, Any]) -> bool:
    book["cells"].append({"cell_type": "code"})
    return True


async def test_kernels_are_told_with_their_notebooks(server: Server) -> None:
    """Not consoles; older servers say it in another place; nobody's activity."""
    paths = await JupyterDocuments().paths(server.path, "secret")

    assert paths == {"k1": "a b/ü.ipynb", "k3": "old.ipynb"}
    assert server.seen[0].headers["Authorization"] == "token secret"
    assert server.seen[0].query["no_track_activity"] == "1"


async def test_a_notebook_is_changed_or_left_alone(server: Server) -> None:
    """It is written only if something changed; one that is not there is no error."""
    documents = JupyterDocuments()

    assert await documents.edit(server.path, "t", "a b/ü.ipynb", lambda book: False)
    assert server.version == 0
    assert await documents.edit(server.path, "t", "a b/ü.ipynb", add)
    assert server.book["cells"] == [{"cell_type": "code"}]
    assert not await documents.edit(server.path, "t", "gone.ipynb", add)


async def test_a_notebook_saved_meanwhile_is_read_anew(server: Server) -> None:
    """Nobody's edit is overwritten; one that is saved all the time is given up."""
    server.meddle = 1
    assert await JupyterDocuments().edit(server.path, "t", "a b/ü.ipynb", add)
    assert server.version == 2

    server.meddle = 99
    with pytest.raises(Unreachable):
        await JupyterDocuments().edit(server.path, "t", "a b/ü.ipynb", add)
    assert sum(request.method == "PUT" for request in server.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500),
        web.Response(text="<html>"),
        web.json_response({"message": "x"}),
        web.json_response([1]),
        web.Response(text="[" * 100_000),
    ],
)
async def test_anything_else_is_unreachable(server: Server, answer: web.Response) -> None:
    """Whatever a stranger's server says."""
    server.answer = answer
    with pytest.raises(Unreachable):
        await JupyterDocuments().paths(server.path, "t")


async def test_silence_is_unreachable(server: Server, tmp_path: Path) -> None:
    """A server that hangs, and one that is not there."""
    server.hang = True
    with pytest.raises(Unreachable):
        await JupyterDocuments(timeout_s=0.1).paths(server.path, "t")
    with pytest.raises(Unreachable):
        await JupyterDocuments().paths(str(tmp_path / "none.sock"), "t")
