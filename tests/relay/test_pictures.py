"""How the relay's own pages look: as stored, on any phone, in both schemes, nothing fetched."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Route
from playwright.async_api import Page as Window

from bot.relay import dress, pages, sheets
from bot.relay.sheets import Page
from tests.browser import chromium
from tests.pictures.album import Album
from tests.pictures.fonts import MONO, SANS
from tests.pictures.small import beside, cut
from tests.relay.gallery import PAGES

ADDRESS = "http://pages.test/"
HIGH = 680
PHONE, SMALL_PHONE, DESK = 390, 320, 640
"""What stands on a wide window is no wider than on one of 640 pixels."""
LONG = Page(status=pages.unknown_host().status, title="w" * 300, text=("v" * 600, "/open " * 80))

_FONTS = """<style>
@font-face{font-family:Sans;src:url(/sans.ttf);font-weight:100 900}
@font-face{font-family:Mono;src:url(/mono.ttf);font-weight:100 900}
*{font-family:Sans!important}code,.detail{font-family:Mono!important}</style>"""
_FAULTS = """() => {
  const root = document.documentElement, said = [];
  const main = document.querySelector("main"), box = main.getBoundingClientRect();
  if (root.scrollWidth > root.clientWidth) said.push("wider than the window");
  if (getComputedStyle(main).maxWidth === "none") said.push("not dressed");
  if (box.left < 8 || box.right > root.clientWidth - 8) said.push("no room at the sides");
  for (const one of main.querySelectorAll("*")) {
    const { left, right, width } = one.getBoundingClientRect();
    const out = left < box.left - 1 || right > box.right + 1;
    if (width && out) said.push(one.tagName + " sticks out");
  }
  for (const one of main.querySelectorAll("button, a.on"))
    if (one.getBoundingClientRect().height < 44) said.push("too low for a finger");
  return said;
}"""


def test_every_page_is_in_the_gallery() -> None:
    """So that a new one is looked at, too."""
    shown = (Path(__file__).with_name("gallery.py")).read_text()
    made = [name for name, _ in inspect.getmembers(pages, inspect.isfunction)]

    assert len(made) > 20
    assert [name for name in made if f"pages.{name}(" not in shown] == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_fetched_and_nothing_runs(name: str) -> None:
    """A page is whole in itself, also where there is no network but to us."""
    response = sheets.answer(PAGES[name], html=True)
    text = re.sub(r'href="data:[^"]*"|url\("data:[^"]*"\)', "", str(response.text))

    assert "<script" not in text
    assert not re.search(r"https?:|\bsrc=|@import|url\(", text)
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert len(str(response.text)) < 12_000


def test_a_page_reloads_only_where_waiting_helps() -> None:
    """What will not change by itself stays as it is, and can be read to its end."""
    again = {name for name, page in PAGES.items() if page.refresh_s is not None}

    assert again == {
        "starting",
        "starting-restored",
        "connecting",
        "moving",
        "unreachable",
        "ending",
        "nothing-listens",
        "failed",
    }


@pytest.mark.parametrize("colours", [dress.LIGHT, dress.DARK], ids=["light", "dark"])
def test_texts_can_be_read_in_both_schemes(colours: dress.Colours) -> None:
    """WCAG 2.2 AA: 4.5 to 1 for words, 3 to 1 for what shows where one is."""
    for words in (colours.text, colours.soft):
        assert _contrast(words, colours.card) >= 4.5
        assert _contrast(words, colours.back) >= 4.5
    assert _contrast(colours.mark, colours.card) >= 3
    assert _contrast(colours.on_mark, colours.mark) >= 3
    assert _contrast(dress.BUTTON_TEXT, dress.BUTTON) >= 4.5
    assert _contrast(dress.BUTTON_TEXT, dress.BUTTON_HOVER) >= 4.5


def test_the_schemes_are_two() -> None:
    """No colour of one is left in the other by mistake."""
    assert not set(dress.LIGHT) & set(dress.DARK)


@pytest.mark.e2e
@pytest.mark.browser
@pytest.mark.timeout(300)
async def test_every_page_looks_as_it_was_looked_at(tmp_path: Path) -> None:
    """On a phone in the dark, and on a desk by day; with fonts that are the same everywhere."""
    album = Album(tmp_path)
    async with chromium() as browser:
        phone = await _all_at_once(browser, PHONE, dark=True)
        desk = await _all_at_once(browser, DESK, dark=False)
    for name, one, other in zip(PAGES, phone, desk, strict=True):
        album.show(f"relay/{name}", beside([one, other]))
    album.close("relay")


@pytest.mark.e2e
@pytest.mark.browser
@pytest.mark.timeout(300)
async def test_no_page_is_wider_than_a_phone() -> None:
    """With the fonts of this machine and the page's own policy, whatever a title says."""
    said = []
    async with chromium() as browser:
        for width, dark in ((SMALL_PHONE, True), (DESK, False)):
            async with _window(browser, width, dark=dark) as (window, shown):
                refused: list[str] = []
                window.on("console", lambda line, into=refused: into.append(line.text))
                for name, page in {**PAGES, "long": LONG}.items():
                    shown.page = page
                    await window.goto(ADDRESS)
                    said += [f"{name} at {width}: {one}" for one in await window.evaluate(_FAULTS)]
                said += [line for line in refused if "Refused" in line or "violates" in line]

    assert said == []


