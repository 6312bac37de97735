"""A person's windows on the demo's page, a phone's and a desk's, and pictures of what is in them.

A picture shows the whole window with one message at its lower end. Where the message is taller than
the window, the window is made taller for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Locator, Page

from bot.demo.hands import Seen
from tests.browser import ready
from tests.pictures.small import shrink

log = logging.getLogger(__name__)

WAIT_MS = 180_000
STEADY_S = 0.8
TALLEST = 1800  # pixels; nothing we send should need more


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """`ending` is what the picture's file name ends in."""

    ending: str
    width: int
    height: int
    scale: float


DESK = Device(ending="", width=1120, height=700, scale=1)
PHONE = Device(ending="-phone", width=390, height=700, scale=1.5)
DEVICES = (DESK, PHONE)


class Windows:
    """Opens each window once. `address` says where a person finds a place."""

    def __init__(
        self,
        browser: Browser,
        address: Callable[[str, str], str],
        folder: Path,
        stack: AsyncExitStack,
    ) -> None:
        self._browser = browser
        self._address = address
        self._folder = folder
        self._stack = stack
        self._open: dict[tuple[str, str, Device], Page] = {}
        self.taken: list[Path] = []

    async def take(self, name: str, message: Seen, *, who: str = "ada", place: str = "gpu") -> None:
        """The message as that person sees it there, on both."""
        for device in DEVICES:
            window = await self._window(place, who, device)
            article = window.locator(f'article[data-message-id="{message.id}"]')
            await article.wait_for()
            await _steady(article)
            await _fit(window, article, device)
            await self._keep(window, name + device.ending)
            await window.set_viewport_size({"width": device.width, "height": device.height})

    async def keep(self, window: Page, name: str) -> None:
        """Any window as it stands."""
        await self._keep(window, name)

    async def context(self, device: Device) -> BrowserContext:
        """A browser of one's own, in the dark."""
        context = await self._browser.new_context(
            viewport={"width": device.width, "height": device.height},
            device_scale_factor=device.scale,
            color_scheme="dark",
            reduced_motion="reduce",
            timezone_id="UTC",
            locale="en-US",
        )
        context.set_default_timeout(WAIT_MS)
        self._stack.push_async_callback(context.close)
        return context

    async def _window(self, place: str, who: str, device: Device) -> Page:
        key = (place, who, device)
        if key not in self._open:
            window = await (await self.context(device)).new_page()
            await window.goto(self._address(place, who))
            await ready(window)
            self._open[key] = window
        return self._open[key]

    async def _keep(self, window: Page, name: str) -> None:
        png = await window.screenshot(animations="disabled", caret="hide")
        path = self._folder / f"{name}.png"
        small = await asyncio.to_thread(shrink, png)
        path.write_bytes(small)
        self.taken.append(path)
        log.info("%-24s %6.1f kB", path.name, len(small) / 1000)


async def _steady(article: Locator) -> None:
    """Wait until its words have not changed for a while and its pictures are there."""
    loop = asyncio.get_running_loop()
    said, since = "", loop.time()
    while loop.time() - since < STEADY_S:
        now = await article.evaluate(
            "e => [...e.querySelectorAll('img')].every(i => i.complete) ? e.innerText : ''"
        )
        # "5 seconds ago" is never steady.
        now = "".join(letter for letter in now if not letter.isdigit())
        if now != said or not now:
            said, since = now, loop.time()
        await asyncio.sleep(0.1)


async def _fit(window: Page, article: Locator, device: Device) -> None:
    """Make it fit, and stand at the lower end of what is seen."""
    around = device.height - await window.evaluate(
        "() => document.getElementById('channel-timeline').clientHeight"
    )
    needs = await article.evaluate("e => e.getBoundingClientRect().height")
    height = min(TALLEST, max(device.height, int(needs) + around + 16))
    await window.set_viewport_size({"width": device.width, "height": height})
    await article.evaluate(
        """e => new Promise(resolve => {
            const timeline = document.getElementById("channel-timeline");
            const place = () => {
                const end = timeline.getBoundingClientRect().bottom;
                timeline.scrollTop += e.getBoundingClientRect().bottom - end + 12;
            };
            requestAnimationFrame(() => {
                place();
                timeline.dispatchEvent(new WheelEvent("wheel"));
                requestAnimationFrame(() => { place(); requestAnimationFrame(resolve); });
            });
        })"""
    )
