"""Deliveries several at a time: one that hangs is nobody else's affair."""

from __future__ import annotations

import asyncio

from bot.services import rounds


async def test_one_that_hangs_holds_up_no_other() -> None:
    """The others are through while it still waits."""
    sent: list[str] = []
    hanging, through = asyncio.Event(), asyncio.Event()

    async def send(one: str) -> bool:
        if one == "hangs":
            await hanging.wait()
        sent.append(one)
        if len(sent) == 2:
            through.set()
        return True

    running = asyncio.ensure_future(rounds.deliver(["hangs", "a", "b"], lambda one: one, send))
    await asyncio.wait_for(through.wait(), 5)

    assert sent == ["a", "b"]
    hanging.set()
    assert await running == 3


async def test_those_of_one_key_keep_their_order() -> None:
    """A question comes before its withdrawal."""
    sent: list[str] = []

    async def send(one: str) -> bool:
        await asyncio.sleep(0.01 if one == "a1" else 0)
        sent.append(one)
        return one != "a1"

    count = await rounds.deliver(["a1", "a2"], lambda one: one[0], send)

    assert (sent, count) == (["a1", "a2"], 1)
