"""Sessions with Discord: waited for when few are left, and never because nobody can be asked."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest

from bot.starts import Starts
from tests.e2e.programs import until


class Gateway:
    """Says what it is told to say, and notes how often it was asked."""

    def __init__(self, said: Any) -> None:
        self.said = said
        self.asked = 0

    async def get_bot_gateway(self) -> tuple[int, str, Any]:
        self.asked += 1
        if isinstance(self.said, Exception):
            raise self.said
        return 1, "wss://gateway", self.said


def limit(remaining: int, reset_after_ms: float) -> dict[str, float]:
    return {"total": 1000, "remaining": remaining, "reset_after": reset_after_ms}


@pytest.mark.parametrize(
    "said",
    [
        limit(900, 1000.0),
        discord.GatewayNotFound(),
        OSError("nobody there"),
        {"remaining": "none"},
        {},
    ],
)
async def test_nobody_waits_while_there_are_many_or_nobody_knows(said: Any) -> None:
    """Asked once, and on."""
    starts, gateway = Starts(), Gateway(said)

    await starts.turn(gateway)

    assert gateway.asked == 1
    assert starts.waiting == ""


async def test_with_few_left_it_waits_and_says_so() -> None:
    """Until its share of the day has passed."""
    starts = Starts(look_s=0.01)
    turn = asyncio.ensure_future(starts.turn(Gateway(limit(2, 3_600_000))))
    await until(lambda: bool(starts.waiting), 20, "a wait")

    assert starts.waiting.endswith("the next one in 30 min.")
    assert not turn.done()
    turn.cancel()


async def test_new_ones_end_the_wait() -> None:
    """It asks again now and then: the day may have begun anew."""
    starts, gateway = Starts(look_s=0.01), Gateway(limit(0, 86_400_000))
    turn = asyncio.ensure_future(starts.turn(gateway))
    await until(lambda: gateway.asked >= 3, 20, "three looks")
    assert not turn.done()

    gateway.said = limit(1000, 86_400_000)
    await asyncio.wait_for(turn, 20)

    assert starts.waiting == ""


async def test_a_wait_that_is_broken_off_goes_on_where_it_was() -> None:
    """The library gives up every minute: that must not make it wait for ever."""
    starts, gateway = Starts(look_s=0.01), Gateway(limit(1, 200.0))
    async with asyncio.timeout(20):
        for _ in range(1000):
            try:
                async with asyncio.timeout(0.05):
                    await starts.turn(gateway)
            except TimeoutError:
                continue
            break

    assert starts.waiting == ""
