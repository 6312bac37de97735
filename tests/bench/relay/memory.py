"""What a process and its children hold, by the kernel's books."""

from __future__ import annotations

import contextlib
from pathlib import Path


def used(pid: int) -> int:
    """Bytes of memory that are theirs: what is shared counts in shares (Linux, `smaps_rollup`)."""
    return sum(_share(each) for each in (pid, *_children(pid)))


def _share(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found
