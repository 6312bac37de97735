"""A proxy between the program and the sandbox, where requests are watched, broken and died at."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import aiohttp
from aiohttp import web

from bot.adapters.vast.http import no_resend
from tests.e2e.chat import Part

When = Literal["before", "midway", "after"]
How = Literal["kill", "cut", "lost", "twice", "502", "429"]

# Everything that rents, destroys or hands a key over.
MUTATING = {
    "the account's key": ("POST", r"/api/v0/ssh/$"),
    "rent": ("PUT", r"/asks/\d+/"),
    "a machine's key": ("POST", r"/instances/\d+/ssh/"),
    "destroy": ("DELETE", r"/instances/\d+/"),
}


@dataclass(slots=True)
class Trap:
    """What happens to the next request of a kind.

    "kill" calls `spring` before it is passed on (it never is), midway (passed on, and nobody is
    there for the answer) or after its answer; "cut" breaks the connection before it is passed on,
    "lost" after; "twice" passes it on twice and gives the second answer, as proxies do that try
    again by themselves; "502" and "429" are answered instead.
    """

    what: str
    how: How
    when: When = "before"
    spring: Callable[[], None] | None = None
    sprung: bool = False


class Between:
    def __init__(self, target: str) -> None:
        self.url = ""
        self.traps: list[Trap] = []
        self.seen: list[Part] = []  # mutating requests that reached the market
        self._target = target
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._orphans: set[asyncio.Task[object]] = set()

    async def start(self) -> None:
        # As in the program: aiohttp would send a PUT again whose answer was lost, and rent twice.
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=60), middlewares=(no_resend,)
        )
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        trap = self._trap(request)
        if trap is None:
            return await self._forward(request, await request.read())
        trap.sprung = True
        body = await request.read()
        match trap.how:
            case "502":
                return web.Response(status=502, text="<html>Bad Gateway</html>")
            case "429":
                return web.Response(status=429, text="API requests too frequent")
            case "cut":
                return _cut(request)
            case "lost":
                await self._forward(request, body)
                return _cut(request)
            case "twice":
                await self._forward(request, body)
                return await self._forward(request, body)
        assert trap.spring is not None
        if trap.when == "before":
            trap.spring()
            return _cut(request)
        if trap.when == "midway":
            going = asyncio.ensure_future(self._forward(request, body))
            self._orphans.add(going)
            going.add_done_callback(self._orphans.discard)
            trap.spring()
            return await going
        answer = await self._forward(request, body)
        await answer.prepare(request)
        await answer.write_eof()
        await asyncio.sleep(0.01)
        trap.spring()
        return answer

    def _trap(self, request: web.Request) -> Trap | None:
        for trap in self.traps:
            method, path = MUTATING[trap.what]
            if not trap.sprung and request.method == method and re.search(path, request.path):
                return trap
        return None

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        assert self._session is not None
        if request.method != "GET" and not request.path.startswith("/api/v0/bundles"):
            self.seen.append({"method": request.method, "path": request.path})
        kept = {"Authorization", "Content-Type"}
        try:
            async with self._session.request(
                request.method,
                self._target + request.path_qs,
                data=body,
                headers={key: value for key, value in request.headers.items() if key in kept},
            ) as answer:
                return web.Response(
                    status=answer.status,
                    body=await answer.read(),
                    headers={"Content-Type": answer.headers.get("Content-Type", "text/plain")},
                )
        except aiohttp.ClientConnectionError:
            return _cut(request)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
