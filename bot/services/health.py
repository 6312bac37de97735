"""Readiness: each thing we depend on is looked at, with a deadline, and not more often than needed.

Whoever asks may ask every second: a look is kept for a while, a bad one for a shorter while, so
that a recovery shows soon. Looks go on side by side; one that hangs is a fault of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.errors import BotError

log = logging.getLogger(__name__)

BAD_S = 5.0
"""How long a bad look is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at one thing: in words what is wrong with it, or nothing. May raise BotError."""

    check: Callable[[], Awaitable[str]]
    within_s: float = 3.0
    keep_s: float = 15.0


@dataclass(slots=True)
class _Kept:
    at: float
    said: str


class Health:
    """What readiness and the metrics say of each dependency."""

    def __init__(self, looks: Mapping[str, Look]) -> None:
        self._looks = looks
        self._kept: dict[str, _Kept] = {}
        self._turn = {name: asyncio.Lock() for name in looks}

    async def look(self) -> dict[str, str]:
        """Each by its name, an empty string where all is well. Names no address and no secret."""
        said = await asyncio.gather(*(self._one(name, look) for name, look in self._looks.items()))
        return dict(zip(self._looks, said, strict=True))

    async def _one(self, name: str, look: Look) -> str:
        async with self._turn[name]:
            now = asyncio.get_running_loop().time()
            kept = self._kept.get(name)
            if kept is not None and now - kept.at < (BAD_S if kept.said else look.keep_s):
                return kept.said
            said = await _said(look)
            if said != (kept.said if kept is not None else ""):
                log.warning("readiness: %s: %s", name, said or "well again")
            self._kept[name] = _Kept(asyncio.get_running_loop().time(), said)
            return said


async def _said(look: Look) -> str:
    try:
        async with asyncio.timeout(look.within_s):
            return await look.check()
    except TimeoutError:
        return f"No answer within {look.within_s:g} s."
    except BotError as error:
        return error.public
