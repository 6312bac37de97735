"""Many connections at once: in turns, and whoever hangs gives its turn back."""

from __future__ import annotations

import asyncio

from bot.adapters.ssh.turns import Turns


async def test_no_more_begin_at_once_than_there_are_turns() -> None:
    turns, under_way, most = Turns(at_once=3, hold_s=60), 0, 0

    async def one() -> None:
        nonlocal under_way, most
        async with turns.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.001)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(20)))

    assert most == 3


async def test_one_that_hangs_lets_the_next_begin_beside_it() -> None:
    turns, forever = Turns(at_once=1, hold_s=0.01), asyncio.Event()

    async def hang() -> None:
        async with turns.turn():
            await forever.wait()

    hanging = [asyncio.create_task(hang()) for _ in range(5)]
    async with asyncio.timeout(30), turns.turn():
        pass
    forever.set()
    await asyncio.gather(*hanging)


async def test_a_turn_that_lapsed_is_given_back_once() -> None:
    """Else every host that hangs would add a turn for good."""
    turns, most, under_way = Turns(at_once=1, hold_s=0.005), 0, 0
    for _ in range(4):
        async with turns.turn():
            await asyncio.sleep(0.02)

    async def one() -> None:
        nonlocal most, under_way
        async with turns.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(10)))

    assert most == 1
