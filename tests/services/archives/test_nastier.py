"""The other nasty tree, and paths that the kernel does not take in one call."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.services.archives import Archives
from tests import nastier, nasty
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import saved


async def test_everything_that_lstat_shows_comes_back(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """Owners, modes, times, names of one file, attributes and holes; twice over."""
    nastier.make(rig.workspace)

    proof = await saved(archives, rig)
    second = await rent()
    await archives.restore(proof.archive.id, second.shell)

    assert nastier.judge(rig.workspace, second.workspace) == []
    assert [left.path for left in proof.report.unarchivable] == [b"links/socket"]
    again = await saved(archives, second)
    third = await rent()
    await archives.restore(again.archive.id, third.shell)
    assert nastier.judge(rig.workspace, third.workspace) == []


async def test_a_path_beyond_the_kernels_is_reported(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """tar cannot open it. It is named, the rest comes back, and the proof says that work lacks."""
    (rig.workspace / "a").write_text("work")
    name = nastier.beyond_path_max(rig.workspace)

    proof = await saved(archives, rig)

    assert proof.archive.loses_work
    told = {left.path: left.reason for left in proof.report.unarchivable}
    assert told[name] == "its path is too long for tar"
    other = await rent()
    await archives.restore(proof.archive.id, other.shell)
    assert (other.workspace / "a").read_text() == "work"
    shutil.rmtree(rig.workspace / ("p" * 250))


async def test_after_a_restore_only_what_was_touched_is_sent(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """The rest is hashed where it lies; so is a change of content whose time was put back."""
    nasty.make(rig.workspace, small=20)
    for name in ("one", "other"):
        (rig.workspace / name).write_bytes(os.urandom(30_000))
    first = await saved(archives, rig)
    second = await rent()
    await archives.restore(first.archive.id, second.shell)
    was = (second.workspace / "one").stat()
    (second.workspace / "one").write_bytes(os.urandom(30_000))
    os.utime(second.workspace / "one", ns=(was.st_atime_ns, was.st_mtime_ns))
    mode = (second.workspace / "other").stat().st_mode
    now = datetime.now(UTC)
    restored_at = now + timedelta(seconds=1)
    while (second.workspace / "other").stat().st_ctime <= now.timestamp():  # a file's clock is late
        # Not an attribute, which ext4 does not write again, nor its time, when it says the same.
        (second.workspace / "other").chmod(stat.S_IMODE(mode))

    rental = replace(second.rental, restore_id=first.archive.id, restored_at=restored_at)
    proof = await saved(archives, replace(second, rental=rental))

    assert first.archive.sent > 2_000_000
    assert proof.archive.sent < 80_000
    assert proof.archive.parent == first.archive.id
    third = await rent()
    await archives.delete(first.archive.id)
    await archives.restore(proof.archive.id, third.shell)
    assert nastier.judge(second.workspace, third.workspace) == []


async def test_a_fifo_with_two_names_does_not_fail_a_restore(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """GNU tar makes two of it, which hold as little as one."""
    os.mkfifo(rig.workspace / "fifo")
    os.link(rig.workspace / "fifo", rig.workspace / "fifo again")
    proof = await saved(archives, rig)
    other = await rent()

    await archives.restore(proof.archive.id, other.shell)

    assert (other.workspace / "fifo again").is_fifo()
