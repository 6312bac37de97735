"""How a process does that lets nobody in: alive, ready, and in figures, and nothing else."""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web

from bot.relay import headers
from bot.relay.condition import Condition, Health, Metrics, Notes
from bot.relay.server import Server

CLOSE_S = 1.0

log = logging.getLogger(__name__)


class Lodge:
    """`start` and `close` once each."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        health: Health,
        metrics: Metrics,
        notes: Notes | None = None,
    ) -> None:
        self._listen = (host, port)
        self._condition = Condition(health=health, metrics=metrics, notes=notes)
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        self._runner = web.ServerRunner(Server(self._answer), shutdown_timeout=CLOSE_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._listen).start()
        log.info("telling how things are on %s:%s", *self._listen)

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        told = await self._condition.answer(request.path)
        if told is not None:
            return told
        return web.Response(status=HTTPStatus.NOT_FOUND, headers={"Server": headers.SERVER})
