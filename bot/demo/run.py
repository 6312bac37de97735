"""`bellhop demo`: the page for people, or the tour that plays the story by itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from bot.demo import require_extra
from bot.domain.idle_policy import Policy

WATCH_S = 5.0
PATIENT = Policy(
    idle=timedelta(minutes=2),
    idle_waiting=timedelta(minutes=3),
    answer=timedelta(minutes=1),
    grace=timedelta(minutes=2),
    results=timedelta(minutes=2),
    calm=timedelta(seconds=30),
    bounds=False,
)
"""In the demo an hour is some two minutes: long enough to work, short enough to watch."""


async def show(*, port: int, data: Path | None, fast: float) -> None:
    """Serve the page and print its address, until cancelled."""
    require_extra()
    from bot.demo.stage import set_stage

    print("Starting the sandbox, the service and the page …", flush=True)
    async with set_stage(
        data=data, fast=fast, page_port=port, policy=PATIENT, watch_s=WATCH_S
    ) as stage:
        assert stage.demo.pages is not None
        print(
            "\nBellhop's demo is at\n\n"
            f"  {stage.demo.pages.address()}\n\n"
            "Type /offers in #gpu, choose one, press Rent. Ctrl+C ends it, and every machine with "
            "it.\n"
            "A machine nobody works on for two minutes is asked about, then archived and ended.\n"
            f"The simulated Vast.ai keeps its books at {stage.sandbox.url}/sandbox/books\n"
            f"and makes trouble when asked to: {stage.sandbox.url}/sandbox/faults, see "
            "docs/faults.md",
            flush=True,
        )
        await asyncio.Event().wait()


async def tour(*, data: Path | None, fast: float) -> int:
    """Play the story without a page; 0 only if every check held."""
    require_extra()
    from bot.demo.stage import set_stage
    from bot.demo.tour import Tour
    from bot.demo.tour_idle import SHORT

    async with set_stage(data=data, fast=fast, page_port=None, policy=SHORT, watch_s=1.0) as stage:
        return await Tour(stage).play()
