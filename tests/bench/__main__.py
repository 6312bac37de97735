"""`python -m tests.bench`: every figure beside an alternative measured in the same run.

Each part runs by itself, one after another; `--only` chooses some, `--quick` runs them with counts
too small to say anything, so that a test can see that they still run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import uvloop

from bot.demo import require_extra

require_extra()

from tests.bench import (  # noqa: E402
    archive,
    archive_memory,
    crowd,
    look,
    opening,
    page,
    passes,
    scale,
    sockets,
    spending,
    starts,
    verdicts,
)
from tests.bench.figures import Figure, table  # noqa: E402
from tests.bench.relay import rows as relay  # noqa: E402

Part = Callable[[bool], Coroutine[Any, Any, list[Figure]]]

PARTS: dict[str, Part] = {
    "opening": lambda quick: opening.measure(rounds=1 if quick else 7, quick=quick),
    "offers": lambda quick: (
        crowd.measure(people=5, blocks=1, bursts=1)
        if quick
        else crowd.measure(people=50, blocks=3, bursts=5)
    ),
    "page": lambda quick: page.measure(rounds=1 if quick else 7),
    "passes": lambda quick: (
        passes.measure(sizes=(3,), rounds=1)
        if quick
        else passes.measure(sizes=(10, 100, 1000), rounds=21)
    ),
    "archive": lambda quick: archive.measure(rounds=1 if quick else 3, quick=quick),
    "archive-memory": lambda quick: archive_memory.measure(
        files=200 if quick else archive_memory.FILES
    ),
    "archive-large": lambda quick: archive_memory.measure_large(checkpoints=2 if quick else 800),
    "look": lambda quick: look.measure(looks=2 if quick else 50),
    "spend": lambda quick: spending.measure(rounds=1 if quick else 7, quick=quick),
    "scale": lambda quick: (
        scale.measure(sizes=(1, 2), rounds=1, periods={"reconciler": 1.0, "questions": 2.0})
        if quick
        else scale.measure(sizes=(10, 100, 1000), rounds=3)
    ),
    "sockets": lambda quick: (
        sockets.measure(sockets=20, per_s=20, for_s=12)
        if quick
        else sockets.measure(sockets=300, per_s=50, for_s=600)
    ),
    "sockets-short": lambda quick: sockets.measure(
        sockets=20 if quick else 300, per_s=20 if quick else 50, for_s=12 if quick else 60
    ),
    "starts": lambda quick: (
        starts.measure(rounds=1, rentals=3) if quick else starts.measure(rounds=5, rentals=200)
    ),
    "relay": lambda quick: relay.measure(rounds=1 if quick else 5, quick=quick),
    "verdicts": lambda quick: verdicts.measure(rounds=1 if quick else 7, quick=quick),
}

FAST = frozenset({"archive", "archive-memory", "archive-large", "look", "relay"})
"""These run in the loop that `bellhop run` has."""

ASKED = frozenset({"archive-large", "sockets-short"})
"""These run only when they are named: one fills 42 GB of the disk, one is less of another."""


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny counts: does it still run?")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=None, metavar="PART")
    arguments = parser.parse_args(words)
    parts = arguments.only or [name for name in PARTS if name not in ASKED]
    _run(parts, quick=arguments.quick)
    return 0


def _run(parts: Sequence[str], *, quick: bool) -> None:
    figures: list[Figure] = []
    for name in parts:
        print(f"measuring: {name} …", file=sys.stderr, flush=True)
        # The pretend Discord of some parts goes by its own loop's inner clock.
        run = uvloop.run if name in FAST else asyncio.run
        figures += run(PARTS[name](quick))
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {platform.system()}; "
        f"load average at the end {os.getloadavg()[0]:.1f}\n"
    )
    print(table(figures), flush=True)


if __name__ == "__main__":
    sys.exit(main())
