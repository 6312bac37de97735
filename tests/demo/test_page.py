"""What the page answers, and what a person sees and can do in it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from bot.demo.patches import NOTE, Frame, page_files
from bot.demo.stand_in import Demo
from bot.demo.views import local_zone
from bot.errors import Config
from tests.browser import chromium, conversation, page, ready
from tests.demo.porter import Porter

EMPTY = Frame(server="x", channels=(), inboxes=(), people=())


@pytest.fixture
async def client(demo: Demo) -> AsyncIterator[aiohttp.ClientSession]:
    assert demo.pages is not None
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{demo.pages.port}", timeout=aiohttp.ClientTimeout(total=10)
    ) as session:
        yield session


async def test_every_address_opens_its_view(demo: Demo, client: aiohttp.ClientSession) -> None:
    """Each person has each channel and an inbox, told apart by the address alone."""
    assert demo.pages is not None
    seen = set()

    for person in ("ada", "linus", "grace"):
        for place in ("gpu", "general", "dm"):
            state = await _open(client, demo.pages.address(place, person))
            seen.add((state["channel"]["id"], state["viewerId"]))

    assert len(seen) == 9


@pytest.mark.parametrize("key", ["", "wrong", "wrong.gpu.ada"])
async def test_without_its_key_nothing_is_told(client: aiohttp.ClientSession, key: str) -> None:
    """The address is what lets a browser in."""
    async with client.get("/news", headers={"X-Simcord-Capability": key}) as answer:
        assert answer.status == 401
    async with client.post("/api/pages", json={}, headers={"X-Simcord-Capability": key}) as answer:
        assert answer.status == 401


async def test_the_key_is_new_for_each_run(demo: Demo, porter: Porter) -> None:
    """An old address does not open a new demo."""
    assert demo.pages is not None
    first = demo.pages.address()
    await demo.close()

    again = Demo(bot=Porter())
    await again.start(port=0)

    assert again.pages is not None
    assert again.pages.address().partition("#")[2] != first.partition("#")[2]
    await again.close()
    await again.env.bot.close()


async def test_another_host_is_refused(demo: Demo, client: aiohttp.ClientSession) -> None:
    """A foreign name that leads to loopback does not open the page."""
    async with client.get("/", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 403


async def test_the_page_says_what_it_is(client: aiohttp.ClientSession) -> None:
    """A newcomer knows that nothing here costs money; nothing speaks of SimCord in the title."""
    async with client.get("/") as answer:
        text = await answer.text()

    assert NOTE in text
    assert "<title>Bellhop demo</title>" in text


async def test_fonts_may_be_kept_and_pages_may_not(client: aiohttp.ClientSession) -> None:
    """A reload does not fetch 13 MB again."""
    async with client.get("/fonts/noto-sans-latin-v2.015.ttf") as font:
        assert font.headers["Cache-Control"] == "public, max-age=604800"
        assert font.headers["Content-Type"] == "font/ttf"
    async with client.get("/app.js") as script:
        assert script.headers["Cache-Control"] == "no-store"


async def test_what_the_bot_does_by_itself_is_shown_within_a_second(
    demo: Demo, porter: Porter, client: aiohttp.ClientSession
) -> None:
    """A message edited by a task of the bot reaches an open page without anybody's action."""
    assert demo.pages is not None
    address = demo.pages.address()
    state = await _open(client, address)
    await demo.world.people["ada"].member.slash(demo.world.gpu, "rent", gpu="A100")
    await porter.edited.wait()
    wanted = f"edit {porter.edits}"
    edited_at = time.monotonic()

    while wanted not in str(await _state(client, address, state["context"]["id"])):
        assert time.monotonic() - edited_at < 1
        await asyncio.sleep(0.05)


async def test_what_is_new_is_marked_until_it_is_seen(
    demo: Demo, client: aiohttp.ClientSession
) -> None:
    """Mail shows at the inbox of its reader, and at the reader for everybody else."""
    assert demo.pages is not None
    pages = demo.pages
    ada, grace = pages.address("gpu", "ada"), pages.address("gpu", "grace")

    await demo.world.people["ada"].member.slash(demo.world.gpu, "mine")

    assert await _news(client, ada) == {"places": ["gpu", "dm"], "people": []}
    assert await _news(client, grace) == {"places": [], "people": ["ada"]}
    await _open(client, pages.address("dm", "ada"))
    assert await _news(client, grace) == {"places": [], "people": []}


