"""Answers that several share: those kept for a while, and those that must be new to all of them."""

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


class Together(Generic[T]):
    """One piece of work at a time, for everybody who asked before it began.

    Whoever asks while it is under way waits for the next one: what it brings must not be older
    than the question. A failure is shared as well.
    """

    def __init__(self, work: Callable[[], Awaitable[T]], *, name: str) -> None:
        self._work = work
        self._name = name
        self._under_way: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """What the next one brings. Raises what it raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._take_turn(self._under_way), name=self._name)
            self._next.add_done_callback(_retrieve)
        return await _result(self._next)

    async def close(self) -> None:
        """End what is being done; who waits for it gets Down."""
        tasks = [task for task in (self._under_way, self._next) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_turn(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait({before})
        mine, self._next = self._next, None
        self._under_way = mine
        try:
            return await self._work()
        finally:
            if self._under_way is mine:
                self._under_way = None


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
