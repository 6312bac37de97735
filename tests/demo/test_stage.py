"""The demo's stage, where another demo is faster."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bot.demo import stage
from bot.domain.idle_policy import Policy


async def test_a_port_that_another_demo_has_just_taken_is_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was free when it was looked at, and is not when it is listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port, free = taken.getsockname()[1], stage._free_port
        monkeypatch.setattr(
            stage,
            "_free_port",
            lambda wanted: port if wanted == stage.RELAY_PORT else free(wanted),
        )

        async with stage.set_stage(
            data=tmp_path / "d", fast=1, page_port=None, policy=Policy(), watch_s=5
        ) as made:
            assert made.app.client.is_ready()
