"""What a move asks of archives, on real machines: what has changed since, and a second restore over
the first one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.demo.tour_idle import tree
from bot.services.archives import Archives
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import saved


def _fill(folder: Path) -> None:
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "data" / "deep" / "weights").write_bytes(os.urandom(50_000))
    (folder / "data" / "notes.txt").write_text("first\n")
    (folder / "old name").mkdir()
    (folder / "old name" / "-rf").write_text("kept\n")
    (folder / "becomes a folder").write_text("x")
    os.symlink("data", folder / "link")


async def test_a_machine_that_rests_has_not_changed(rig: Rig, archives: Archives) -> None:
    """Nothing but looking at it happened since its archive."""
    _fill(rig.workspace)
    proof = await saved(archives, rig)

    assert await archives.changed(proof.archive.id, rig.shell) == []


async def test_every_kind_of_change_since_an_archive_is_seen(rig: Rig, archives: Archives) -> None:
    """New, gone, written with the old time put back, and another mode."""
    _fill(rig.workspace)
    proof = await saved(archives, rig)
    notes = rig.workspace / "data" / "notes.txt"
    before = notes.stat()

    notes.write_text("FIRST\n")
    os.utime(notes, ns=(before.st_atime_ns, before.st_mtime_ns))
    (rig.workspace / "new").touch()
    (rig.workspace / "old name" / "-rf").unlink()
    (rig.workspace / "data" / "deep" / "weights").chmod(0o600)

    changed = set(await archives.changed(proof.archive.id, rig.shell))
    assert {"data/notes.txt", "new", "old name/-rf", "data/deep/weights"} <= changed


async def test_a_second_restore_brings_the_machine_to_the_newer_archive(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """Renamed, deleted, turned from a file into a folder: the tree is the newer one, to the last
    name; what somebody made on the new machine stays."""
    other: Rig = await rent()
    _fill(rig.workspace)
    first = await saved(archives, rig)
    await archives.restore(first.archive.id, other.shell, overwrite=True)
    (other.workspace / "made here").write_text("mine\n")
    (rig.workspace / "old name").rename(rig.workspace / "new name")
    (rig.workspace / "data" / "notes.txt").write_text("second\n")
    shutil.rmtree(rig.workspace / "data" / "deep")
    (rig.workspace / "becomes a folder").unlink()
    (rig.workspace / "becomes a folder").mkdir()
    (rig.workspace / "becomes a folder" / "in it").touch()
    second = await saved(archives, rig)

    await archives.restore(
        second.archive.id, other.shell, overwrite=True, instead_of=first.archive.id
    )

    after = tree(other.workspace)
    assert after.pop("made here")
    assert after == tree(rig.workspace)


async def test_a_file_touched_on_the_new_machine_is_not_taken_away(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """It came with the first archive and is not in the second, but somebody wrote on it."""
    other: Rig = await rent()
    _fill(rig.workspace)
    first = await saved(archives, rig)
    await archives.restore(first.archive.id, other.shell, overwrite=True)
    (other.workspace / "data" / "notes.txt").write_text("work\n")
    (rig.workspace / "data" / "notes.txt").unlink()
    second = await saved(archives, rig)

    await archives.restore(
        second.archive.id, other.shell, overwrite=True, instead_of=first.archive.id
    )

    assert (other.workspace / "data" / "notes.txt").read_text() == "work\n"
