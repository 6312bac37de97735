"""What the tests of archives do again and again."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.domain.archives import Proof
from bot.services.archives import Archives
from tests.services.archives.conftest import Rig

TOOLS = "sh bash find tar xargs sha256sum gzip head tail df cat mkdir timeout ls dirname echo"


async def all_of(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def saved(archives: Archives, rig: Rig, **options: Any) -> Proof:
    proof = await archives.save(rig.rental, rig.shell, **options)
    assert isinstance(proof, Proof), proof
    return proof


def without_zstd(folder: Path) -> Path:
    """A folder of programs in which zstd is missing."""
    folder.mkdir()
    for name in TOOLS.split():
        (folder / name).symlink_to(shutil.which(name) or "")
    return folder


def with_program(folder: Path, name: str, text: str) -> Path:
    """The same folder, with one program of the test's own."""
    without_zstd(folder)
    (folder / name).unlink()
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return folder
