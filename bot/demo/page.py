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
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from aiohttp import web
from simcord import ChannelHandle, MemberActor, UserHandle
from simcord.preview._server import PreviewServer

from bot.demo.live import LiveEnv
from bot.demo.patches import Frame, Link, StaticFile, page_files
from bot.demo.views import View
from bot.demo.world import BOT_NAME, Person, World
from bot.errors import Config, system_reason

log = logging.getLogger(__name__)

INBOX = "dm"
TICK_S = 0.15  # how soon a change is published; browsers ask every 0.5 s
AGAIN_S = 20.0  # how often all is published anyway, for "5 minutes ago"

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
        self._views: dict[str, View] = {}  # by capability
        self._seen: dict[str, int] = {}  # the newest message somebody looked at, likewise
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
        for view in self._views.values():
            await view.close()
        self._views.clear()

    def _capability(self, place: str, person: str) -> str:
        return f"{self._key}.{place}.{person}"

    # --- Serving ------------------------------------------------------------------------------

    async def _listen(self, port: int) -> None:
        app = web.Application(
            middlewares=[self._guard],
            client_max_size=32 * 1024**2,
            handler_args={"handler_cancellation": False},
        )
        app.add_routes(
            [
                web.get("/favicon.ico", self._no_icon),
                web.get("/news", self._news),
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
            raise Config(
                "--port",
                f"port {port} cannot be used ({system_reason(error)}). Choose another one.",
            ) from error
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
        """Hand a request to the view that its capability names."""

        async def handle(request: web.Request) -> web.StreamResponse:
            view = self._views.get(request.headers.get("X-Simcord-Capability", ""))
            if view is None:
                raise web.HTTPUnauthorized
            answer: web.StreamResponse = await getattr(view._server, name)(request)
            return answer

        return handle

    # --- Views --------------------------------------------------------------------------------

    async def _open_view(
        self, place: str, person: Person, channel: ChannelHandle, viewer: MemberActor | UserHandle
    ) -> None:
        view = View(self._env, channel, viewer, self.port, self._world.pictures)
        view.capability = self._capability(place, person.key)
        self._env._preview = None  # SimCord wants one at a time; ours take turns under the lock
        await view.__aenter__()
        view.open_at_newest()
        self._views[view.capability] = view
        self._seen[view.capability] = view.newest

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
                behind = any([view.follow() for view in self._views.values()])
                self._note_seen()
            except Exception:
                log.exception("the demo's page could not be brought up to date")

    # --- What is new --------------------------------------------------------------------------

    def _note_seen(self) -> None:
        for capability, view in self._views.items():
            if view.looked_at:
                self._seen[capability] = view.newest

    async def _news(self, request: web.Request) -> web.StreamResponse:
        """The places with something new for the person who asks, and who else has got mail."""
        key, _, mine = request.headers.get("X-Simcord-Capability", "").rpartition(".")
        if not secrets.compare_digest(key.partition(".")[0].encode(), self._key.encode()):
            raise web.HTTPUnauthorized
        self._note_seen()
        fresh = [
            capability.split(".")[1:]
            for capability, view in self._views.items()
            if view.newest > self._seen[capability]
        ]
        return web.json_response(
            {
                "places": [place for place, person in fresh if person == mine],
                "people": [who for place, who in fresh if place == INBOX and who != mine],
            },
            headers=PreviewServer._SECURITY_HEADERS,
        )


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
