"""A workspace that changes while it is archived: caught up with, or not verified."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.domain.archives import ArchiveState, Failure, Phase, Progress, Trouble
from bot.services.archives import Archives
from tests import nasty
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import all_of, saved


@contextmanager
def going_on(change: Callable[[int], None]) -> Iterator[None]:
    """Do something again and again in another thread, with hardly a pause, until the block ends."""
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.wait(0.002):
            change(number)
            number += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def test_small_files_that_keep_changing_are_not_verified(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """tar is silent about them; the answer names them. Once they rest, all is well."""
    nasty.make(rig.workspace, small=50)
    busy = rig.workspace / "busy"
    busy.mkdir()

    def change(number: int) -> None:
        (busy / f"{number % 8}").write_text(f"{number:05d}")

    for number in range(8):
        change(number)
    with going_on(change):
        failure = await archives.save(rig.rental, rig.shell)

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.IN_USE
    assert {name.split("/")[0] for name in failure.names} == {"busy"}
    assert failure.words.startswith("Not verified, in use: busy/")
    assert await archives.saved() == []
    proof = await saved(archives, rig)
    assert proof.archive.id == failure.archive_id
    other = await rent()
    await archives.restore(proof.archive.id, other.shell)
    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)


async def test_a_database_that_is_being_written_is_not_verified(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    path = rig.workspace / "live.db"
    with closing(sqlite3.connect(path, check_same_thread=False)) as database:
        database.execute("CREATE TABLE t (x)")

        def change(number: int) -> None:
            database.executemany("INSERT INTO t VALUES (?)", [(number,)] * 20)
            database.commit()

        with going_on(change):
            failure = await archives.save(rig.rental, rig.shell)

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.IN_USE
    assert "live.db" in failure.names
    proof = await saved(archives, rig)
    other = await rent()
    await archives.restore(proof.archive.id, other.shell)
    with closing(sqlite3.connect(other.workspace / "live.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(os.urandom(10_000))


def _shrink(path: Path) -> None:
    os.truncate(path, 100)


def _rewrite_in_secret(path: Path) -> None:
    """Other content, the same size, the old time put back."""
    was = path.stat()
    path.write_bytes(os.urandom(was.st_size))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def _replace(path: Path) -> None:
    (path.parent / "fresh").write_bytes(os.urandom(20_000))
    (path.parent / "fresh").rename(path)


def _to_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "in it").write_text("now a folder")


def _to_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _rename(path: Path) -> None:
    path.rename(path.with_name("another name"))


@pytest.mark.parametrize("phase", [Phase.SENDING, Phase.COMPARING])
@pytest.mark.parametrize(
    "change",
    [
        _grow,
        _shrink,
        _rewrite_in_secret,
        _replace,
        _to_fifo,
        _to_folder,
        _to_link,
        _rename,
        Path.unlink,
        lambda path: path.chmod(0o600),
        lambda path: os.link(path, path.with_name("second name")),
        lambda path: os.setxattr(path, "user.new", b"value"),
    ],
    ids=lambda change: change.__name__,
)
async def test_one_change_in_the_middle_is_caught_up_with(
    rig: Rig,
    rent: Callable[..., Any],
    archives: Archives,
    change: Callable[[Path], object],
    phase: Phase,
) -> None:
    """Between scan and transfer, or between that and the hashing: what counts is the end."""
    for number in range(10):
        (rig.workspace / f"{number}").write_bytes(os.urandom(50_000))
    changed: list[Phase] = []

    def meddle(progress: Progress) -> None:
        if progress.phase is phase and not changed:
            changed.append(phase)
            change(rig.workspace / "5")

    proof = await saved(archives, rig, tell=meddle)

    assert changed
    other = await rent()
    await archives.restore(proof.archive.id, other.shell)
    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)
    data = await all_of(archives.download(proof.archive.id))
    assert len(data) < 10 * 50_000 + 40_000 + 10_240


async def test_three_delta_rounds_are_enough_and_four_are_too_many(
    rig: Rig, archives: Archives
) -> None:
    (rig.workspace / "a").write_text("0")
    (rig.workspace / "b").write_text("still")
    rounds: list[int] = []
    last = 2

    def meddle(progress: Progress) -> None:
        if progress.phase is Phase.COMPARING and len(rounds) <= last:
            rounds.append(progress.again)
            (rig.workspace / "a").write_text(f"{len(rounds)}")

    proof = await saved(archives, rig, tell=meddle)
    assert await all_of(archives.file(proof.archive.id, b"a")) == b"3"
    rounds.clear()
    last = 3

    failure = await archives.save(rig.rental, rig.shell, tell=meddle)

    assert isinstance(failure, Failure)
    assert failure.names == ("a",)
    states = [row.state for row in await archives._books.archives()]
    assert states.count(ArchiveState.COMMITTED) == 1


async def test_the_rules_of_a_run_stay_those_it_began_with(rig: Rig, archives: Archives) -> None:
    """A rule that is written meanwhile does not make files vanish from the archive."""
    (rig.workspace / "a").write_text("work")

    def meddle(progress: Progress) -> None:
        if progress.phase is Phase.COMPARING and progress.again == 0:
            (rig.workspace / ".archiveignore").write_text("a\n")

    proof = await saved(archives, rig, tell=meddle)

    assert b"a" in (await archives.contents(proof.archive.id)).stored


async def test_rules_too_long_to_be_read_leave_nothing_out(rig: Rig, archives: Archives) -> None:
    """Cut in the middle, `/a-scratch/*` would have been `/a`, and the last `!` unseen."""
    (rig.workspace / "a").write_text("work")
    (rig.workspace / "b").write_text("work")
    rules = "b\n" + "#" * 63_995 + "\n/a-scratch/*\n!b\n"
    (rig.workspace / ".archiveignore").write_text(rules)

    proof = await saved(archives, rig)

    assert {b"a", b"b"} <= set((await archives.contents(proof.archive.id)).stored)


async def test_ahead_of_time_what_keeps_changing_is_left_out_and_said(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """A host that vanishes must not cost a day's work because of one log."""
    (rig.workspace / "work").write_text("precious")
    log = rig.workspace / "log"
    log.write_bytes(b"")

    with going_on(lambda number: _grow(log)):
        proof = await saved(archives, rig, partial=True)

    assert proof.archive.loses_work
    assert [left.path for left in proof.report.unarchivable] == [b"log"]
    other = await rent()
    await archives.restore(proof.archive.id, other.shell)
    assert (other.workspace / "work").read_text() == "precious"
    assert not (other.workspace / "log").exists()
