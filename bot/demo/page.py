"""The demo's page: every channel and inbox, seen by every person, behind one port of loopback.

SimCord shows one channel to some viewers on a port of its own. Here there is one preview for each
person in each place, all behind one server: the capability that SimCord's page sends with each
request, KEY.PLACE.PERSON, is also what picks the preview. So each view has an address of its own,
two windows are two people, and the key, made anew for each run, is what lets a browser in at all.

What the bot does by itself is shown as it happens: whenever the pretend Discord recorded something,
all open pages are published anew. A page whose person is acting follows when that is over.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from simcord import ChannelHandle, MemberActor, UserHandle
from simcord.preview import Preview, _server
from simcord.preview._pages import _Page
from simcord.preview._server import PreviewServer

from bot.demo.live import LiveEnv
from bot.demo.patches import Frame, Link, StaticFile, page_files
from bot.demo.world import BOT_NAME, Person, World
from bot.errors import Config

log = logging.getLogger(__name__)

INBOX = "dm"
TICK_S = 0.15  # how soon a change is published; browsers ask every 0.5 s
AGAIN_S = 20.0  # how often all is published anyway, for "5 minutes ago"
LEASE_S = 12 * 3600.0  # how long a page may stay open without a sign of life
PAGES = 64  # browsers' pages for each view

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def open_pages(env: LiveEnv, world: World, port: int = 0, *, key: str | None = None) -> Pages:
    """Serve the page on a loopback port (0 picks one); `env` must be started.

    `key` opens it; a random one by default. Raises Config when the port is taken.
    """
    pages = Pages(env, world, key or secrets.token_urlsafe(18))
    try:
        await pages.open(port)
    except BaseException:
        await pages.close()
        raise
    return pages


class Pages:
    """All views of the pretend Discord, live until closed."""

    def __init__(self, env: LiveEnv, world: World, key: str) -> None:
        if "." in key:
            raise ValueError("a key has no dots")
        self._env = env
        self._world = world
        self._key = key
        self._previews: dict[str, Preview] = {}  # by capability
        self._files: Mapping[str, StaticFile] = {}
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None
        self.port = 0

    def address(self, place: str = "gpu", person: str = "ada") -> str:
        """The address of a place (a channel's name, or `dm`) as a person sees it. A secret."""
        return f"http://127.0.0.1:{self.port}/#{self._capability(place, person)}"

    async def open(self, port: int) -> None:
        self._files = await asyncio.to_thread(page_files, _frame(self._world))
        await self._listen(port)
        for person in self._world.people.values():
            for name, channel in self._world.channels.items():
                await self._open_view(name, person, channel, person.member)
            await self._open_view(INBOX, person, person.inbox, person.user)
        self._pump = asyncio.create_task(self._publish_changes(), name="demo page")

    async def close(self) -> None:
        """Stop serving; safe to repeat."""
        if self._pump is not None:
            self._pump.cancel()
            with suppress(asyncio.CancelledError):
                await self._pump
            self._pump = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for preview in self._previews.values():
            await preview.close()
        self._previews.clear()

    def _capability(self, place: str, person: str) -> str:
        return f"{self._key}.{place}.{person}"

    # --- Serving ------------------------------------------------------------------------------

    async def _listen(self, port: int) -> None:
        _server.web = web  # type: ignore[attr-defined]  # its handlers expect what its start() does
        app = web.Application(
            middlewares=[self._guard],
            client_max_size=32 * 1024**2,
            handler_args={"handler_cancellation": False},
        )
        app.add_routes(
            [
                web.get("/favicon.ico", self._no_icon),
                *(web.get(route, self._static) for route in self._files),
                web.post("/api/pages", self._to("_pages")),
                web.delete("/api/pages/{context_id}", self._to("_delete_page")),
                web.get("/api/state", self._to("_state")),
                web.get("/api/commands", self._to("_commands")),
                web.get("/api/action-result", self._to("_action_result")),
                web.post("/api/action", self._to("_action")),
                web.get("/api/assets/{asset_id}", self._to("_asset")),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", port).start()
        except OSError as error:
            raise Config("--port", f"port {port} cannot be used: {error.strerror}") from error
        self.port = int(self._runner.addresses[0][1])

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer requests made to this address only: a name that was rebound to it is refused."""
        if request.headers.get("Host") not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            raise web.HTTPForbidden
        return await handler(request)

    async def _no_icon(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        file = self._files[request.path]
        headers = dict(PreviewServer._SECURITY_HEADERS)
        if file.path is None:
            return web.Response(text=file.text, content_type=file.content_type, headers=headers)
        del headers["Pragma"]
        headers["Cache-Control"] = "public, max-age=604800"
        headers["Content-Type"] = file.content_type
        return web.FileResponse(file.path, headers=headers)

    def _to(self, name: str) -> Handler:
        """Hand a request to the preview that its capability names."""

        async def handle(request: web.Request) -> web.StreamResponse:
            preview = self._previews.get(request.headers.get("X-Simcord-Capability", ""))
            if preview is None:
                raise web.HTTPUnauthorized
            answer: web.StreamResponse = await getattr(preview._server, name)(request)
            return answer

        return handle

    # --- Views --------------------------------------------------------------------------------

    async def _open_view(
        self, place: str, person: Person, channel: ChannelHandle, viewer: MemberActor | UserHandle
    ) -> None:
        view = _View(self._env, channel, viewer, self.port, self._world.pictures)
        view.capability = self._capability(place, person.key)
        self._env._preview = None  # SimCord wants one at a time; ours take turns under the lock
        await view.__aenter__()
        view.open_at_newest()
        self._previews[view.capability] = view

    async def _publish_changes(self) -> None:
        loop = asyncio.get_running_loop()
        backend = self._env.backend
        shown_at = loop.time()
        behind = False
        while True:
            await asyncio.sleep(TICK_S)
            if not (backend.transcript or behind or loop.time() - shown_at > AGAIN_S):
                continue
            backend.transcript.clear()  # they would grow for ever
            backend.http_requests.clear()
            shown_at = loop.time()
            try:
                behind = self._publish()
            except Exception:
                log.exception("the demo's page could not be brought up to date")

    def _publish(self) -> bool:
        """Bring all open pages up to date but one whose person is acting; whether there was one."""
        acting = False
        for preview in self._previews.values():
            for page in list(preview._pages.values()):
                if page is preview._action_page:
                    acting = True
                elif page is not preview._python and page.id in preview._pages:
                    preview._publish(page, reason="refresh")
        return acting


class _View(Preview):
    """One channel as one person sees it, served by `Pages`."""

    _MAX_PAGES = PAGES
    _PAGE_LEASE_SECONDS = LEASE_S

    def __init__(
        self,
        env: LiveEnv,
        channel: ChannelHandle,
        viewer: MemberActor | UserHandle,
        port: int,
        pictures: Mapping[str, bytes],
    ) -> None:
        super().__init__(
            env,
            channel,
            (viewer,),
            layout="channel",
            display="responsive",
            width=960,
            height=720,
            locale="en-US",
            timezone=local_zone(),
            presentation_time=None,
            assets={url: ("face.png", png) for url, png in pictures.items()},
            port=port,
        )
        self._live = env
        self._server = _SharedServer(self, port)

    def open_at_newest(self) -> None:
        """Let pages begin at the newest message and follow it, not at the one seen first."""
        assert self._python is not None
        self._python.target_id = self._python.window_end_id = None

    def _publish(self, page: _Page, *, reason: Any = "action") -> None:
        """Publish as of now, for "5 minutes ago"."""
        self._advance_presentation_time()
        super()._publish(page, reason=reason)

    async def _action(self, context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """Act on what is there now: pages change under people's hands, which is no reason to
        refuse a click on a button that still exists."""
        async with self._live.lock:
            self.env._preview = self
            page = self._pages.get(context_id or "")
            if page is not None and isinstance(body, Mapping) and "published_revision" in body:
                body = {**body, "published_revision": page.revision}
            return await super()._action(context_id, body)


class _SharedServer(PreviewServer):
    """A preview's handlers without a socket of their own."""

    async def start(self) -> None:
        self.port = self._requested_port

    async def close(self) -> None:
        self.port = None


def _frame(world: World) -> Frame:
    return Frame(
        server=world.guild.name,
        channels=tuple(Link(key=name, name=name, mark="#") for name in world.channels),
        inboxes=(Link(key=INBOX, name=BOT_NAME, mark=BOT_NAME[0]),),
        people=tuple(
            Link(key=person.key, name=person.name, mark=person.name[0], detail=person.role)
            for person in world.people.values()
        ),
    )


def local_zone() -> str:
    """This machine's time zone by its name, as far as it says one; else UTC."""
    named = os.environ.get("TZ", "").removeprefix(":")
    target = str(Path("/etc/localtime").resolve())
    for name in (named, target.partition("/zoneinfo/")[2]):
        if name and Path("/usr/share/zoneinfo", name).is_file():
            return name
    return "UTC"
