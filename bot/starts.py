"""Beginning a session with Discord only when it has some left for us today."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any, Protocol

import aiohttp
import discord

from bot.domain.session_starts import Ration, pause

log = logging.getLogger(__name__)

_ASK_S = 10.0
_LOOK_S = 60.0


class Gateway(Protocol):
    """The part of the library's HTTP client that is needed here."""

    async def get_bot_gateway(self) -> tuple[int, str, Any]: ...


class Starts:
    """Waits for its turn before a session is begun, and says so meanwhile.

    A wait that is broken off is gone on with: the library gives up every minute, and asks again.
    """

    def __init__(self, *, look_s: float = _LOOK_S) -> None:
        self._look_s = look_s
        self._due: float | None = None

    @property
    def waiting(self) -> str:
        """What is waited for, in words; empty while nothing is."""
        if self._due is None:
            return ""
        left = timedelta(seconds=self._due - asyncio.get_running_loop().time())
        return (
            "Discord lets us begin only few more sessions today; the next one in "
            f"{_words(max(left, timedelta()))}."
        )

    async def turn(self, gateway: Gateway) -> None:
        """Return when a session may be begun. What cannot be asked holds nobody up."""
        now = asyncio.get_running_loop().time
        while wait := await _wait(gateway):
            if self._due is None:
                self._due = now() + wait.total_seconds()
                log.error("few sessions are left for today: the next one in %s", wait)
            if now() >= self._due:
                break
            await asyncio.sleep(min(self._due - now(), self._look_s))
        self._due = None


async def _wait(gateway: Gateway) -> timedelta:
    try:
        async with asyncio.timeout(_ASK_S):
            _, _, limit = await gateway.get_bot_gateway()
        left = timedelta(milliseconds=float(limit["reset_after"]))
        return pause(Ration(int(limit["remaining"]), left))
    except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
        log.info("how many sessions are left is not known: %s", type(error).__name__)
    except (KeyError, TypeError, ValueError):
        log.info("how many sessions are left was said in a way we do not know")
    return timedelta()


def _words(wait: timedelta) -> str:
    minutes = -(-wait // timedelta(minutes=1))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
