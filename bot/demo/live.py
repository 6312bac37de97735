"""SimCord's stand-in for Discord, made to live in real time.

SimCord is a test tool: it takes the event loop over, runs the bot on a virtual clock that starts in
January 2026, and lets every action wait until the bot's last task has come to rest. A service with
background work never rests, and its SSH and HTTP connections would see two clocks. So LiveEnv
switches all of that off and keeps only the pretend Discord behind discord.py's HTTP and gateway:

* No work is ever "bot-owned" (`_bot_scope` does not mark it), neither cogs' callbacks nor tasks
  they start nor tasks started elsewhere. `asyncio.sleep`, `asyncio.timeout`, `loop.time()`,
  `time.monotonic()`, `discord.utils.utcnow()`, view time-outs and `discord.ext.tasks` are all
  real, and servers, HTTP clients and SSH connections of the same process are left alone, wherever
  they are started from.
* Once the bot is attached, SimCord's hooks on the loop, on executors and on `time.monotonic` are
  taken off again: the loop is the plain one.
* The pretend Discord's own clock (message times, snowflakes, the 3 s and 15 min of an interaction)
  reads `now`, which is the true time unless told otherwise.
* An action of a person is over when the bot has acknowledged it, or after the 3 s that Discord
  gives it; what the bot does later is shown as it happens (see page.py).

One thing remains of SimCord's contexts: interaction responses and follow-ups go through a context
variable of discord.py's. It is set for everything that `start` and the gateway set off, and for
every task made from there, but not in a task that was given an empty `contextvars.Context`.
Messages sent or edited through the bot (`channel.send`, `message.edit`) work from anywhere.

All this leans on SimCord's insides, hence the exact pin in pyproject and the tests.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import discord
import simcord
from simcord import UserHandle, _dpy_internals, _runtime
from simcord._clock import Clock as SimClock
from simcord.backend import Backend

log = logging.getLogger(__name__)

ACKNOWLEDGE_S = 3.0  # Discord's limit for the first answer to an interaction
READY_S = 30.0


def true_time() -> datetime:
    return datetime.now(UTC)


class LiveEnv(simcord.Env):
    """A pretend Discord around one bot, in real time. Actions hold `lock`: SimCord takes one at a
    time."""

    def __init__(self, bot: discord.Client, *, now: Callable[[], datetime] = true_time) -> None:
        super().__init__(bot, check_errors=False)
        self.backend = Backend(clock=_LiveClock(now))
        self.lock = asyncio.Lock()
        self._latest: Any = None
        self._register_dispatch_observer(self._remember)

    def create_person(self, name: str, *, id: int, global_name: str, avatar: str) -> UserHandle:
        """A user with an identifier of ours; SimCord's own are made of the time."""
        user = self.backend.make_user(name, global_name=global_name, avatar=avatar)
        del self.backend.users[user.id]
        user.id = id
        self.backend.users[id] = user
        return UserHandle(self, user)

    async def start(self) -> None:
        """Attach the bot (its `setup_hook` runs here) and wait until it is ready."""
        await super().start()
        await self._let_go()

    async def restart_bot(self, bot: discord.Client | None = None) -> None:
        """Put another bot, or the same one anew, in the old one's place. The old one is not
        closed: that is its owner's."""
        await super().restart_bot(bot)
        await self._let_go()

    async def _let_go(self) -> None:
        """Take SimCord's hooks off the loop, and wait until the bot is ready."""
        _runtime._restore_loop(self)
        _dpy_internals.release_clocks(self)
        async with asyncio.timeout(READY_S):
            await self.bot.wait_until_ready()

    def _remember(self, interaction: Any) -> None:
        self._latest = interaction

    @contextmanager
    def _bot_scope(self) -> Iterator[None]:
        """Route interaction responses to the pretend Discord, and own nothing."""
        adapter = self._webhook_adapter
        previous = _dpy_internals.set_webhook_adapter(adapter) if adapter is not None else None
        try:
            yield
        finally:
            if adapter is not None:
                _dpy_internals.reset_webhook_adapter(previous)

    async def _settle_internal(self, *, dispatch: str | None = None, **_: Any) -> None:
        """Wait until the interaction is acknowledged; for anything else, a moment."""
        interaction = self._latest if dispatch == "INTERACTION_CREATE" else None
        deadline = time.monotonic() + ACKNOWLEDGE_S
        while interaction is not None and not interaction.responded:
            if time.monotonic() >= deadline:
                log.warning("interaction %s was not acknowledged in time", interaction.id)
                return
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)

    def _capture_errors(self) -> None:
        """Leave the bot's own error handlers alone: what they answer is the answer."""

    def _record_error(self, error: BaseException) -> None:
        """Log what broke in SimCord itself. Kept in no list: the demo may run for days."""
        log.error("the pretend Discord failed: %r", error, exc_info=error)


class _LiveClock(SimClock):
    """A clock that goes by itself."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now

    def now(self) -> datetime:
        return self._now()

    def advance(self, seconds: float) -> None:
        """Nothing to move: time passes."""
