"""Standing by: alive while it waits, at work as soon as it is its turn."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from bot.adapters.storage.lease import hold_lease
from bot.app.role_bot import open_bot
from bot.app.role_worker import open_worker
from bot.config import read
from tests.e2e.test_health import ask
from tests.relay.conftest import free_port


@pytest.mark.parametrize(("opening", "on"), [(open_bot, "chat"), (open_worker, "work")])
async def test_who_stands_by_is_alive(
    opening: type[contextlib.AbstractAsyncContextManager[object]],
    on: str,
    postgres_url: str,
    tmp_path: Path,
) -> None:
    """Else it would be taken for one that hangs, and whatever waits for it would never start."""
    port = free_port()
    settings = read(
        {
            "BELLHOP_DATA": str(tmp_path),
            "BELLHOP_RELAY_LISTEN": f"127.0.0.1:{port}",
            "DATABASE_URL": postgres_url.replace("+asyncpg", ""),
        }
    )

    async def work() -> None:
        async with opening(settings):  # type: ignore[call-arg]
            raise AssertionError("it was not its turn")

    async with hold_lease(postgres_url, on=(on,)):
        standing_by = asyncio.ensure_future(work())
        async with asyncio.timeout(20):
            while (await ask(port, "/-/healthz"))[0] != 200:
                assert not standing_by.done()
                await asyncio.sleep(0.1)
        status, said = await ask(port, "/-/readyz")
        metrics = await ask(port, "/-/metrics")
        standing_by.cancel()
        await asyncio.gather(standing_by, return_exceptions=True)

    assert standing_by.cancelled()
    assert (status, metrics) == (200, (200, b""))
    assert "stands by" in json.loads(said)["notes"]["turn"]
    assert (await ask(port, "/-/healthz"))[0] == 0
