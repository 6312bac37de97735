"""The sandbox's own books and levers, for the tour: what knows nothing of Bellhop."""

from __future__ import annotations

from typing import Any

import aiohttp

from bot.demo.checks import check
from bot.demo.stage import Stage

_DEADLINE_S = 10


async def control(stage: Stage, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request to the sandbox's control API (`/sandbox/<path>`) and its answer."""
    url = f"{stage.sandbox.url}/sandbox/{path}"
    deadline = aiohttp.ClientTimeout(total=_DEADLINE_S)
    async with (
        aiohttp.ClientSession(timeout=deadline) as session,
        session.request(method, url, json=body) as answer,
    ):
        check(answer.status == 200, "200", str(answer.status))
        return await answer.json()
