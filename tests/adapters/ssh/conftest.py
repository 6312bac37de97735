"""A machine to connect to, and the tunnels under test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.adapters.ssh.connect import Pace
from bot.adapters.ssh.tunnels import SshTunnels
from tests.sandbox.rooms import Room, open_room


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as room:
        yield room


@pytest.fixture
async def tunnels(room: Room) -> AsyncIterator[SshTunnels]:
    tunnels = SshTunnels(key=room.key, pace=Pace(attempt_s=2, first_pause_s=0.05))
    try:
        yield tunnels
    finally:
        await tunnels.aclose()
