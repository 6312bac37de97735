"""The memory of the process that archives a workspace of very many small files, or of very many
bytes, proof included.

What an archive holds meanwhile grows with the number of files, not with their bytes: names, facts
and digests. So one tree has little in it but files, and the other shows that bytes do not count.
The process is a new one that does nothing else, as for `archive`; what it held before it connected
stands beside it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.adapters.ssh.keys import load_or_create
from tests.bench.archive import MOST_MEMORY
from tests.bench.figures import Figure, Unit, median_of
from tests.bench.machine import machine
from tests.bench.takers import PATIENCE_S
from tests.e2e.programs import program

FILES = 108_000
_A_FOLDER = 500


async def measure(*, files: int) -> list[Figure]:
    """Of so many small files."""
    return [await _most(f"{files:,} files", lambda root: _small(root, files))]


async def measure_large(*, checkpoints: int) -> list[Figure]:
    """Of so many checkpoints of 26 MB, four fifths of it noise, and fifty small files to each.

    Needs twice its bytes on the disk: 800 of them are 21 GB.
    """

    def fill(root: Path) -> None:
        _checkpoints(root, checkpoints)
        _small(root, 50 * checkpoints)

    return [await _most(f"{checkpoints} checkpoints of 26 MB", fill)]


async def _most(what: str, fill: Callable[[Path], None]) -> Figure:
    with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        key = await asyncio.to_thread(load_or_create, folder / "keys")
        async with machine(folder / "machines", key.public_line()) as there:
            await asyncio.to_thread(shutil.rmtree, there.workspace)  # what an image brings along
            await asyncio.to_thread(fill, there.workspace)
            words = ("-m", "tests.bench.archiver", str(there.address.port), str(folder))
            async with program(*words) as running:
                line = await running.line(lambda one: one.startswith("archived "), 6 * PATIENCE_S)
    told: dict[str, float] = json.loads(line.partition(" ")[2])
    return median_of(
        f"most memory of the process, {what}",
        [told["peak_bytes"]],
        beside="the same process, before it connects",
        others=[told["resting_bytes"]],
        unit=Unit.BYTES,
        goal=MOST_MEMORY,
    )


def _checkpoints(root: Path, count: int) -> None:
    """Weights of a training run, each with its log; no two are alike."""
    noise = os.urandom(64 << 20)
    for number in range(count):
        folder = root / f"runs/run-{number // 50:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        start = number * 7919 * 4096 % (40 << 20)
        with (folder / f"checkpoint_{number:05d}.bin").open("wb") as file:
            file.write(number.to_bytes(8, "big"))
            file.write(noise[start : start + (20 << 20)])
            file.write(b"step %d loss 0.1234\n" % number * 250_000)


def _small(root: Path, files: int) -> None:
    """Labels beside samples, as a data set has them: names and times all differ."""
    for number in range(files):
        folder = root / f"data/set-{number // 40_000}/class-{number // _A_FOLDER:03d}"
        if number % _A_FOLDER == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"sample_{number:07d}.json").write_bytes(b'{"label": %d}\n' % number * 20)
