"""Takes a message as the pretend Discord shows it: with its own fonts, at a time that stands."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser

from tests.cogs.conftest import Chat
from tests.pictures.album import Album

PHONE = 390  # where a card is most likely to look bad
HIGH = 2400  # a window in which every card fits


class Camera:
    """One album's; the browser is the caller's."""

    def __init__(self, chat: Chat, browser: Browser, album: Album, folder: str) -> None:
        self._chat = chat
        self._browser = browser
        self._album = album
        self._folder = folder

    async def take(self, name: str, message: Any, *, inbox: bool = False) -> None:
        """As Ada sees it on a phone: in the channel, or among her direct messages."""
        ada = self._chat.ada
        preview = self._chat.env.preview(
            ada.user.dm_channel if inbox else self._chat.channel,
            viewers=[ada.user if inbox else ada],
            presentation_time=self._chat.clock.now(),
        )
        async with preview:
            preview._capture_manager._browser = self._browser  # SimCord would look for its own
            shot = await preview.screenshot(
                target=message, viewport=(PHONE, HIGH), allow_incomplete=True
            )
            preview._capture_manager._browser = None
        assert shot.png is not None
        self._album.show(f"{self._folder}/{name}", shot.png)
