"""The whole program's health: ready, not ready and why, ready again; and its metrics."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.programs import control, sandbox
from tests.e2e.scene import Scene, scene
from tests.verbs.test_check import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


async def ask(port: int, path: str) -> tuple[int, bytes]:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(f"http://127.0.0.1:{port}{path}") as answer,
        ):
            return answer.status, await answer.read()
    except aiohttp.ClientError:
        return 0, b"{}"


async def ready(port: int, *, status: int, within_s: float = 60) -> dict[str, str]:
    """What readiness says once it answers with that status."""
    async with asyncio.timeout(within_s):
        while True:
            got, body = await ask(port, "/-/readyz")
            if got == status:
                checks: dict[str, str] = json.loads(body)["checks"]
                return checks
            await asyncio.sleep(0.2)


async def test_a_program_says_when_it_is_ready_and_why_not(tmp_path: Path) -> None:
    """Alive all the while; ready once Discord is connected; not while the key is refused."""
    port = free_port()
    async with (
        sandbox(tmp_path / "town", "--no-machines") as market,
        scene(
            "health",
            tmp_path / "home",
            market,
            BELLHOP_RELAY_LISTEN=f"127.0.0.1:{port}",
            BELLHOP_LOG="json",
        ) as set_up,
    ):
        await set_up.run()
        well = await ready(port, status=200)
        assert set(well) == {"database", "vast", "discord", "archives", "disk"}
        assert set(well.values()) == {"ok"}

        await control(market, "/sandbox/faults", {"fault": "bad_key", "times": None})
        why = await ready(port, status=503)
        assert why["vast"] == "Vast.ai refuses our key."
        assert {name for name, said in why.items() if said == "ok"} == set(well) - {"vast"}
        assert (await ask(port, "/-/healthz"))[0] == 200

        await metrics(set_up, port)
        assert await set_up.stop() == 0
        for line in set_up.log().splitlines():
            assert {"at", "level", "logger", "event"} <= set(json.loads(line))


async def metrics(set_up: Scene, port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            status, page = await ask(port, "/-/metrics")
            assert status == 200
            found: dict[tuple[str, ...], Any] = {
                (one.name, *one.labels.values()): one.value
                for family in text_string_to_metric_families(page.decode())
                for one in family.samples
            }
            if found.get(("bellhop_ready", "vast")) == 0:
                break
            await asyncio.sleep(0.5)
    assert found["bellhop_rentals", "ready"] == 0
    assert found["bellhop_passes_total", "reconciler"] > 0
    assert found["bellhop_pass_age_seconds", "notices"] < 60
    assert found["bellhop_ready", "discord"] == 1
    assert found["bellhop_relay_requests_total", "request", "2xx"] > 0
    assert found["bellhop_outbox_messages", "card"] == 0
    assert found["bellhop_lease_age_seconds",] > 0
