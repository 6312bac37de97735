"""Where bulletins may go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from bot.adapters.discord.border import may_write


def test_a_server_that_was_told_half_is_no_place_to_write() -> None:
    """Before Discord has told who we are there, nothing is known of our rights."""
    channel = cast(Any, SimpleNamespace(guild=SimpleNamespace(me=None)))

    assert not may_write(channel)
