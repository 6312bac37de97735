"""What the relay has answered since it started, by kind and class of status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from bot.relay import asking

BROKEN = "broken"
"""The status of what ended without an answer: one side broke off."""


class Tally:
    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def note(self, request: web.BaseRequest, status: int | None) -> None:
        """An answer was given, or none could be."""
        socket = asking.wants_websocket(request.method, request.headers)
        if status is None and socket and request.writer.output_size:
            status = HTTPStatus.SWITCHING_PROTOCOLS  # how it ends: somebody leaves
        told = f"{status // 100}xx" if status is not None else BROKEN
        self._counts["socket" if socket else "request", told] += 1

    def counts(self) -> Mapping[tuple[str, str], int]:
        return dict(self._counts)
