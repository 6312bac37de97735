"""A server on a Unix socket that stands for Jupyter where the real one could not be made to do it.

It tells what reached it, sends and takes big bodies, breaks off, and echoes WebSockets.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import WSMsgType, web

TOKEN = "the-notebooks-own-token"
PIECE = b"0123456789abcdef" * 4096  # 64 KiB
SUBPROTOCOL = "v1.kernel.websocket.jupyter.org"


class Notebook:
    """Serve at `path`; `seen` holds the requests as they arrived, `carried` counts body bytes."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "n.sock")
        self._file = folder / "file.bin"
        self._file.write_bytes(PIECE)
        self.seen: list[web.BaseRequest] = []
        self.carried = 0
        self.dead: set[str] = set()  # kernels that are no more
        self.deaf = False  # no kernel can be connected to now
        self.sockets: list[web.WebSocketResponse] = []
        self.gone = asyncio.Event()  # a streaming answer or a socket noticed that nobody listens
        self.go_on = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=1024, middlewares=[self._note])
        app.router.add_get("/file", self._send_file)
        app.router.add_get("/down/{mb}", self._down)
        app.router.add_route("*", "/up", self._up)
        app.router.add_get("/events", self._events)
        app.router.add_get("/broken", self._broken)
        app.router.add_get("/nothing", self._nothing)
        app.router.add_get("/empty", self._empty)
        app.router.add_get("/cookies", self._cookies)
        app.router.add_get("/lab", self._lab)
        app.router.add_route("*", "/hang-up", self._hang_up)
        app.router.add_get("/", self._root)
        app.router.add_get("/refused/channels", self._refused)
        app.router.add_get("/sw.js", self._worker)
        for path in ("/ws", "/api/kernels/{id}/channels", "/terminals/websocket/{id}"):
            app.router.add_get(path, self._socket)
        app.router.add_get("/deaf", self._deaf)
        app.router.add_get("/fickle", self._fickle)
        app.router.add_route("*", "/{any:.*}", self._say)
        self._runner = web.AppRunner(
            app,
            handler_cancellation=True,
            shutdown_timeout=0.2,
            auto_decompress=False,
            max_field_size=64 * 1024,  # as Tornado
        )
        await self._runner.setup()
        await web.UnixSite(self._runner, self.path).start()

    async def stop(self) -> None:
        if self._runner is not None:
            self.go_on.set()
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _note(self, request, handler):
        self.seen.append(request)
        if request.headers.getall("Authorization", []) != [f"token {TOKEN}"]:
            return web.Response(status=403, text="who are you")
        return await handler(request)

    async def _send_file(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(self._file)

    async def _say(self, request: web.Request) -> web.Response:
        return web.json_response({"path": request.raw_path, "method": request.method})

    async def _root(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/lab?", "Server": "Tornado"})

    async def _lab(self, request: web.Request) -> web.StreamResponse:
        """A page with the token in it, cut where it hurts most."""
        response = web.StreamResponse(headers={"Content-Type": "text/html; charset=utf-8"})
        page = f'<html>{{"token": "{TOKEN}"}} {TOKEN[:5]} </html>'.encode()
        if request.method == "HEAD":
            return response
        await response.prepare(request)
        cut = page.index(TOKEN.encode()) + 7
        for piece in (page[:cut], page[cut:]):
            await response.write(piece)
            await asyncio.sleep(0.02)  # so that the pieces arrive apart
        return response

    async def _nothing(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _empty(self, request: web.Request) -> web.Response:
        return web.Response(text="")

    async def _cookies(self, request: web.Request) -> web.Response:
        response = web.Response()
        for cookie in ("bellhop=forged", "__Host-bellhop=forged; Secure; Path=/", "ok=1"):
            response.headers.add("Set-Cookie", cookie)
        return response

    async def _down(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.query.get("sized"):
            response.content_length = int(request.match_info["mb"]) * 1024 * 1024
        await response.prepare(request)
        for _ in range(int(request.match_info["mb"]) * 16):
            await response.write(PIECE)
            self.carried += len(PIECE)
        return response

    async def _up(self, request: web.Request) -> web.Response:
        if request.query.get("wait"):
            await self.go_on.wait()
        async for piece in request.content.iter_any():
            self.carried += len(piece)
        return web.json_response({"size": self.carried})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await response.write(b"data: one\n\n")
            await self.go_on.wait()
            await response.write(b"data: two\n\n")
        except asyncio.CancelledError:
            self.gone.set()
            raise
        return response

    async def _broken(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.query.get("sized"):
            response.content_length = 1000
        await response.prepare(request)
        await response.write(b"half of it")
        await asyncio.sleep(0.02)
        request.transport.abort()
        return response

    async def _hang_up(self, request: web.Request) -> web.Response:
        request.transport.abort()
        return web.Response()

    async def _worker(self, request: web.Request) -> web.Response:
        return web.Response(text="// a service worker", content_type="text/javascript")

    async def _refused(self, request: web.Request) -> web.Response:
        return web.json_response({"message": "no such kernel"}, status=404)

    async def tell(self, message: bytes) -> None:
        """Say something to whoever connected last."""
        await self.sockets[-1].send_bytes(message)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if request.match_info.get("id") in self.dead:
            return web.json_response({"message": "no such kernel"}, status=404)
        if self.deaf:
            return web.json_response({"message": "later"}, status=503)
        socket = web.WebSocketResponse(protocols=[SUBPROTOCOL], max_msg_size=0, compress=True)
        await socket.prepare(request)
        self.sockets.append(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and message.data.startswith("close "):
                    await socket.close(code=int(message.data[6:]), message=b"as asked")
                elif message.type is WSMsgType.TEXT:
                    await socket.send_str(message.data)
                elif message.type is WSMsgType.BINARY:
                    await socket.send_bytes(message.data)
        finally:
            self.gone.set()
        return socket

    async def _fickle(self, request: web.Request) -> web.WebSocketResponse:
        """Accept, and hang up in the same breath."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport is not None
        request.transport.close()
        return socket

    async def _deaf(self, request: web.Request) -> web.WebSocketResponse:
        """Send for ever, or read nothing, until told."""
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        if request.query.get("send"):
            while self.carried < 64 * 1024 * 1024:
                await socket.send_bytes(PIECE)
                self.carried += len(PIECE)
        await self.go_on.wait()
        async for message in socket:
            self.carried += len(message.data)
        return socket
