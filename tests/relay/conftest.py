"""A relay on loopback, a notebook behind it, and a browser in front."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from bot.domain.rentals import RentalId
from bot.relay.app import Relay
from bot.services.links import Links
from bot.services.routes import Route, Routes, Traffic
from tests.relay.books import OWNER, RENTAL, SIBLING, Books, Hands, rental
from tests.relay.notebook import TOKEN, Notebook

PAGE = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


@dataclass
class House:
    """Everything a test turns. `ask` is a browser's request to a rental's origin."""

    relay: Relay
    books: Books
    links: Links
    routes: Routes
    traffic: Traffic
    clock: Hands
    notebook: Notebook
    port: int
    browser: aiohttp.ClientSession
    checks: dict[str, str] = field(default_factory=dict)

    def origin(self, rental_id: RentalId = RENTAL) -> str:
        return f"http://{rental_id}.localhost:{self.port}"

    def host(self, rental_id: RentalId = RENTAL) -> str:
        return f"{rental_id}.localhost:{self.port}"

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def ticket(self, rental_id: RentalId = RENTAL) -> str:
        """The path of a fresh ticket."""
        return (await self.links.issue(OWNER, rental_id)).removeprefix(self.origin(rental_id))

    async def cookie(self, rental_id: RentalId = RENTAL) -> dict[str, str]:
        """The header of somebody who is in."""
        secret = (await self.ticket(rental_id)).rpartition("/")[2]
        session = await self.links.spend(rental_id, secret)
        assert session is not None
        return {"Cookie": f"bellhop={session.value}"}

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        host: str | None = None,
        data: object = None,
    ):
        return self.browser.request(
            method,
            self.url(path),
            headers={"Host": host or self.host(), **(headers or {})},
            data=data,
            allow_redirects=False,
        )

    def connect(self, path: str, headers: Mapping[str, str] | None = None, **options):
        given = {"Host": self.host(), "Origin": self.origin(), **(headers or {})}
        return self.browser.ws_connect(self.url(path), headers=given, max_msg_size=0, **options)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock, routes, traffic = Hands(), Routes(), Traffic()
    books = Books(rental(), rental(SIBLING))
    port = free_port()
    relay_url = f"http://{{rental}}.localhost:{port}"
    links = Links(store=books, clock=clock, relay_url=relay_url)
    checks: dict[str, str] = {"database": ""}

    async def health() -> Mapping[str, str]:
        return checks

    relay = Relay(
        host="127.0.0.1",
        port=port,
        relay_url=relay_url,
        links=links,
        routes=routes,
        traffic=traffic,
        rentals=books,
        health=health,
        clock=clock,
    )
    notebook = Notebook(tmp_path)
    await notebook.start()
    routes.set(RENTAL, Route(notebook.path, TOKEN))
    await relay.start()
    async with aiohttp.ClientSession(
        auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as browser:
        yield House(relay, books, links, routes, traffic, clock, notebook, port, browser, checks)
    await relay.close()
    await notebook.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(true: Callable[[], bool], *, within_s: float = 5) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - the other side has no event to give us
            await asyncio.sleep(0.005)


async def settled(count: Callable[[], int]) -> int:
    """A count once it has stopped growing: it stood still for 0.3 s."""
    while True:
        before = count()
        await asyncio.sleep(0.3)
        if count() == before:
            return before
