"""Whether a notebook server answers, against servers that do, that do not, and that hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.adapters.jupyter.status import answers
from bot.ports.machines import NotebookAt

_NOTEBOOK = NotebookAt(socket="/there", port=None, token="good", root="/workspace")


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[str]:
    """A server that knows one token and takes its time for another."""

    async def status(request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "")
        if token == "token slow":
            await asyncio.sleep(30)
        return web.json_response({}, status=200 if token == "token good" else 403)

    app = web.Application()
    app.router.add_get("/api/status", status)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "n.sock")).start()
    yield str(tmp_path / "n.sock")
    await runner.cleanup()


async def test_an_answer_to_our_token_counts(path: str) -> None:
    """Asked as the relay will ask."""
    assert await answers(path, _NOTEBOOK.token)


async def test_a_refusal_does_not_count(path: str) -> None:
    """Another server may have taken the port: it does not know our token."""
    stranger = NotebookAt(socket="/there", port=None, token="bad", root="/workspace")

    assert not await answers(path, stranger.token)


async def test_a_server_that_hangs_does_not_count(path: str) -> None:
    """There is a deadline."""
    slow = NotebookAt(socket="/there", port=None, token="slow", root="/workspace")

    assert not await answers(path, slow.token, timeout_s=0.2)


async def test_no_server_does_not_count(tmp_path: Path) -> None:
    """Never an error: the caller looks again."""
    assert not await answers(str(tmp_path / "nothing.sock"), _NOTEBOOK.token)
