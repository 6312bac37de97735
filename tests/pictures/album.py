"""The stored pictures, each looked at by a person when it was stored.

`make pictures` stores them anew (it sets RETAKE_PICTURES); what changed is then looked at and
committed together with what changed it.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.pictures.likeness import difference
from tests.pictures.small import shrink

STORED = Path(__file__).with_name("stored")
RETAKE = "RETAKE_PICTURES"


class Album:
    """Compares what is seen with what is stored; `aside` is where unlike ones are put."""

    def __init__(self, aside: Path, *, stored: Path = STORED) -> None:
        self._aside = aside
        self._stored = stored
        self._unlike: list[str] = []
        self._shown: set[Path] = set()

    def show(self, name: str, png: bytes) -> None:
        """One more picture; `name` may have a folder in it."""
        kept = self._stored / f"{name}.png"
        self._shown.add(kept)
        if os.environ.get(RETAKE):
            self._store(kept, png)
            return
        said = difference(png, kept.read_bytes()) if kept.exists() else "it has never been stored"
        if not said:
            return
        seen = self._aside / f"{name.replace('/', '-')}.png"
        seen.write_bytes(png)
        self._unlike.append(f"{name}: {said}; as it is now: {seen}")

    def close(self, folder: str) -> None:
        """Fail where something differed, or where `folder` holds what nobody shows any more."""
        left = sorted(set((self._stored / folder).glob("*.png")) - self._shown)
        if os.environ.get(RETAKE):
            for old in left:
                old.unlink()
            return
        said = [*self._unlike, *(f"{old.name} is of something that is no more" for old in left)]
        assert not said, "look, and if it is meant: make pictures\n" + "\n".join(said)

    def _store(self, kept: Path, png: bytes) -> None:
        """Only where it differs: pictures that look the same make no change to commit."""
        if kept.exists() and not difference(png, kept.read_bytes()):
            return
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(shrink(png))
