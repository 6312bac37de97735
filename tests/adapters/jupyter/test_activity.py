"""What a notebook server says of its kernels, whatever its clock and its habits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from bot.adapters.jupyter.activity import activity, moment
from bot.domain.samples import Kernel, Terminal

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AGO = timedelta(minutes=5)


@asynccontextmanager
async def a_server(
    folder: Path, answer: Callable[[web.Request], web.StreamResponse]
) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return answer(request)

    runner = web.AppRunner(_app(handle))
    await runner.setup()
    path = str(folder / "jupyter.sock")
    await web.UnixSite(runner, path).start()
    try:
        yield path
    finally:
        await runner.cleanup()


def _app(handle: object) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)  # type: ignore[arg-type]
    return app


def told(text: str) -> web.Response:
    date = format_datetime(NOW, usegmt=True)
    return web.Response(text=text, content_type="application/json", headers={"Date": date})


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(hours=3), -timedelta(days=400)])
@pytest.mark.parametrize(
    "form", ["%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"]
)
async def test_ages_are_by_the_servers_own_clock(
    tmp_path: Path, ahead: timedelta, form: str
) -> None:
    """Five minutes are five minutes on a clock three hours ahead, with or without a fraction."""
    clock = NOW + ahead
    stamp = (clock - AGO).strftime(form)
    asked: list[str] = []

    def answer(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        kernel = {"id": "k1", "execution_state": "busy", "connections": 1, "last_activity": stamp}
        told = {
            "/api/status": {"last_activity": stamp},
            "/api/kernels": [kernel, {"id": "k2", "execution_state": "starting"}],
            "/api/terminals": [{"name": "1", "last_activity": stamp}],
        }
        return web.json_response(
            told[request.path], headers={"Date": format_datetime(clock, usegmt=True)}
        )

    async with a_server(tmp_path, answer) as path:
        found = await activity(path, "secret", now=NOW)

    assert found is not None
    assert found.kernels == (Kernel("k1", "busy", 1, NOW - AGO), Kernel("k2", "starting"))
    assert found.terminals == (Terminal("1", NOW - AGO),)
    assert found.active_at == NOW - AGO
    assert all("no_track_activity=1" in one for one in asked)
    assert not any("secret" in one for one in asked)


async def test_a_server_without_terminals_has_none(tmp_path: Path) -> None:
    """They can be switched off."""

    def answer(request: web.Request) -> web.Response:
        if request.path.endswith("terminals"):
            return web.json_response({}, status=404)
        return web.json_response({} if request.path.endswith("status") else [])

    async with a_server(tmp_path, answer) as path:
        found = await activity(path, "t", now=NOW)

    assert found is not None
    assert found.terminals == ()


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: web.json_response([], status=500),
        lambda _: web.json_response([], status=403),
        lambda _: web.Response(text="<html>", content_type="text/html"),
        lambda _: web.json_response([{"name": 1}]),
        lambda _: web.Response(text="[" * 100_000, content_type="application/json"),
        lambda _: web.Response(text='[{"id": 1, "execution_state": 1, "connections": 1e999}]'),
        lambda _: web.json_response([], headers={"Date": "yesterday"}),
        lambda _: web.Response(status=302, headers={"Location": "http://elsewhere/"}),
        lambda _: told('[{"id": 1, "execution_state": 2, "connections": Infinity}]'),
        lambda _: told("[" * 100_000),
    ],
)
async def test_whatever_is_no_plain_answer_is_unknown(
    tmp_path: Path, answer: Callable[[web.Request], web.StreamResponse]
) -> None:
    """Unknown, and never "no kernels"."""
    async with a_server(tmp_path, answer) as path:
        assert await activity(path, "t", now=NOW) is None

    assert await activity(path, "t", now=NOW) is None  # nobody listens


async def test_a_server_that_hangs_is_unknown_after_the_deadline(tmp_path: Path) -> None:
    """One notebook holds up nobody."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    path = str(tmp_path / "jupyter.sock")
    async with await asyncio.start_unix_server(hang, path):
        assert await activity(path, "t", now=NOW, timeout_s=0.1) is None


@pytest.mark.parametrize("stamp", [None, "", 5])
def test_no_time_is_no_time(stamp: object) -> None:
    """Not now, and not the epoch."""
    assert moment(stamp) is None
