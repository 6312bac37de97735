"""How a process does that has no relay: told to who asks, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from bot.relay.lodge import Lodge
from tests.relay.conftest import free_port


async def test_a_process_without_a_relay_says_how_it_does() -> None:
    """Alive, ready or not and why, in figures; by whatever name it is asked."""
    checks = {"database": ""}

    async def health() -> Mapping[str, str]:
        return checks

    async def metrics() -> bytes:
        return b"bellhop_example 1\n"

    port = free_port()
    lodge = Lodge(host="127.0.0.1", port=port, health=health, metrics=metrics)
    await lodge.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

            async def ask(path: str) -> tuple[int, str]:
                async with session.get(path, headers={"Host": "worker:8642"}) as answer:
                    assert answer.headers["Server"] == "bellhop"
                    return answer.status, await answer.text()

            assert (await ask("/-/healthz"))[0] == 200
            assert (await ask("/-/readyz"))[0] == 200
            assert await ask("/-/metrics") == (200, "bellhop_example 1\n")
            assert (await ask("/lab"))[0] == 404
            checks["database"] = "Away."
            assert (await ask("/-/readyz"))[0] == 503
    finally:
        await lodge.close()
