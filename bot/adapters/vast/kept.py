"""Answers kept for a while: asked once, however many people ask at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from bot.adapters.vast.pacing import Timer
from bot.errors import Down

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by key, each good for `for_s` seconds. A failure is shared by who waits, not kept."""

    def __init__(self, *, timer: Timer, for_s: float) -> None:
        self._timer = timer
        self._for_s = for_s
        self._values: dict[str, tuple[float, T]] = {}
        self._asking: dict[str, asyncio.Task[T]] = {}

    async def get(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """The kept value, or the one `ask` brings. Raises what `ask` raises."""
        now = self._timer.monotonic()
        self._values = {k: kept for k, kept in self._values.items() if kept[0] > now}
        if key in self._values:
            return self._values[key][1]
        if key not in self._asking:
            # A task of its own: one person who gives up must not take it from the others.
            task = asyncio.create_task(self._ask(key, ask), name=f"vast: {key[:40]}")
            task.add_done_callback(_retrieve)
            self._asking[key] = task
        return await _result(self._asking[key])

    async def close(self) -> None:
        """End what is being asked; who waits for it gets Down."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            value = await ask()
            self._values[key] = (self._timer.monotonic() + self._for_s, value)
            return value
        finally:
            self._asking.pop(key, None)


async def _result(task: asyncio.Task[T]) -> T:
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        waiter = asyncio.current_task()
        if task.cancelled() and waiter is not None and not waiter.cancelling():
            raise Down("closed while asking") from None
        raise


def _retrieve(task: asyncio.Task[T]) -> None:
    """Take note of a failure that nobody waits for any more, so asyncio does not report it."""
    if not task.cancelled():
        task.exception()
