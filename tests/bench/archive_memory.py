"""The memory of the process that archives a workspace of very many small files, proof included.

What an archive holds meanwhile grows with the number of files, not with their bytes: names, facts
and digests. So this tree has little in it but files. The process is a new one that does nothing
else, as for `archive`; what it held before it connected stands beside it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
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
    with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        key = await asyncio.to_thread(load_or_create, folder / "keys")
        async with machine(folder / "machines", key.public_line()) as there:
            await asyncio.to_thread(shutil.rmtree, there.workspace)  # what an image brings along
            await asyncio.to_thread(_fill, there.workspace, files)
            words = ("-m", "tests.bench.archiver", str(there.address.port), str(folder))
            async with program(*words) as running:
                line = await running.line(lambda one: one.startswith("archived "), PATIENCE_S)
    told: dict[str, float] = json.loads(line.partition(" ")[2])
    return [
        median_of(
            f"most memory of the process, {files:,} files",
            [told["peak_bytes"]],
            beside="the same process, before it connects",
            others=[told["resting_bytes"]],
            unit=Unit.BYTES,
            goal=MOST_MEMORY,
        )
    ]


def _fill(root: Path, files: int) -> None:
    """Labels beside samples, as a data set has them: names and times all differ."""
    for number in range(files):
        folder = root / f"data/set-{number // 40_000}/class-{number // _A_FOLDER:03d}"
        if number % _A_FOLDER == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"sample_{number:07d}.json").write_bytes(b'{"label": %d}\n' % number * 20)
