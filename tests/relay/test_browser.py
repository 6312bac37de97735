"""The whole way in, in a real browser: from the ticket to a cell's output in JupyterLab."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.relay.books import RENTAL
from tests.relay.conftest import House, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield await browser.new_page()
        await browser.close()


async def test_a_person_gets_from_the_ticket_to_a_cells_output(lab: House, page: Page) -> None:
    """One press lets in; nobody signs in anywhere; the session's end is said on a page."""
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Refused" in said.text else None)
    await page.goto(lab.origin() + await lab.ticket())
    await page.get_by_role("button", name="Open the notebook").click()

    await page.get_by_title("Python 3 (ipykernel)").first.click(timeout=60_000)
    await page.wait_for_url(re.compile(rf"^{re.escape(lab.origin())}/lab"))
    # JupyterLab drops a cell that is run before its kernel is there.
    await expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    cell = page.locator(".jp-Notebook .jp-Cell .cm-content").first
    await cell.click(timeout=30_000)
    await page.keyboard.type("print(6 * 7)")
    await page.keyboard.press("Shift+Enter")

    output = page.locator(".jp-OutputArea-output").first
    await expect(output).to_contain_text("42", timeout=30_000)
    assert lab.traffic.last_human(RENTAL) is not None
    assert refused == []
    assert await page.evaluate("document.cookie.includes('bellhop')") is False

    await lab.links.revoke(RENTAL)

    await until(lambda: lab.relay.busy(RENTAL) == 0)
    await page.goto(lab.origin())
    await expect(page.get_by_role("heading")).to_have_text("You are signed out of this notebook")
