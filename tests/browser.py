"""A real Chromium for tests of pages. Where none is installed such a test is skipped, loudly."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    # The same edges everywhere, for what compares pictures.
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
)
WAIT_MS = 15_000


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium; skips the test where there is none (CHROMIUM names another one)."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(
            "NO CHROMIUM: this page was not looked at with a browser. "
            "Install the package `chromium`, or name one in CHROMIUM."
        )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_ARGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page(
    url: str,
    *,
    width: int = 1280,
    height: int = 800,
    dark: bool = True,
    browser: Browser | None = None,
    strict: bool = True,
) -> AsyncIterator[Page]:
    """A fresh window at `url`, in a browser of its own or in `browser`.

    With `strict`, an error that a script of the page did not catch fails the test.
    """
    if browser is None:
        async with (
            chromium() as own,
            page(url, width=width, height=height, dark=dark, browser=own, strict=strict) as opened,
        ):
            yield opened
        return
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
    )
    context.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    try:
        opened = await context.new_page()
        opened.on("pageerror", lambda error: errors.append(str(error)))
        await opened.goto(url)
        yield opened
    finally:
        await context.close()
    if strict:
        assert not errors, "errors in the page's scripts"


async def ready(window: Page) -> None:
    """Wait until the demo's page has drawn what it knows."""
    await window.wait_for_selector('#preview-app[aria-busy="false"]')


def conversation(window: Page) -> Locator:
    """The messages in the demo's page, as distinct from what else its document holds."""
    return window.locator("#channel-message-list")
