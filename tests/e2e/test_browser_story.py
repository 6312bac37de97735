"""The main job as a person does it: by typing and clicking in the demo's page, with a real browser
and a real JupyterLab.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser import chromium, conversation, page, ready
from tests.e2e.programs import control, program

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(240)]

READY_MS = 90_000
LAB_MS = 60_000


async def test_a_newcomer_rents_works_and_gives_back(tmp_path: Path) -> None:
    """Offers, quote, card, notebook, cell, terminal, status, spending, the end and the bill."""
    words = ("-m", "bot", "demo", "--port", "0", "--data", str(tmp_path / "d"))
    async with program(*words) as demo, chromium() as browser:
        address = (await demo.line(lambda line: "http://127.0.0.1" in line)).strip()
        books = (await demo.line(lambda line: "/sandbox/books" in line)).split(" at ")[-1]
        async with page(address, browser=browser, strict=False) as discord:
            await ready(discord)
            await _rent(discord)
            lab = await _open(discord)
            await _run_a_cell(lab)
            await _type_in_a_terminal(lab)
            await _read_costs(discord)
            await _destroy(discord)

        (instance,) = (await control(books.removesuffix("/sandbox/books"), "/sandbox/books"))[
            "instances"
        ]
    assert instance["destroyed_at"] is not None


async def _rent(discord: Page) -> None:
    await _command(discord, "/offers")
    menu = conversation(discord).get_by_text("Rent one of these")
    await menu.wait_for()
    await menu.click()
    await discord.get_by_role("option").nth(1).click()
    rent = conversation(discord).get_by_role("button", name="Rent", exact=True)
    await rent.wait_for()
    await rent.click()
    await expect(conversation(discord)).to_contain_text("Loading", timeout=READY_MS)


async def _open(discord: Page) -> Page:
    button = conversation(discord).get_by_role("button", name="Open", exact=True)
    await button.wait_for(timeout=READY_MS)
    await button.click()
    link = conversation(discord).get_by_role("link").filter(has_text=re.compile("notebook", re.I))
    await link.wait_for()
    async with discord.context.expect_page() as opened:
        await link.click()
    ticket = await opened.value
    enter = ticket.get_by_role("button")
    await enter.wait_for()
    await enter.click()
    await ticket.wait_for_url(re.compile("/lab"))
    return ticket


async def _run_a_cell(lab: Page) -> None:
    card = lab.locator('.jp-LauncherCard[data-category="Notebook"]').first
    await card.wait_for(timeout=LAB_MS)
    await card.click()
    cell = lab.locator(".jp-Notebook .cm-content").first
    await cell.wait_for(timeout=LAB_MS)
    await lab.get_by_text("| Idle").wait_for(timeout=LAB_MS)
    await cell.click()
    await lab.keyboard.type("print(6 * 7)")
    await lab.keyboard.press("Shift+Enter")
    await expect(lab.locator(".jp-OutputArea-output").first).to_contain_text("42", timeout=LAB_MS)


async def _type_in_a_terminal(lab: Page) -> None:
    await lab.get_by_role("button", name="New Launcher").first.click()
    card = lab.locator(".jp-LauncherCard").filter(has_text="Terminal")
    await card.wait_for(timeout=LAB_MS)
    await card.click()
    screen = lab.locator(".jp-Terminal .xterm-screen")
    await screen.wait_for(timeout=LAB_MS)
    await screen.click()
    await lab.keyboard.type("nvidia-smi -L > seen.txt; touch done.txt\n")
    listing = lab.locator(".jp-DirListing-itemText")
    await expect(listing.filter(has_text="done.txt")).to_be_visible(timeout=LAB_MS)


async def _read_costs(discord: Page) -> None:
    await _command(discord, "/status")
    await expect(conversation(discord)).to_contain_text("so far")
    await _command(discord, "/spend")
    await expect(conversation(discord)).to_contain_text("spent")


async def _destroy(discord: Page) -> None:
    await _command(discord, "/destroy")
    await expect(conversation(discord)).to_contain_text("Its work is archived first")
    sure = conversation(discord).get_by_role("button", name="Archive and destroy", exact=True).last
    await sure.click()
    await expect(conversation(discord)).to_contain_text("Seen gone at Vast", timeout=READY_MS)


async def _command(discord: Page, name: str) -> None:
    """Type a command; the first Enter picks it, the second one sends it."""
    box = discord.locator('#channel-composer [contenteditable="true"], #channel-composer textarea')
    await box.first.click()
    await discord.keyboard.type(name)
    await discord.wait_for_timeout(700)
    await discord.keyboard.press("Enter")
    await discord.wait_for_timeout(400)
    await discord.keyboard.press("Enter")
