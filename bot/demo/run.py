"""`bellhop demo`: the page for people, or the tour that plays the story by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.demo import require_extra


async def show(*, port: int, data: Path | None, fast: float) -> None:
    """Serve the page and print its address, until cancelled."""
    require_extra()
    from bot.demo.stage import set_stage

    print("Starting the sandbox, the service and the page …", flush=True)
    async with set_stage(data=data, fast=fast, page_port=port) as stage:
        assert stage.demo.pages is not None
        print(
            "\nBellhop's demo is at\n\n"
            f"  {stage.demo.pages.address()}\n\n"
            "Type /offers in #gpu, choose one, press Rent. Ctrl+C ends it, and every machine with "
            "it.\n"
            f"The simulated Vast.ai keeps its books at {stage.sandbox.url}/sandbox/books",
            flush=True,
        )
        await asyncio.Event().wait()


async def tour(*, data: Path | None, fast: float) -> int:
    """Play the story without a page; 0 only if every check held."""
    require_extra()
    from bot.demo.stage import set_stage
    from bot.demo.tour import Tour

    async with set_stage(data=data, fast=fast, page_port=None) as stage:
        return await Tour(stage).play()
