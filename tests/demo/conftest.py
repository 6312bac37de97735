"""A small bot in the pretend Discord, with its page open."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.demo.stand_in import Demo
from tests.demo.porter import Porter


@pytest.fixture
async def porter() -> AsyncIterator[Porter]:
    bot = Porter()
    yield bot
    await bot.close()


@pytest.fixture
async def demo(porter: Porter) -> AsyncIterator[Demo]:
    demo = Demo(bot=porter)
    await demo.start(port=0)
    yield demo
    await demo.close()
