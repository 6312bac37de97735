"""Readiness: each thing we depend on is looked at, with a deadline, and not more often than needed.

Whoever asks may ask every second: a look is kept for a while, a bad one for a shorter while, so
that a recovery shows soon. Looks go on side by side; one that hangs is a fault of its own.

A note is less than a fault: something works in part, and nobody gains by taking us for not ready.
Both are in the `Condition`, which `/status` shows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.errors import BotError
from bot.ports.clock import Clock
from bot.tasks import rest

log = logging.getLogger(__name__)

BAD_S = 5.0
"""How long a bad look is kept."""

FIRST_S = 5.0
"""What comes up together with us has so long before anybody is told that it is not there."""

LOOK_S = 15.0
"""How often we look although nobody asks."""

Notes = Callable[[], Mapping[str, str]]
"""What works in part, in words, by its name; nothing or an empty string is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at one thing: in words what is wrong with it, or nothing. May raise BotError."""

    check: Callable[[], Awaitable[str]]
    within_s: float = 3.0
    keep_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Ailment:
    """What is wrong with something, in words, and since when we know."""

    said: str
    since: datetime


class Condition:
    """What is not well now, by its name. In memory: after a start the next look says it."""

    def __init__(self) -> None:
        self._ailments: dict[str, Ailment] = {}

    @property
    def ailments(self) -> Mapping[str, Ailment]:
        return dict(self._ailments)

    def note(self, name: str, said: str, now: datetime) -> bool:
        """Write down how it is; whether that is something new."""
        before = self._ailments.get(name)
        if said == (before.said if before is not None else ""):
            return False
        if said:
            self._ailments[name] = Ailment(said, before.since if before is not None else now)
        else:
            del self._ailments[name]
        return True


@dataclass(slots=True)
class _Kept:
    at: float
    said: str


class Health:
    """What readiness and the metrics say of each dependency."""

    def __init__(
        self,
        looks: Mapping[str, Look],
        *,
        clock: Clock,
        condition: Condition | None = None,
        notes: Notes = dict,
    ) -> None:
        self._looks = looks
        self._clock = clock
        self._condition = condition or Condition()
        self._notes = notes
        self._kept: dict[str, _Kept] = {}
        self._turn = {name: asyncio.Lock() for name in looks}

    async def run(self) -> None:
        """Look every few seconds, for ever: somebody may ask for `/status` and for nothing else."""
        await rest(FIRST_S)
        while True:
            await self.look()
            self.notes()
            await rest(LOOK_S)

    def notes(self) -> dict[str, str]:
        """What works in part, in words, by its name."""
        found = self._notes()
        for name, said in found.items():
            if self._condition.note(name, said, self._clock.now()):
                log.warning("noted: %s: %s", name, said or "well again")
        return {name: said for name, said in found.items() if said}

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
            if self._condition.note(name, said, self._clock.now()):
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