@pytest.mark.e2e
@pytest.mark.browser
async def test_a_page_that_waits_asks_again_by_itself() -> None:
    """Without any script; and what came meanwhile is shown."""
    async with chromium() as browser, _window(browser, PHONE, dark=True) as (window, shown):
        shown.page = PAGES["starting"]
        await window.goto(ADDRESS)
        shown.page = PAGES["ticket"]

        await window.get_by_role("heading", name=PAGES["ticket"].title).wait_for()


async def _all_at_once(browser: Browser, width: int, *, dark: bool) -> list[bytes]:
    """Each page in a frame of that width, in one window and one screenshot: that is quicker."""
    frames = "".join(
        f'<iframe width="{width}" height="{HIGH}" srcdoc="{escape(_standing(page))}"></iframe>'
        for page in PAGES.values()
    )
    sheet = f"<style>body{{margin:0}}iframe{{display:block;border:0}}</style>{frames}"
    fonts = {"sans.ttf": SANS, "mono.ttf": MONO}

    async def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS)
        if path:
            await route.fulfill(path=fonts[path])
        else:
            await route.fulfill(body=sheet, content_type="text/html; charset=utf-8")

    async with _context(browser, width, dark=dark) as context:
        await context.route("**/*", answer)
        window = await context.new_page()
        await window.goto(ADDRESS)
        for frame in window.frames:
            await frame.evaluate("document.fonts.ready.then(() => true)")
        png = await window.screenshot(full_page=True, animations="disabled")
    return [cut(png, at * HIGH, HIGH) for at in range(len(PAGES))]


def _standing(page: Page) -> str:
    """The page with the fonts of the pictures, and without its reloading."""
    text = str(sheets.answer(page, html=True).text)
    return re.sub('<meta http-equiv="refresh"[^>]*>', "", text) + _FONTS


@dataclass
class _Shown:
    """The page that is answered."""

    page: Page = PAGES["bare"]


@asynccontextmanager
async def _context(browser: Browser, width: int, *, dark: bool) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        viewport={"width": width, "height": HIGH},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(60_000)
    try:
        yield context
    finally:
        await context.close()


@asynccontextmanager
async def _window(
    browser: Browser, width: int, *, dark: bool
) -> AsyncIterator[tuple[Window, _Shown]]:
    """A window that shows the page in the holder as the relay sends it, and gets nothing else."""
    shown = _Shown()

    async def answer(route: Route) -> None:
        assert route.request.url == ADDRESS, "something was fetched"
        response = sheets.answer(shown.page, html=True)
        policy = response.headers["Content-Security-Policy"]
        await route.fulfill(
            body=str(response.text),
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": policy},
        )

    async with _context(browser, width, dark=dark) as context:
        await context.route("**/*", answer)
        yield await context.new_page(), shown


def _contrast(one: str, other: str) -> float:
    """Of two colours such as #1b1f27, as WCAG reckons it: 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
