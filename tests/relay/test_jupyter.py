"""A real JupyterLab behind the relay: page, API, a cell, a terminal."""

from __future__ import annotations

import asyncio
import json
import uuid

import aiohttp
import pytest

from tests.relay.books import RENTAL
from tests.relay.conftest import PAGE, House
from tests.relay.notebook import TOKEN

pytestmark = pytest.mark.e2e


async def test_jupyterlab_works_through_the_relay(lab: House) -> None:
    """From the root to a cell's output and a terminal's, and its token is nowhere to be seen."""
    cookie = await lab.cookie()

    async with lab.ask("/", {**PAGE, **cookie}) as root:
        assert root.status == 302
        assert root.headers["Location"].startswith("/lab")
    async with lab.ask("/lab", {**PAGE, **cookie}) as page:
        text = await page.text()
    assert page.status == 200
    assert "jupyter-config-data" in text
    assert TOKEN not in text
    assert await _run(lab, cookie, "print(6 * 7)") == "42\n"
    assert "relayed" in await _type(lab, cookie, "echo re''layed\r")
    assert lab.traffic.last_human(RENTAL) == lab.clock.now()


async def _run(house: House, cookie: dict[str, str], code: str) -> str:
    """What a cell prints in a new kernel."""
    origin = {"Origin": house.origin(), "Content-Type": "application/json"}
    async with house.ask("/api/kernels", {**cookie, **origin}, method="POST", data="{}") as made:
        assert made.status == 201
        kernel = json.loads(await made.read())["id"]
    request = {
        "header": {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": "s",
            "version": "5.3",
            "date": "",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False},
        "channel": "shell",
        "buffers": [],
    }
    async with (
        asyncio.timeout(60),
        house.connect(f"/api/kernels/{kernel}/channels?session_id=s", cookie) as socket,
    ):
        await socket.send_json(request)
        async for message in socket:
            said = json.loads(message.data)
            if said["msg_type"] == "stream":
                return said["content"]["text"]
    raise AssertionError("the kernel hung up")


async def _type(house: House, cookie: dict[str, str], line: str) -> str:
    """What a new terminal shows after a line was typed."""
    origin = {"Origin": house.origin(), "Content-Type": "application/json"}
    async with house.ask("/api/terminals", {**cookie, **origin}, method="POST", data="{}") as made:
        name = json.loads(await made.read())["name"]
    shown = ""
    async with (
        asyncio.timeout(30),
        house.connect(f"/terminals/websocket/{name}", cookie) as socket,
    ):
        await socket.send_json(["stdin", line])
        async for message in socket:
            assert message.type is aiohttp.WSMsgType.TEXT
            kind, *rest = json.loads(message.data)
            shown += rest[0] if kind == "stdout" else ""
            if "relayed" in shown:
                return shown
    raise AssertionError("the terminal hung up")
