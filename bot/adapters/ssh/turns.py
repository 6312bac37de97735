"""Turns: so many connections are begun at once, and a slow one does not keep its turn.

Each handshake takes some of our processor. Fifty begun together would all be slow, and on a busy
machine all too late; begun some at a time the first are there long before the last. Whoever takes
longer than a moment waits for its machine and not for us: the next one begins beside it, so that a
hundred hosts that hang delay nobody for long.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

AT_ONCE = 8
HOLD_S = 0.5


class Turns:
    def __init__(self, *, at_once: int = AT_ONCE, hold_s: float = HOLD_S) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._hold_s = hold_s

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; it ends with the block, or after `hold_s` if that comes first."""
        await self._slots.acquire()
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._slots.release()

        lapse = asyncio.get_running_loop().call_later(self._hold_s, give_back)
        try:
            yield
        finally:
            lapse.cancel()
            give_back()
