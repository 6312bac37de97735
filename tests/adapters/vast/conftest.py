"""The town and a client in it; time is virtual, so pacing costs none."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.adapters.vast.client import Vast
from tests.adapters.vast.town import KEY, StillClock, Town, VirtualTimer


@pytest.fixture
def timer() -> VirtualTimer:
    return VirtualTimer()


@pytest.fixture
async def town(timer: VirtualTimer) -> AsyncIterator[Town]:
    town = Town(timer)
    await town.start()
    yield town
    await town.stop()


@pytest.fixture
async def vast(town: Town, timer: VirtualTimer) -> AsyncIterator[Vast]:
    vast = Vast(url=town.url, api_key=KEY, clock=StillClock(), timer=timer)
    yield vast
    await vast.close()
