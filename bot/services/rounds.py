"""A round of deliveries: several at a time, so that one that hangs holds up no other for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T")

AT_A_TIME = 8


async def deliver(
    due: Iterable[T], key: Callable[[T], Hashable], send: Callable[[T], Awaitable[bool]]
) -> int:
    """Send everything that is due; how many were sent. Those of one key go one after the other."""
    queues: dict[Hashable, list[T]] = {}
    for one in due:
        queues.setdefault(key(one), []).append(one)
    free = asyncio.Semaphore(AT_A_TIME)

    async def send_all(queue: list[T]) -> int:
        async with free:
            return sum([await send(one) for one in queue])

    return sum(await asyncio.gather(*(send_all(queue) for queue in queues.values())))
