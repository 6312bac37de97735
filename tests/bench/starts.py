"""How long a start takes: on an empty data folder, and over rentals that are there already."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.bench.figures import Figure, median_of
from tests.bench.outside import first
from tests.bench.page import IMPORTS, import_all
from tests.bench.service import Service, service, settle, town
from tests.e2e.programs import sandbox

_LOOK_S = 0.05


async def measure(*, rounds: int, rentals: int) -> list[Figure]:
    """First starts in turn with bare imports; then a service that is killed and started again."""
    await import_all()  # what the disk had not read yet is nobody's
    firsts, bare = [], []
    with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with sandbox(folder / "market", "--no-machines") as market:
            for number in range(rounds):
                bare.append(await import_all())
                firsts.append(await _first(folder / str(number), market))
        readies, reached = await _again(folder, rounds, rentals)
    return [
        median_of(
            "first start, empty data folder: process to `/-/readyz` 200",
            firsts,
            beside=f"`python -c '{IMPORTS}'`",
            others=bare,
        ),
        median_of(
            f"killed and started again with {rentals} rentals: to `/-/readyz` 200",
            readies,
            beside="the first start",
            others=firsts,
        ),
        median_of(
            f"killed and started again with {rentals} rentals: to the last notebook",
            reached,
            beside="the first start",
            others=firsts,
        ),
    ]


async def _first(folder: Path, market: str) -> float:
    async with service(folder, market) as house:
        return await _ready(house)


async def _ready(house: Service) -> float:
    """Start it; seconds until it says that it is ready."""
    now = asyncio.get_running_loop().time
    began = now()
    await house.start()

    async def ready() -> bool:
        return (await house.answer("/-/readyz"))[0] == 200

    await first(ready, every_s=_LOOK_S, within_s=120)
    return now() - began


async def _again(folder: Path, rounds: int, rentals: int) -> tuple[list[float], list[float]]:
    now = asyncio.get_running_loop().time
    readies, reached = [], []
    async with town(folder / "town", rentals) as market, service(folder, market) as house:
        await settle(house, rentals)
        await house.start()
        await house.reached(rentals)
        for _ in range(rounds):
            await house.kill()
            began = now()
            readies.append(await _ready(house))
            await house.until(
                lambda seen: seen["bellhop_notebooks_reached",] == rentals, "all notebooks"
            )
            reached.append(now() - began)
    return readies, reached
