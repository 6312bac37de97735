"""`bellhop run`: the service as one process, or one part of it beside others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from bot import garbage
from bot.app import App, open_app
from bot.app.role_bot import BotRole, open_bot
from bot.app.role_relay import open_relay_role
from bot.app.role_worker import open_worker
from bot.config import Settings
from bot.errors import Store

ROLES = ("all", "bot", "relay", "worker")
DRAIN_S = 3.0
"""With what closing takes, a relay's end is within the ten seconds of every stop."""


def needed(role: str, env: Mapping[str, str]) -> tuple[str, ...]:
    """What a role cannot be without: the fewer processes hold a key, the better."""
    match role:
        case "worker":
            return ("VAST_API_KEY",)
        case "relay":
            # Whom somebody is that signs in, is asked of Discord.
            return ("DISCORD_TOKEN",) if env.get("DISCORD_CLIENT_ID", "").strip() else ()
        case _:
            return ("DISCORD_TOKEN", "VAST_API_KEY")


def serving(
    settings: Settings, role: str, *, migrating: bool, stopping: asyncio.Event, drain_s: float
) -> Coroutine[Any, Any, None]:
    """The work of a role, until it is cancelled; of a relay, until `stopping` and what follows."""
    match role:
        case "bot":
            return _chat(open_bot(settings, migrating=migrating), settings)
        case "worker":
            return _work(settings, migrating=migrating)
        case "relay":
            return _relay(settings, stopping, drain_s, migrating=migrating)
        case _:
            return _chat(open_app(settings, migrating=migrating), settings)


async def _chat(opening: AbstractAsyncContextManager[App | BotRole], settings: Settings) -> None:
    """Everything, or the chat's part, with Discord itself for a chat."""
    async with opening as app:
        garbage.settle()
        online = asyncio.ensure_future(app.client.log_in(settings.discord_token))
        lost = asyncio.ensure_future(app.lost.wait())
        try:
            await asyncio.wait({online, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not online.done():
                raise _lost()
            await online
        finally:
            online.cancel()
            lost.cancel()
            await asyncio.gather(online, lost, return_exceptions=True)


async def _work(settings: Settings, *, migrating: bool) -> None:
    async with open_worker(settings, migrating=migrating) as worker:
        garbage.settle()
        await worker.lost.wait()
        raise _lost()


async def _relay(
    settings: Settings, stopping: asyncio.Event, drain_s: float, *, migrating: bool
) -> None:
    async with open_relay_role(settings, migrating=migrating) as relay:
        garbage.settle()
        await stopping.wait()
        await relay.drain(drain_s)


def _lost() -> Store:
    """Another process may be at work by now: better none than two."""
    return Store(
        "the lease was lost",
        public="The connection to the database broke, and our right to work on it too.",
        hint="Start Bellhop again.",
    )
