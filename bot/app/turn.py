"""Waiting for one's turn, of what one process at a time has: the others stand by.

Who stands by is alive, and says so where it is going to tell how it does. A container runtime would
else take it for one that hangs, and never start what is to come after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from bot.adapters.storage.lease import Lease, hold_lease
from bot.app.door import listen
from bot.config import Settings
from bot.relay.lodge import Lodge

STANDS_BY = "Another process has the turn; this one stands by."


async def take_turn(settings: Settings, stack: contextlib.AsyncExitStack, *, on: str) -> Lease:
    """The lease on a part of the work, for as long as the stack stays. Raises Config, Store."""
    lodge = Lodge(
        host=settings.relay_host,
        port=settings.relay_port,
        health=_nothing_wrong,
        metrics=_nothing_measured,
        notes=lambda: {"turn": STANDS_BY},
    )
    await listen(lodge, settings)
    try:
        return await stack.enter_async_context(
            hold_lease(settings.database_url, patience_s=None, on=(on,))
        )
    finally:
        await lodge.close()


async def _nothing_wrong() -> Mapping[str, str]:
    """The database is asked five times a second; a process that it does not answer ends."""
    return {}


async def _nothing_measured() -> bytes:
    return b""
