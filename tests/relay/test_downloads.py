"""Downloads through the relay: one press, any name, and never an end that is made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

import aiohttp
import pytest

from bot.errors import Busy, Damaged
from bot.relay.app import Relay
from bot.relay.downloads import disposition
from bot.services.downloads import Download
from bot.services.links import Links
from bot.services.routes import Routes, Traffic
from tests.relay.books import Books, Hands
from tests.relay.conftest import PAGE, free_port

PIECE = b"x" * 100_000


@dataclass
class Stall:
    """What hands out downloads, as far as the relay sees it."""

    pieces: list[bytes | Exception] = field(default_factory=lambda: [PIECE, PIECE])
    name: str = "lesson.tar.gz"
    size: int | None = None
    good: bool = True
    busy: bool = False
    given: int = 0
    closed: bool = False

    async def peek(self, secret: str) -> bool:
        return self.good and secret == "secret"

    async def fetch(self, secret: str) -> Download | None:
        if self.busy:
            raise Busy("busy", public="Others are downloading at the moment.")
        if not await self.peek(secret):
            return None
        self.good = False
        return Download(name=self.name, size=self.size, pieces=self._stream())

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                self.given += len(piece)
                yield piece
        finally:
            self.closed = True


@dataclass
class Shop:
    stall: Stall
    relay: Relay
    origin: str
    browser: aiohttp.ClientSession

    def ask(self, method: str = "GET", headers: Mapping[str, str] = PAGE, secret: str = "secret"):
        host = {"Host": self.origin.partition("://")[2]}
        port = self.origin.rpartition(":")[2]
        url = f"http://127.0.0.1:{port}/-/download/{secret}"
        return self.browser.request(method, url, headers={**headers, **host})


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    port = free_port()
    url = f"http://{{rental}}.localhost:{port}"
    books, clock, stall = Books(), Hands(), Stall()

    async def health() -> Mapping[str, str]:
        return {}

    relay = Relay(
        host="127.0.0.1",
        port=port,
        relay_url=url,
        links=Links(store=books, clock=clock, relay_url=url),
        routes=Routes(),
        traffic=Traffic(),
        rentals=books,
        health=health,
        clock=clock,
        downloads=stall,
    )
    await relay.start()
    async with aiohttp.ClientSession(auto_decompress=False) as browser:
        yield Shop(stall, relay, f"http://localhost:{port}", browser)
    await relay.close()


async def test_looking_at_a_link_uses_nothing(shop: Shop) -> None:
    """Previews of links fetch pages: only the button's POST takes the download."""
    async with shop.ask() as answer:
        text = await answer.text()

    assert answer.status == 200
    assert '<form method="post">' in text
    assert shop.stall.good


async def test_the_button_brings_everything_once(shop: Shop) -> None:
    """All bytes, as a file to keep; a second press finds a used link."""
    async with shop.ask("POST", {**PAGE, "Origin": shop.origin}) as answer:
        body = await answer.read()
    async with shop.ask("POST", {**PAGE, "Origin": shop.origin}) as again:
        words = await again.text()

    assert (answer.status, body) == (200, PIECE * 2)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert again.status == 410
    assert "/archives" in words
    assert shop.stall.closed


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_another_site_cannot_press_it(shop: Shop, headers: dict[str, str]) -> None:
    async with shop.ask("POST", headers) as answer:
        assert answer.status == 403

    assert shop.stall.good


@pytest.mark.parametrize("size", [None, 200_000], ids=["an archive", "a file of known size"])
async def test_damage_in_the_middle_never_looks_complete(shop: Shop, size: int | None) -> None:
    """The connection is cut: the browser says that the download failed."""
    shop.stall.pieces = [PIECE, Damaged("a chunk is altered")]
    shop.stall.size = size

    with pytest.raises(aiohttp.ClientError):
        await _taken(shop)

    assert shop.stall.closed


async def test_a_relay_that_is_stopped_lets_a_download_end_first(shop: Shop) -> None:
    """A link works once: whoever is cut off needs another."""
    shop.stall.pieces = [PIECE] * 400
    async with shop.ask("POST") as answer:
        draining = asyncio.ensure_future(shop.relay.drain(600))
        await asyncio.sleep(0.1)
        assert not draining.done()

        assert len(await answer.read()) == 400 * len(PIECE)

    await asyncio.wait_for(draining, 20)


async def _taken(shop: Shop) -> bytes:
    async with shop.ask("POST") as answer:
        assert answer.status == 200
        return await answer.read()


async def test_damage_at_once_is_said_on_a_page(shop: Shop) -> None:
    shop.stall.pieces = [Damaged("the first chunk is altered")]

    async with shop.ask("POST") as answer:
        text = await answer.text()

    assert answer.status == 503
    assert Damaged.public.rstrip(".") in text


async def test_too_many_at_once_are_told_to_wait(shop: Shop) -> None:
    """And the link is still good."""
    shop.stall.busy = True

    async with shop.ask("POST") as answer:
        text = await answer.text()

    assert answer.status == 503
    assert "Others are downloading" in text
    assert shop.stall.good


async def test_a_browser_that_does_not_read_holds_the_archive_up(shop: Shop) -> None:
    """Back-pressure: far less is read from the archive than a gigabyte that nobody takes."""
    shop.stall.pieces = [PIECE] * 10_000

    async with shop.ask("POST") as answer:
        await answer.content.readexactly(1000)
        before = -1
        while before != shop.stall.given:
            before = shop.stall.given
            await asyncio.sleep(0.3)

        assert shop.stall.given < 50_000_000
        answer.close()


async def test_a_link_does_not_work_on_a_notebooks_origin(shop: Shop) -> None:
    """The bare address only, where no notebook's scripts run."""
    port = shop.origin.rpartition(":")[2]
    url = f"http://127.0.0.1:{port}/-/download/secret"

    async with shop.browser.post(url, headers={"Host": f"bc2345.localhost:{port}"}) as answer:
        assert answer.status == 404

    assert shop.stall.good


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("weights.bin", "weights.bin"),
        ('a"; filename="evil.exe', "a_; filename=_evil.exe"),
        ("a\r\nSet-Cookie: x=1", "a__Set-Cookie_ x=1"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "download"),
        ("con\u202egpj.exe", "con_gpj.exe"),
        ("Übung 1 – 実験.ipynb", "Übung 1 – 実験.ipynb"),
        ("\udcff.bin", "?.bin".replace("?", "_")),
    ],
)
def test_hostile_names_are_harmless_in_a_header(name: str, wanted: str) -> None:
    """No quote, line break or separator gets through; any script does."""
    header = disposition(name)
    ascii_name = header.partition('filename="')[2].partition('"')[0]
    full = unquote(header.partition("filename*=UTF-8''")[2])

    assert header.isascii()
    assert header.isprintable()
    assert full == wanted
    assert set(ascii_name) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._ -"
    )
