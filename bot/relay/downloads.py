"""The door to a download: a page with one button, and behind it the archive as it streams.

A GET shows the page and uses nothing; the button's POST uses the link. What breaks off on our side
breaks off for the browser too, which then says that the download failed: an end is never made up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web

from bot.errors import BotError
from bot.relay import asking, headers, pages
from bot.relay.sheets import Page
from bot.services.downloads import Download, Downloads

DOWNLOAD_PATH = "/-/download/"
STALL_S = 120
"""How long a browser may take nothing; an archive that is read cannot be deleted."""

_LONGEST_NAME = 150
_UNSAFE = re.compile(r"[^A-Za-z0-9._ -]")
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]')

log = logging.getLogger(__name__)


class DownloadDoor:
    """Raises what `Downloads.fetch` raises, while nothing was answered yet."""

    def __init__(self, *, downloads: Downloads, origin: str) -> None:
        self._downloads = downloads
        self._origin = origin

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse | Page:
        secret = request.path.removeprefix(DOWNLOAD_PATH)
        if request.method in ("GET", "HEAD"):
            good = await self._downloads.peek(secret)
            return pages.download() if good else pages.download_no_longer_good()
        if request.method != "POST" or not asking.pressed_here(request.headers, self._origin):
            return pages.foreign()
        download = await self._downloads.fetch(secret)
        if download is None:
            return pages.download_no_longer_good()
        async with contextlib.aclosing(download.pieces) as pieces:
            first = await anext(pieces, b"")  # what is damaged at once is said on a page
            return await _stream(request, download, first)


async def _stream(request: web.BaseRequest, download: Download, first: bytes) -> web.StreamResponse:
    response = web.StreamResponse(status=HTTPStatus.OK, headers=_headers(download.name))
    if download.size is not None:
        response.content_length = download.size
    await response.prepare(request)
    try:
        await _write(response, first)
        async for piece in download.pieces:
            await _write(response, piece)
    except (BotError, TimeoutError) as error:
        log.warning("a download broke off: %s", error)
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the download broke off") from error
    return response


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    """Waits for the browser to take it, so that no more than a piece is held here."""
    async with asyncio.timeout(STALL_S):
        await response.write(piece)


def _headers(name: str) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": disposition(name),
        "Cache-Control": "no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Referrer-Policy": "no-referrer",
        "Server": headers.SERVER,
        "X-Content-Type-Options": "nosniff",
    }


def disposition(name: str) -> str:
    """A file name in any script, for browsers and their users' disks (RFC 6266).

    Quotes, line breaks, path separators, what Windows forbids and what turns the direction of text
    around become `_`; an older browser gets the ASCII of it.
    """
    clean = _NOT_IN_NAMES.sub("_", name.encode("utf-8", "replace").decode()).strip(" .")
    if len(clean) > _LONGEST_NAME:
        ending = clean[-20:] if clean.endswith(".tar.gz") else clean[-20:].rpartition(".")[1:]
        clean = clean[: _LONGEST_NAME - 20] + "".join(ending)
    clean = clean or "download"
    plain = _UNSAFE.sub("_", clean)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"
