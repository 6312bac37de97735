"""A real HTTP server on loopback that answers by script as Vast does, and notes each request."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = "k3y-of-the-team-0123456789abcdef"


class StillClock:
    def now(self) -> datetime:
        return NOW


class VirtualTimer:
    """A monotonic clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Reply:
    """One scripted answer; `cut` drops the connection instead, `stall` never answers."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    stall: bool = False
    half: bool = False  # cut in the middle of the body


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


class Town:
    """The server. The last reply of a script repeats; an unscripted path is a 404 page."""

    def __init__(self, timer: VirtualTimer) -> None:
        self.seen: list[Seen] = []
        self.url = ""
        self._timer = timer
        self._scripts: defaultdict[str, list[Reply]] = defaultdict(list)
        self.stalling = asyncio.Event()
        self._open = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def script(self, errand: str, *replies: Reply | object) -> None:
        """Answers to "METHOD /path", in order; anything but a Reply is the body of a 200."""
        self._scripts[errand] = [
            reply if isinstance(reply, Reply) else Reply(body=reply) for reply in replies
        ]

    def count(self, errand: str) -> int:
        return sum(f"{seen.method} {seen.path}" == errand for seen in self.seen)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        self._open.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(
            Seen(
                request.method,
                request.path,
                dict(request.query),
                dict(request.headers),
                body,
                self._timer.monotonic(),
            )
        )
        replies = self._scripts[f"{request.method} {request.path}"]
        if not replies:
            return web.Response(status=404, text="<h1>404</h1>", content_type="text/html")
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if reply.stall:
            self.stalling.set()
            await self._open.wait()
        if reply.cut and request.transport is not None:
            request.transport.close()
        if reply.half:
            return await _half(request)
        raw = reply.body
        if not isinstance(raw, str | bytes):
            raw = json.dumps(raw)
        headers = {"Content-Type": "application/json", **reply.headers}
        return web.Response(
            status=reply.status,
            body=raw.encode() if isinstance(raw, str) else raw,
            headers=headers,
        )


async def _half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = 100
    await response.prepare(request)
    await response.write(b'{"success": true')
    if request.transport is not None:
        request.transport.close()
    return response
