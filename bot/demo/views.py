"""One channel as one person sees it: SimCord's preview, bent to live beside others.

What a view answers comes from SimCord; it has no socket of its own (page.py serves all views), acts
on what is there now, and stays open for as long as somebody may leave a tab open.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from simcord import ChannelHandle, MemberActor, UserHandle
from simcord.preview import Preview, _server
from simcord.preview._pages import _Page
from simcord.preview._server import PreviewServer

from bot.demo.live import LiveEnv

LEASE_S = 12 * 3600.0  # how long a page may stay open without a sign of life
LOOKING_S = 5.0
PAGES = 64  # browsers' pages for each view

_server.web = web  # type: ignore[attr-defined]  # its handlers expect what its own start() does


class View(Preview):
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

    @property
    def newest(self) -> int:
        """The newest message that this person can see here; 0 where there is none."""
        messages = self.env.backend.messages.get(self.channel.id, {}).values()
        seen = (m.id for m in messages if m.visible_to(self.viewers[0].id))
        return max(seen, default=0)

    @property
    def looked_at(self) -> bool:
        """Whether a browser has it open: those that do ask twice a second."""
        since = time.monotonic() - LOOKING_S
        return any(
            page.last_activity > since for page in self._pages.values() if page is not self._python
        )

    def follow(self) -> bool:
        """Bring its pages up to date but one whose person is acting; whether there was one."""
        acting = False
        for page in list(self._pages.values()):
            if page is self._action_page:
                acting = True
            elif page is not self._python and page.id in self._pages:
                self._publish(page, reason="refresh")
        return acting

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


def local_zone() -> str:
    """This machine's time zone by its name, as far as it says one; else UTC."""
    named = os.environ.get("TZ", "").removeprefix(":")
    target = str(Path("/etc/localtime").resolve())
    for name in (named, target.partition("/zoneinfo/")[2]):
        if name and Path("/usr/share/zoneinfo", name).is_file():
            return name
    return "UTC"