async def test_a_taken_port_is_named(porter: Porter) -> None:
    """The second demo on a port says so in a sentence, and lets go of what it had."""
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    demo = Demo(bot=porter)

    async with taken:
        with pytest.raises(Config, match=f"port {port} cannot be used"):
            await demo.start(port=port)

    assert demo.pages is None


def test_another_simcord_fails_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that is not there exactly once means another version: it is not shown half patched."""
    monkeypatch.setattr(
        "bot.demo.patches._CHANGES", {"/commands.js": (("no such text", "anything"),)}
    )

    with pytest.raises(Config, match="is not the version its page was made for"):
        page_files(EMPTY)


def test_names_in_the_frame_are_escaped() -> None:
    """A server's name is text, not markup."""
    files = page_files(Frame(server="<b>x", channels=(), inboxes=(), people=()))

    assert "&lt;b&gt;x" in files["/"].text


def test_the_time_zone_is_one_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zone that the machine does not know is UTC rather than a failed start."""
    monkeypatch.setenv("TZ", "Nowhere/Atall")

    assert local_zone() == "UTC" or Path("/usr/share/zoneinfo", local_zone()).is_file()


@pytest.mark.e2e
@pytest.mark.browser
async def test_a_person_rents_by_typing_and_clicking(demo: Demo) -> None:
    """The picker, autocomplete, a private answer, a live card, a button, another person."""
    assert demo.pages is not None
    async with chromium() as browser, page(demo.pages.address(), browser=browser) as window:
        await ready(window)
        await _rent(window, "4090")

        chat = conversation(window)
        card = chat.locator("article", has_text="running, edit")
        await expect(chat.get_by_text("Renting RTX 4090", exact=True)).to_be_visible()
        await expect(card).to_contain_text(re.compile(r"edit ([2-9]|\d\d)"))
        await card.get_by_role("button", name="Keep RTX 4090").click()
        await expect(conversation(window).get_by_text("Kept RTX 4090 for Ada")).to_be_visible()

        await window.get_by_role("link", name="Linus").click()
        await ready(window)
        await expect(window.locator('[data-person="linus"][aria-current]')).to_be_visible()
        await expect(card).to_be_visible()
        await expect(conversation(window).get_by_text("Kept RTX 4090 for Ada")).to_have_count(0)
        await card.get_by_role("button", name="Keep RTX 4090").click()
        await expect(conversation(window).get_by_text("Kept RTX 4090 for Linus")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.browser
async def test_the_newest_message_stays_in_sight(demo: Demo) -> None:
    """A full channel opens at its end and follows it."""
    assert demo.pages is not None
    grace = demo.world.people["grace"].member
    for number in range(30):
        await grace.send(demo.world.gpu, f"message {number}")
    async with page(demo.pages.address(), width=390, height=844) as window:
        await ready(window)
        await expect(conversation(window).get_by_text("message 29", exact=True)).to_be_in_viewport()

        await grace.send(demo.world.gpu, "and another")

        await expect(
            conversation(window).get_by_text("and another", exact=True)
        ).to_be_in_viewport()


@pytest.mark.e2e
@pytest.mark.browser
async def test_direct_messages_are_one_click_away(demo: Demo) -> None:
    """On a phone too, where the menu is folded away."""
    assert demo.pages is not None
    async with page(demo.pages.address("gpu", "linus"), width=390, height=844) as window:
        await ready(window)
        await _command(window, "mine")
        await expect(conversation(window).get_by_text("Look at your messages.")).to_be_visible()

        await window.get_by_role("button", name="Channels and people").click()
        await window.get_by_role("link", name="Bellhop").click()

        await expect(conversation(window).get_by_text("You have no machines.")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.browser
async def test_an_application_that_does_not_answer_is_said(demo: Demo) -> None:
    """As on Discord; a command for leads is there for the lead."""
    assert demo.pages is not None
    async with page(demo.pages.address("gpu", "grace")) as window:
        await ready(window)
        await _command(window, "silent")

        await expect(window.get_by_text("The application did not respond.")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.browser
@pytest.mark.parametrize("with_mouse", [False, True])
async def test_enter_runs_what_was_chosen(demo: Demo, with_mouse: bool) -> None:
    """A value chosen by keyboard or mouse is the one that runs, not the first of the list."""
    assert demo.pages is not None
    async with page(demo.pages.address()) as window:
        await ready(window)
        await window.locator("#channel-composer-input").click()
        await window.keyboard.type("/plan")
        await window.get_by_role("option", name="plan").first.click()
        wanted = window.get_by_role("option", name="50 GB")
        await expect(wanted).to_be_visible()
        if with_mouse:
            await wanted.click()
        else:
            await window.keyboard.press("ArrowDown")
            await window.keyboard.press("Enter")
        await window.keyboard.press("Enter")

        await expect(conversation(window).get_by_text("Planned 50, None")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.browser
async def test_a_fast_typist_is_not_ignored(demo: Demo, porter: Porter) -> None:
    """Enter pressed while choices are still being looked up runs what was typed."""
    assert demo.pages is not None
    porter.thinks_s = 0.7
    async with page(demo.pages.address()) as window:
        await ready(window)
        await window.locator("#channel-composer-input").click()
        await window.keyboard.type("/rent")
        await window.get_by_role("option", name="rent").first.click()
        async with window.expect_request("**/api/action"):  # the look-up
            await window.keyboard.type("T4")
        await window.keyboard.press("Enter")

        await expect(conversation(window).get_by_text("Renting T4")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.browser
async def test_a_menu_and_a_form_work(demo: Demo) -> None:
    """What is chosen from a menu opens a form, and what is typed there arrives."""
    assert demo.pages is not None
    async with page(demo.pages.address()) as window:
        await ready(window)
        await _command(window, "menu")
        chat = conversation(window)
        await expect(chat.get_by_text("Offers as of")).to_contain_text(re.compile(r"ago|now"))
        await chat.get_by_role("combobox").click()
        await window.get_by_role("option", name="A100").click()
        await window.get_by_role("dialog").get_by_role("textbox").fill("lesson1")
        await window.get_by_role("button", name="Submit").click()

        await expect(chat.get_by_text("A100 is lesson1")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.browser
async def test_an_address_that_does_not_open_says_why(demo: Demo) -> None:
    """Somebody who lost half of the address, or kept that of yesterday, reads what to do."""
    assert demo.pages is not None
    bare, _, _ = demo.pages.address().partition("#")
    async with chromium() as browser:
        async with page(bare, browser=browser) as window:
            await expect(window.get_by_text("Open the whole address")).to_be_visible()
        async with page(f"{bare}#yesterday.gpu.ada", browser=browser) as window:
            await expect(window.get_by_text("of an earlier run")).to_be_visible()


async def _rent(window: Page, gpu: str) -> None:
    composer = window.locator("#channel-composer-input")
    await composer.click()
    await window.keyboard.type("/rent")
    await window.get_by_role("option", name="rent").first.click()
    await expect(window.get_by_role("option", name="A100")).to_be_visible()
    await window.keyboard.type(gpu)
    await window.get_by_role("option", name=gpu).first.click()
    await window.keyboard.press("Enter")


async def _command(window: Page, name: str) -> None:
    await window.locator("#channel-composer-input").click()
    await window.keyboard.type(f"/{name}")
    await window.get_by_role("option", name=name).first.click()
    await window.keyboard.press("Enter")


async def _open(client: aiohttp.ClientSession, address: str) -> dict[str, Any]:
    async with client.post("/api/pages", json={}, headers=_key(address)) as answer:
        answer.raise_for_status()
        state: dict[str, Any] = await answer.json()
        return state


async def _news(client: aiohttp.ClientSession, address: str) -> dict[str, list[str]]:
    async with client.get("/news", headers=_key(address)) as answer:
        answer.raise_for_status()
        news: dict[str, list[str]] = await answer.json()
        return news


async def _state(client: aiohttp.ClientSession, address: str, context: str) -> dict[str, Any]:
    headers = _key(address) | {"X-Simcord-Context": context}
    async with client.get("/api/state", headers=headers) as answer:
        answer.raise_for_status()
        state: dict[str, Any] = await answer.json()
        return state


def _key(address: str) -> dict[str, str]:
    return {"X-Simcord-Capability": address.partition("#")[2]}
