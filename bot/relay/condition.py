"""How the house does, on the relay's bare address: alive, ready, and in figures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

from bot.relay import headers

Health = Callable[[], Awaitable[Mapping[str, str]]]
"""What each thing we depend on says, by its name: an empty string is well, else what is wrong.

It is shown to whoever asks, so it names no address and no secret.
"""

Notes = Callable[[], Mapping[str, str]]
"""What works in part, in the same way; it does not make us less ready."""

Metrics = Callable[[], Awaitable[bytes]]
"""The page of metrics, in the text that Prometheus reads."""

INSIDE = frozenset({"/-/readyz", "/-/metrics"})
"""What is nobody's affair outside: what the team spends, and what does not work."""

HEALTH_S = 5
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Condition:
    """The three paths that say how the house does."""

    def __init__(
        self, *, health: Health, metrics: Metrics | None, notes: Notes | None = None
    ) -> None:
        self._health = health
        self._notes = notes or dict
        self._metrics = metrics

    async def answer(self, path: str, *, leaving: bool = False) -> web.Response | None:
        """None for a path that is not one of them. Who is leaving is alive, and not ready."""
        match path:
            case "/-/healthz":
                return _plain({"ok": True})
            case "/-/readyz" if leaving:
                return _plain({"ok": False, "checks": {"relay": "It is being stopped."}})
            case "/-/readyz":
                return await self._ready()
            case "/-/metrics" if self._metrics is not None:
                return web.Response(
                    body=await self._metrics(), headers={**_headers(), "Content-Type": _TEXT}
                )
            case _:
                return None

    async def _ready(self) -> web.Response:
        try:
            async with asyncio.timeout(HEALTH_S):
                checks = await self._health()
        except TimeoutError:
            checks = {"health": f"no answer within {HEALTH_S} s"}
        ok = not any(checks.values())
        told: dict[str, object] = {name: said or "ok" for name, said in checks.items()}
        notes = self._notes()
        return _plain({"ok": ok, "checks": told} | ({"notes": notes} if notes else {}))


def _plain(body: dict[str, object]) -> web.Response:
    return web.json_response(
        body,
        status=HTTPStatus.OK if body["ok"] else HTTPStatus.SERVICE_UNAVAILABLE,
        headers=_headers(),
    )


def _headers() -> dict[str, str]:
    return {"Cache-Control": "no-store", "Server": headers.SERVER}
