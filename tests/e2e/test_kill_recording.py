"""SIGKILL of a real Bellhop while it records a cell whose tab is closed: its output comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.adapters.sealing.texts import TextSeal
from bot.adapters.storage.store import open_store
from bot.app.parts import SystemClock
from bot.domain.access import Actor
from bot.domain.rentals import Rental
from bot.ports.books import Store
from bot.services.links import Links
from tests.e2e.programs import program, sandbox
from tests.relay.conftest import free_port
from tests.relay.talking import NAME, call, go, in_file, lines, opened, steps, tab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SECRET = "the secret of this installation"
SERVICE = ("-m", "tests.e2e.service")
Books = Callable[[], AbstractAsyncContextManager[Store]]

QUICK = ("--load-s", "0.5", "--ssh-s", "0.2", "--list-lag-s", "0.3")


class Visitor:
    """The owner of the machine, at the relay of a Bellhop that runs elsewhere."""

    def __init__(
        self, *, port: int, rental: Rental, links: Links, browser: aiohttp.ClientSession
    ) -> None:
        self._port = port
        self._rental = rental
        self._links = links
        self._browser = browser

    def origin(self) -> str:
        return f"http://{self._rental.host_name}.localhost:{self._port}"

    async def cookie(self) -> dict[str, str]:
        actor = Actor(id=self._rental.owner_id, guild_id=self._rental.guild_id, name="Ada")
        ticket = await self._links.issue(actor, self._rental.id)
        session = await self._links.spend(self._rental.id, ticket.rpartition("/")[2])
        assert session is not None
        return {"Cookie": f"bellhop={session.value}"}

    def ask(self, path: str, headers: dict[str, str], **options: Any) -> Any:
        return self._browser.request(
            options.pop("method", "GET"),
            f"http://127.0.0.1:{self._port}{path}",
            headers={"Host": self.origin().removeprefix("http://"), **headers},
            **options,
        )

    def connect(self, path: str, headers: dict[str, str]) -> Any:
        origin = self.origin()
        return self._browser.ws_connect(
            f"http://127.0.0.1:{self._port}{path}",
            headers={"Host": origin.removeprefix("http://"), "Origin": origin, **headers},
        )


@pytest.mark.parametrize("written", [True, False], ids=["it was written down", "at once"])
async def test_killed_while_it_records_the_rest_comes_back(tmp_path: Path, written: bool) -> None:
    """What was written down and what Jupyter held while we were dead is in the notebook, once.

    Killed at once, what was heard in the last two seconds may be missing, and nothing else.
    """
    port = free_port()
    books = _books(tmp_path)
    async with sandbox(tmp_path / "machines", *QUICK) as url:
        env = _env(url, tmp_path, port)
        async with program(*SERVICE, "rent", env=env) as first:
            await first.line(lambda line: line.startswith("ready"))
            async with _visitor(books, port) as visitor:
                (work,) = (tmp_path / "machines").glob("*/workspace")
                kernel = await opened(visitor, work, {"one": steps(6)})
                async with tab(visitor, kernel, "s1") as page:
                    await page.run(steps(6), cell="one")
                    go(work, 0, 1)
                    await page.hears("line 1\n")
            go(work, 2)
            await _until(_is_there(work / "done2"))
            if written:
                await _until(lambda: _recorded(books, "line 2"))
            await first.kill()
        go(work, 3)
        await _until(_is_there(work / "done3"))
        assert in_file(work, "one") == ""

        async with program(*SERVICE, env=env) as second:
            await second.line(lambda line: line.startswith("ready"))
            async with _visitor(books, port) as visitor:
                go(work, 4, 5)
                await _until(_is_there(work / "done5"))
                await _until(lambda: _read(visitor, work, "line 5"))

    printed = in_file(work, "one")
    assert printed.endswith(lines(3, 4, 5))
    if written:
        assert printed == lines(0, 1, 2, 3, 4, 5)
    else:
        assert _in_order(printed.splitlines(), lines(0, 1, 2, 3, 4, 5).splitlines())


def _in_order(some: list[str], every: list[str]) -> bool:
    """Whether each of some is among all, once and in their order."""
    left = iter(every)
    return all(one in left for one in some)


def _books(folder: Path) -> Books:
    """The books of the running Bellhop, opened from outside."""
    address = f"sqlite+aiosqlite:///{folder / 'bellhop' / 'bellhop.db'}"
    return lambda: open_store(address, clock=SystemClock())


@asynccontextmanager
async def _visitor(books: Books, port: int) -> AsyncIterator[Visitor]:
    async with books() as store, aiohttp.ClientSession() as browser:
        (rental,) = await store.open_rentals()
        address = f"http://{{rental}}.localhost:{port}"
        links = Links(store=store, clock=SystemClock(), relay_url=address)
        yield Visitor(port=port, rental=rental, links=links, browser=browser)


async def _recorded(books: Books, text: str) -> bool:
    """Whether the database has it, as this installation alone can read it."""
    seal = TextSeal(SECRET, "recordings")
    async with books() as store:
        rows = await store.recordings()
    return any(text in seal.open(row.state, about=row.key) for row in rows)


async def _read(visitor: Visitor, work: Path, text: str) -> bool:
    """Come back: read the notebook through the relay, and look whether it has that text."""
    await call(visitor, "GET", f"/api/contents/{NAME}")
    return text in in_file(work, "one")


def _is_there(path: Path) -> Callable[[], Awaitable[bool]]:
    return lambda: asyncio.to_thread(path.exists)


async def _until(true: Callable[[], Awaitable[bool]], within_s: float = 120) -> None:
    """Look until it is so."""
    for _ in range(int(within_s / 0.1)):
        if await true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never came to that")


def _env(url: str, folder: Path, port: int) -> dict[str, str]:
    return {
        "VAST_URL": url,
        "VAST_API_KEY": "sandbox",
        "BELLHOP_DATA": str(folder / "bellhop"),
        "BELLHOP_SECRET": SECRET,
        "BELLHOP_RELAY_LISTEN": f"127.0.0.1:{port}",
        "BELLHOP_RELAY_URL": f"http://{{rental}}.localhost:{port}",
        "BELLHOP_POLL_S": "1",
    }
