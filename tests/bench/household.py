"""The real program, with Discord elsewhere and a Vast that need not be spared.

`python -m tests.bench.household run`; `TEST_DISCORD` is Discord's address.
"""

from __future__ import annotations

import functools
import runpy

import bot.app.parts
from tests.bench.outside import FREE

bot.app.parts.Vast = functools.partial(bot.app.parts.Vast, paces=FREE)  # type: ignore[assignment, misc]
runpy.run_module("tests.e2e.bellhop", run_name="__main__")
