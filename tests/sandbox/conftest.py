"""A market whose clock the tests turn, alone and behind its HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from bot.sandbox.catalog import draw_market
from bot.sandbox.contracts import Ask
from bot.sandbox.faults import Faults
from bot.sandbox.life import Timing
from bot.sandbox.serve import Sandbox
from bot.sandbox.world import World
from bot.sandbox.yard import NoMachines

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TUTORIAL = 6_995_713
TIMING = Timing(load_s=36, ssh_s=2, list_lag_s=5, stop_s=1, start_s=2)


class Turned:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def clock() -> Turned:
    return Turned()


@pytest.fixture
def make_world(clock: Turned) -> Callable[..., World]:
    def make(credit: int = 100_000_000, timing: Timing = TIMING) -> World:
        faults = Faults()
        world = World(
            now=clock,
            offers=draw_market(1, clock()),
            timing=timing,
            faults=faults,
            credit=credit,
        )
        return world

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


def ask(offer_id: int = TUTORIAL, **fields: Any) -> Ask:
    return Ask(**{"offer_id": offer_id, "image": "pytorch:1", "disk_gb": 10.0, **fields})


class Vast:
    """A plain client: the status and the JSON of an answer, with the good key unless told."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = "sandbox",
        **query: str,
    ) -> tuple[int, Any]:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        async with self.session.request(
            method, self.url + path, json=body, headers=headers, params=query
        ) as got:
            return got.status, await got.json()

    async def rent(self, offer_id: int = TUTORIAL, **fields: object) -> int:
        body = {"image": "pytorch:1", "disk": 10, **fields}
        status, told = await self("PUT", f"/api/v0/asks/{offer_id}/", body)
        assert status == 200, told
        return int(told["new_contract"])

    async def one(self, contract: int) -> dict[str, Any]:
        _, told = await self("GET", f"/api/v0/instances/{contract}/")
        return dict(told["instances"])


@pytest.fixture
async def sandbox(clock: Turned) -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(yard=NoMachines(), timing=TIMING, now=clock)
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest.fixture
async def vast(sandbox: Sandbox) -> AsyncIterator[Vast]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Vast(session, sandbox.url)
