"""A relay on loopback, a notebook behind it, and a browser in front."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import uvloop

from bot.adapters.jupyter.documents import JupyterDocuments
from bot.domain.access import Actor
from bot.domain.rentals import RentalId
from bot.domain.shortages import Kind
from bot.errors import Unreachable
from bot.relay.app import Relay
from bot.relay.server import Server
from bot.services.links import Links
from bot.services.outputs import Outputs
from bot.services.ports import Ports
from bot.services.routes import Route, Routes, Traffic
from tests.relay.books import OWNER, RENTAL, SIBLING, Books, Hands, rental
from tests.relay.notebook import TOKEN, Notebook

PAGE = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


@dataclass
class Ways:
    """The machine's ports: local sockets by number. `down`: there is no connection to it."""

    sockets: dict[int, str]
    down: bool = False

    async def forward_port(self, rental_id: RentalId, port: int) -> str:
        if self.down:
            raise Unreachable("no connection")
        return self.sockets.get(port, f"/nowhere/{port}.sock")


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
    outputs: Outputs
    checks: dict[str, str] = field(default_factory=dict)
    ways: Ways = field(default_factory=lambda: Ways({}))
    short: list[Kind] = field(default_factory=list)

    @property
    def server(self) -> Server:
        """The web server that listens."""
        runner = self.relay._runner
        assert runner is not None
        assert isinstance(runner.server, Server)
        return runner.server

    def origin(self, rental_id: RentalId = RENTAL) -> str:
        return self.links.address(rental_id)

    def host(self, rental_id: RentalId = RENTAL) -> str:
        return self.origin(rental_id).partition("://")[2]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def ticket(self, rental_id: RentalId = RENTAL) -> str:
        """The path of a fresh ticket."""
        return (await self.links.issue(OWNER, rental_id)).removeprefix(self.origin(rental_id))

    async def cookie(
        self, rental_id: RentalId = RENTAL, *, by: Actor = OWNER, port: int | None = None
    ) -> dict[str, str]:
        """The header of somebody who is in."""
        url = await self.links.issue(by, rental_id, port=port)
        session = await self.links.spend(rental_id, url.rpartition("/")[2], port=port)
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
async def house(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A parameter, where a test gives one, is the relay's public address."""
    clock, routes, traffic = Hands(), Routes(), Traffic()
    ways = Ways({})
    short: list[Kind] = []
    outputs = Outputs(
        documents=JupyterDocuments(),
        routes=routes,
        short=lambda rental_id, kernel_id, kind: short.append(kind),
    )
    books = Books(rental(), rental(SIBLING))
    port = free_port()
    relay_url = getattr(request, "param", "http://{rental}.localhost:{port}")
    relay_url = relay_url.replace("{port}", str(port))
    links = Links(store=books, clock=clock, relay_url=relay_url)
    checks: dict[str, str] = {"database": ""}

    async def health() -> Mapping[str, str]:
        return checks

    async def metrics() -> bytes:
        return b"bellhop_example 1\n"

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
        outputs=outputs,
        metrics=metrics,
        secret="the installation's",
        ports=Ports(tunnels=ways, traffic=traffic),
    )
    notebook = Notebook(tmp_path)
    await notebook.start()
    routes.set(RENTAL, Route(notebook.path, TOKEN))
    await relay.start()
    async with aiohttp.ClientSession(
        auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as browser:
        yield House(
            relay,
            books,
            links,
            routes,
            traffic,
            clock,
            notebook,
            port,
            browser,
            outputs,
            checks,
            ways,
            short,
        )
    await relay.close()
    await notebook.stop()


@pytest.fixture
def lab_folder(tmp_path: Path) -> Path:
    """Where the notebooks are."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
async def lab(house: House, tmp_path: Path, lab_folder: Path) -> AsyncIterator[House]:
    """The house with JupyterLab behind it, on a Unix socket."""
    path = str(tmp_path / "jupyter.sock")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "jupyterlab", f"--ServerApp.sock={path}", f"--ServerApp.root_dir={lab_folder}"),
        *("--no-browser", "--allow-root", "--ServerApp.allow_remote_access=True"),
        *(
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ),
        env={**os.environ, "JUPYTER_TOKEN": TOKEN, "HOME": str(tmp_path), "SHELL": "/bin/sh"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        house.routes.set(RENTAL, Route(path, TOKEN))
        await _answers(house)
        yield house
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(true: Callable[[], bool], *, within_s: float = 30) -> None:
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


async def _answers(house: House) -> None:
    """Wait until Jupyter listens."""
    cookie = await house.cookie()
    async with asyncio.timeout(60):
        while True:
            async with house.ask("/api/status", cookie) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The program's own loop, whose connections keep another order than asyncio's.

    Where machines of the sandbox live in the same loop it is asyncio's: theirs is never another.
    """
    if item.get_closest_marker("e2e") is not None:
        return {"asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}
