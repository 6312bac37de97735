"""A workspace as a term leaves it behind, and what an afternoon changes in it.

Half of it is noise, as weights and pictures are; the rest is text that compresses two to ten times.
Nothing in it is what Bellhop's default exclusions skip, no name begins with a dot and there are no
links, so that `tar chvfz notebook.tar.gz *` takes the same bytes as everybody else.
"""

from __future__ import annotations

import base64
import json
import random
import sysconfig
from dataclasses import dataclass
from pathlib import Path

_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of each; the default makes about 600 MB in 8,000 files."""

    checkpoints: int = 8
    checkpoint_mb: int = 40
    tables: int = 8
    table_mb: int = 20
    pictures: int = 5000
    sources: int = 3000
    notebooks: int = 20


SMALL = Size(checkpoints=2, checkpoint_mb=1, tables=1, table_mb=1, pictures=20, sources=20)


def fill(root: Path, size: Size) -> int:
    """Make the tree, the same one each time; returns the bytes of its files."""
    dice = random.Random(20261122)
    for number in range(size.checkpoints):
        _write(root / f"runs/step-{number:04d}.pt", dice.randbytes(size.checkpoint_mb * _MB))
    for number in range(size.tables):
        _write(root / f"data/part-{number:02d}.csv", _table(dice, size.table_mb * _MB))
    for number in range(size.pictures):
        _write(root / f"data/pictures/{number % 100:02d}/{number}.jpg", dice.randbytes(15_000))
    for number, source in enumerate(_sources(size.sources)):
        _write(root / f"src/{number % 50:02d}/{number}_{source.name}", source.read_bytes())
    for number in range(size.notebooks):
        _write(root / f"exercise_{number}.ipynb", _notebook(dice))
    return sum(each.stat().st_size for each in root.rglob("*") if each.is_file())


def change(root: Path, again: int) -> int:
    """What an afternoon leaves: two notebooks saved, a log, fifty new pictures, some sources.

    Returns the bytes of the files that are new or not as before.
    """
    dice = random.Random(again)
    changed = [root / f"exercise_{number}.ipynb" for number in range(2)]
    for each in changed:
        _write(each, _notebook(dice))
    log = root / "runs" / f"afternoon-{again}.log"
    _write(log, _table(dice, _MB))
    pictures = [root / "data" / "new" / f"{again}-{number}.jpg" for number in range(50)]
    for each in pictures:
        _write(each, dice.randbytes(15_000))
    sources = sorted((root / "src" / "00").iterdir())[:5]
    for each in sources:
        _write(each, each.read_bytes() + b"\n# looked at\n")
    return sum(each.stat().st_size for each in [*changed, log, *pictures, *sources])


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _table(dice: random.Random, size: int) -> bytes:
    """Measurements as CSV. A megabyte is made and repeated in another order of rows."""
    rows = [
        f"{number},{dice.gauss(0, 1):.6f},{dice.gauss(20, 4):.3f},{dice.choice(_KINDS)}\n"
        for number in range(min(size, _MB) // 30)
    ]
    text = bytearray()
    while len(text) < size:
        dice.shuffle(rows)
        text += "".join(rows).encode()
    return bytes(text[:size])


_KINDS = ("train", "validation", "test")


def _notebook(dice: random.Random) -> bytes:
    """Ten cells, each with a picture in its output."""
    cells = [
        {
            "cell_type": "code",
            "source": f"plot(run[{number}])\n" * 5,
            "outputs": [
                {"data": {"image/png": base64.b64encode(dice.randbytes(60_000)).decode()}},
            ],
        }
        for number in range(10)
    ]
    return json.dumps({"cells": cells, "nbformat": 4}, indent=1).encode()


def _sources(count: int) -> list[Path]:
    """Real source text, from Python's own library."""
    library = Path(sysconfig.get_path("stdlib"))
    found = sorted(each for each in library.rglob("*.py") if each.stat().st_size)
    return found[:count]
