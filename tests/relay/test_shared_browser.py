"""A second person in a second, real browser: looks on, is refused in words, is let go of; and a
program on another port, with its WebSocket."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from bot.domain.access import Actor
from bot.domain.origins import Origin
from tests.browser import chromium
from tests.relay.books import OTHER, OWNER, RENTAL
from tests.relay.conftest import House, until

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "one",
            "execution_count": 1,
            "metadata": {},
            "source": "print(6 * 7)",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "42 from before\n"}],
        }
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
PROGRAM = """<p id=said>waiting</p><script>
const socket = new WebSocket(`ws://${location.host}/ws`);
socket.onopen = () => socket.send("hello");
socket.onmessage = (told) => { document.getElementById("said").textContent = told.data; };
</script>"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as opened:
        yield opened


async def enter(
    house: House, browser: Browser, *, by: Actor = OWNER, port: int | None = None
) -> Page:
    """In a browser of their own, by the ticket's button."""
    page = await (await browser.new_context()).new_page()
    await page.goto(await house.links.issue(by, RENTAL, port=port))
    await page.get_by_role("button").click()
    return page


async def test_who_may_look_sees_what_the_owner_runs_and_runs_nothing(
    lab: House, browser: Browser, lab_folder: Path
) -> None:
    """Then is let go of, tab and all, while the owner works on."""
    (lab_folder / "lesson.ipynb").write_text(json.dumps(NOTEBOOK))
    owner = await enter(lab, browser)
    await owner.goto(f"{lab.origin()}/lab/tree/lesson.ipynb")
    idle = re.compile(r"Python 3 \(ipykernel\) \| Idle")
    await expect(owner.get_by_text(idle)).to_be_visible(timeout=60_000)
    share = lab.books.share(OTHER.id, view_only=True)

    guest = await enter(lab, browser, by=OTHER)
    await guest.goto(f"{lab.origin()}/lab/tree/lesson.ipynb?reset")
    output = guest.locator(".jp-OutputArea-output").first
    await expect(output).to_contain_text("42 from before", timeout=60_000)
    await expect(guest.get_by_text(idle)).to_be_visible(timeout=60_000)
    await guest.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    await guest.keyboard.press("Control+Enter")
    await expect(output).to_contain_text("shared with you to look at", timeout=30_000)

    del lab.books.shares[share.id]
    lab.books.sessions = {
        key: one for key, one in lab.books.sessions.items() if one.member_id != OTHER.id
    }
    lab.links.let_go(RENTAL, OTHER.id)
    await guest.goto(f"{lab.origin()}/lab")
    await expect(guest.get_by_role("heading")).to_have_text("You are signed out of this notebook")
    await owner.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    await owner.keyboard.press("Control+Enter")
    mine = owner.locator(".jp-OutputArea-output").first
    await expect(mine).to_have_text(re.compile(r"^42\s*$"), timeout=30_000)


async def test_a_program_on_another_port_works_in_a_browser(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    """Until it listens the page says so and comes by itself; then its WebSocket works, too."""
    page = await enter(house, browser, port=7860)
    await expect(page.get_by_role("heading")).to_have_text("Nothing answers on port 7860 yet")

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path != "/ws":
            return web.Response(text=PROGRAM, content_type="text/html")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"echo of {message.data}")
        return socket

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    path = str(tmp_path / "program.sock")
    await web.UnixSite(runner, path).start()
    house.ways.sockets[7860] = path

    await expect(page.locator("#said")).to_have_text("echo of hello", timeout=15_000)
    assert page.url.startswith(house.links.address(Origin(RENTAL, 7860).label))
    await house.links.revoke(RENTAL)
    await until(lambda: house.relay.busy(RENTAL) == 0)
    await page.reload()
    await expect(page.get_by_role("heading")).to_have_text("You are signed out of this notebook")
    await runner.cleanup()
