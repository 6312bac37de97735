"""A workspace is archived over SSH, proven, and comes back as it was on another machine."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.archive.workspace import SshWorkspaces
from bot.domain.archive_costs import Caps
from bot.domain.archives import Failure, Progress, Trouble
from bot.domain.money import Usd
from bot.errors import Busy, DiskFull, NotFound, Refused
from bot.services.archives import Archives
from tests import nasty
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import all_of, saved, with_program, without_zstd


async def test_a_nasty_tree_comes_back_identical(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """Names, links, holes, attributes, modes, owners and times; nothing in it is ever executed."""
    nasty.make(rig.workspace)
    before = nasty.portrait(rig.workspace)

    proof = await saved(archives, rig)
    other = await rent()
    restored = await archives.restore(proof.archive.id, other.shell)

    assert nasty.portrait(rig.workspace) == before
    after = nasty.portrait(other.workspace)
    assert list(after) == list(before)
    assert {path: after[path] for path in before if before[path] != after[path]} == {}
    assert restored.entries == proof.archive.entries == len(before)
    assert (other.workspace / "sparse").stat().st_blocks * 512 < 10_000_000
    assert [left.path for left in proof.report.unarchivable] == [b"socket"]
    assert not proof.archive.loses_work
    assert {b"out", b"up"} <= set(proof.report.links_out)
    assert not (rig.workspace / "PWNED").exists()
    assert not (rig.home / "PWNED").exists()


async def test_nothing_of_ours_stays_on_the_machine(rig: Rig, archives: Archives) -> None:
    """No list, no copy, no program: neither at home nor beside the workspace."""
    (rig.workspace / "a").write_text("work")
    machine = rig.home.parent
    before = sorted(str(path) for path in machine.rglob("*"))

    await saved(archives, rig)

    assert sorted(str(path) for path in machine.rglob("*")) == before


async def test_five_thousand_small_files_travel_in_few_parts(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    archives = archives_with(archives, part_bytes=512_000_000, part_entries=5_000)
    nasty.make(rig.workspace, small=5_000)

    proof = await saved(archives, rig)

    manifest = await archives.contents(proof.archive.id)
    assert proof.archive.entries > 5_000
    assert len(manifest.parts) <= 4
    await archives.check(proof.archive.id)


async def test_a_large_workspace_is_hashed_by_several_commands(
    rig: Rig, workspaces: SshWorkspaces
) -> None:
    """Each file once, whatever command it fell to; two names of one file have one digest."""
    for number in range(4):
        with (rig.workspace / f"{number}").open("wb") as file:
            file.write(bytes([number]))
            file.truncate(40_000_000)
    os.link(rig.workspace / "3", rig.workspace / "three")
    root = str(rig.workspace)
    entries = (await workspaces.scan(rig.shell, root)).entries

    digests = await workspaces.digests(rig.shell, root, entries)

    files = {each.name.encode(): each for each in rig.workspace.iterdir() if each.is_file()}
    assert {b"0", b"1", b"2", b"3", b"three"} <= set(digests) <= set(files)
    for name, digest in digests.items():
        assert digest.sha256 == hashlib.sha256(files[name].read_bytes()).digest()


def archives_with(archives: Archives, **changes: Any) -> Archives:
    """The same archives with parts of another size."""
    return Archives(
        books=archives._books,
        vault=archives._vault,
        workspaces=archives._workspaces,
        clock=archives._clock,
        **changes,
    )


async def test_the_second_run_sends_only_what_changed(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """A change whose size and time were put back, a file moved in with an old time: both seen."""
    for number in range(100):
        (rig.workspace / f"{number}").write_bytes(os.urandom(5_000))
    (rig.workspace / "one").write_text("linked")
    os.link(rig.workspace / "one", rig.workspace / "two")
    first = await saved(archives, rig)
    was = (rig.workspace / "7").stat()
    (rig.workspace / "7").write_bytes(os.urandom(5_000))
    os.utime(rig.workspace / "7", ns=(was.st_atime_ns, was.st_mtime_ns))
    (rig.home / "old").write_text("moved in")
    os.utime(rig.home / "old", ns=(0, 0))
    (rig.home / "old").rename(rig.workspace / "old")
    (rig.workspace / "two").rename(rig.workspace / "three")
    (rig.workspace / "9").unlink()

    second = await saved(archives, rig)

    assert second.archive.parent == first.archive.id
    assert first.archive.sent > 500_000
    assert second.archive.sent < 10_000
    other = await rent()
    await archives.restore(second.archive.id, other.shell)
    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)
    elder = await rent()
    await archives.restore(first.archive.id, elder.shell)
    assert (elder.workspace / "9").exists()


async def test_a_run_without_changes_sends_nothing(rig: Rig, archives: Archives) -> None:
    (rig.workspace / "a").write_text("work")
    await saved(archives, rig)

    again = await saved(archives, rig)

    assert again.archive.sent == 0


async def test_an_empty_workspace_is_an_archive_too(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    proof = await saved(archives, rig)

    other = await rent()
    restored = await archives.restore(proof.archive.id, other.shell)

    assert restored.entries == proof.archive.entries == 0


async def test_a_machine_without_zstd_uses_gzip(
    rent: Callable[..., Any], archives: Archives, tmp_path: Path
) -> None:
    """On both ends, and in between."""
    poor = await rent(path=str(without_zstd(tmp_path / "poor")))
    nasty.make(poor.workspace, small=20)

    proof = await saved(archives, poor)

    manifest = await archives.contents(proof.archive.id)
    assert {part.codec for part in manifest.parts.values()} == {"gz"}
    rich, poorer = await rent(), await rent(path=str(tmp_path / "poor"))
    for other in (rich, poorer):
        await archives.restore(proof.archive.id, other.shell)
        assert nasty.portrait(other.workspace) == nasty.portrait(poor.workspace)


async def test_a_bashrc_that_prints_changes_nothing(
    rent: Callable[..., Any], archives: Archives
) -> None:
    """What it says comes before the stream and is dropped."""
    noisy = "echo Welcome; echo Welcome >&2; printf 'no end of line'\n"
    talker, other = await rent(bashrc=noisy), await rent(bashrc=noisy)
    nasty.make(talker.workspace, small=5)

    proof = await saved(archives, talker)
    await archives.restore(proof.archive.id, other.shell)

    assert nasty.portrait(other.workspace) == nasty.portrait(talker.workspace)


async def test_a_machine_whose_disk_is_full_is_archived_all_the_same(
    rent: Callable[..., Any], archives: Archives
) -> None:
    """Nothing is written there: not one file may grow by one byte in any command of ours."""
    full, other = await rent(bashrc="ulimit -f 0\n"), await rent()
    nasty.make(full.workspace, small=5)
    assert (await full.shell.run("echo x > x", timeout_s=10, check=False)).status != 0
    (full.workspace / "x").unlink(missing_ok=True)

    proof = await saved(archives, full)
    await archives.restore(proof.archive.id, other.shell)

    assert nasty.portrait(other.workspace) == nasty.portrait(full.workspace)


async def test_a_machine_without_bash_is_archived_like_any_other(
    rent: Callable[..., Any], archives: Archives, tmp_path: Path
) -> None:
    """What runs there is POSIX shell: one that asks for bash finds it broken."""
    broken = with_program(tmp_path / "tools", "bash", "#!/bin/sh\nexit 127\n")
    poor, other = await rent(path=str(broken)), await rent()
    nasty.make(poor.workspace, small=5)
    assert (await poor.shell.run("bash -c true", timeout_s=10, check=False)).status == 127

    proof = await saved(archives, poor)
    await archives.restore(proof.archive.id, other.shell)

    assert nasty.portrait(other.workspace) == nasty.portrait(poor.workspace)


async def test_a_machine_without_gnu_tar_is_told_so(
    rent: Callable[..., Any], archives: Archives, tmp_path: Path
) -> None:
    """In words that name what is missing; nothing is begun."""
    busybox = "#!/bin/sh\necho 'tar: unrecognized option' >&2\nexit 1\n"
    poor = await rent(path=str(with_program(tmp_path / "tools", "tar", busybox)))

    failure = await archives.save(poor.rental, poor.shell)

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.NO_TOOLS
    assert failure.words == ("This machine cannot be archived: it lacks GNU tar 1.29 or newer.")


async def test_over_the_cap_nothing_is_started(rig: Rig, archives: Archives) -> None:
    """The answer says how much it would be; the caller may ask and come again."""
    (rig.workspace / "big").write_bytes(os.urandom(3_000_000))

    failure = await archives.save(rig.rental, rig.shell, caps=Caps(bytes=1_000_000))

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.TOO_LARGE
    assert failure.estimate is not None
    assert 3_000_000 <= failure.estimate.to_send < 3_100_000
    assert failure.estimate.cost > Usd(0)
    assert await archives._books.archives() == []


async def test_the_download_is_a_tar_for_everybody(
    rig: Rig, archives: Archives, tmp_path: Path
) -> None:
    """GNU tar and Python's tarfile read the parts as one."""
    nasty.make(rig.workspace, small=50)
    proof = await saved(archives, rig)

    data = await all_of(archives.download(proof.archive.id))

    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert len(tar.getmembers()) == proof.archive.entries
    out = tmp_path / "out"
    out.mkdir()
    untar = ["tar", "--xattrs", "-xpf", "-", "--numeric-owner", "--delay-directory-restore"]
    await asyncio.to_thread(subprocess.run, untar, input=data, cwd=out, check=True)
    assert nasty.portrait(out) == nasty.portrait(rig.workspace)


async def test_single_files_can_be_had(rig: Rig, archives: Archives) -> None:
    """A plain one, any name of a hard-linked one, one with holes; not a folder or a stranger."""
    nasty.make(rig.workspace, small=5)
    proof = await saved(archives, rig)

    for name in ("random", "linked/one", "zz four", "many holes", "--checkpoint=1", "\n"):
        content = await all_of(archives.file(proof.archive.id, os.fsencode(name)))
        assert content == (rig.workspace / name).read_bytes()
    for name in (b"linked", b"nobody", b"../../etc/passwd"):
        with pytest.raises(NotFound):
            await all_of(archives.file(proof.archive.id, name))


async def test_some_paths_can_be_downloaded_alone(rig: Rig, archives: Archives) -> None:
    """With a hard link come the other names of its file: alone it would lead nowhere."""
    nasty.make(rig.workspace, small=5)
    proof = await saved(archives, rig)

    data = await all_of(archives.download(proof.archive.id, [b"zz four", b"random"]))

    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = {name.removeprefix("./") for name in tar.getnames()}
    assert names == {"random", "zz four", "linked/one", "linked/two", "linked/-three"}


async def test_exclusions_are_named_with_their_sizes(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """The defaults, the owner's own rules, and what an environment held."""
    env = rig.workspace / "venv"
    (env / "lib/python3.11/site-packages/numpy-2.1.0.dist-info").mkdir(parents=True)
    (env / "pyvenv.cfg").write_text("home = /usr/bin")
    (env / "bin").mkdir()
    (env / "bin/python").write_bytes(bytes(range(256)) * 100)
    (env / "my notes.txt").write_text("in the wrong place, and mine")
    (rig.workspace / "scratch").mkdir()
    (rig.workspace / "scratch/huge").write_bytes(os.urandom(50_000))
    (rig.workspace / ".archiveignore").write_text("scratch/\n[\n")
    (rig.workspace / ".gitignore").write_text("precious\n")
    (rig.workspace / "precious").write_text("kept")

    proof = await saved(archives, rig)

    by_name = {each.path.decode(): each for each in proof.report.excluded}
    python = "venv/lib/python3.11"
    assert set(by_name) == {python, "venv/bin/python", "venv/pyvenv.cfg", "scratch"}
    assert by_name[python].packages == ("numpy==2.1.0",)
    assert by_name["scratch"].rule == ".archiveignore"
    assert by_name["scratch"].bytes >= 50_000
    other = await rent()
    await archives.restore(proof.archive.id, other.shell)
    assert sorted(path.name for path in other.workspace.iterdir()) == [
        ".archiveignore",
        ".gitignore",
        "precious",
        "venv",
    ]
    left = sorted(path.name for path in (other.workspace / "venv").iterdir())
    assert left == ["bin", "lib", "my notes.txt"]


async def test_work_elsewhere_is_counted(rig: Rig, archives: Archives) -> None:
    """Files at home are not in the archive, so the message must be able to say so."""
    (rig.workspace / "a").write_text("work")
    (rig.home / "model.bin").write_bytes(bytes(7_000))

    proof = await saved(archives, rig)

    assert [(each.entries, each.bytes) for each in proof.report.outside] == [(1, 7_000)]


@pytest.mark.parametrize("said", ["cut sho", "/root\\0-rf\\0"])
async def test_an_archive_does_not_fail_upon_what_lies_elsewhere(
    rent: Callable[..., Any], archives: Archives, tmp_path: Path, said: str
) -> None:
    """A home folder that takes longer than a minute to look through is ended in a word's middle."""
    rig = await rent(path=str(_with_find(tmp_path, "*-newer*", f"printf '{said}'; exit 0")))
    (rig.workspace / "a").write_text("work")

    proof = await saved(archives, rig)

    assert proof.report.outside == ()


@pytest.mark.parametrize(
    "said",
    [
        "printf 'x\\0%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13",
        "tr '\\0' x < /dev/zero",
    ],
)
async def test_a_machine_that_talks_nonsense_fails_its_own_archive_only(
    rent: Callable[..., Any], archives: Archives, tmp_path: Path, said: str
) -> None:
    """Nothing but its own archive fails, and nothing of ours grows with what it says."""
    folder = _with_find(tmp_path, "*-mindepth*", f"{said}; exit 0")
    rig = await rent(path=str(folder))

    failure = await archives.save(rig.rental, rig.shell)

    assert isinstance(failure, Failure)
    assert failure.words == "A command on the machine failed."


def _with_find(folder: Path, when: str, then: str) -> Path:
    real = shutil.which("find")
    text = f'#!/bin/sh\ncase "$*" in {when}) {then};; esac\nexec {real} "$@"\n'
    tools = with_program(folder / "tools", "find", text)
    (tools / "tr").symlink_to(shutil.which("tr") or "")
    return tools


async def test_what_cannot_be_read_is_named_and_marks_the_proof(
    rent: Callable[..., Any], archives: Archives, tmp_path: Path
) -> None:
    """A file that tar gets no hold of: the rest is proven, and nobody can take it for all."""
    tar = (
        "#!/bin/sh\n"
        f'case "$*" in *-cf*) sed -z "/locked/d" | {shutil.which("tar")} "$@"; exit;; esac\n'
        f'exec {shutil.which("tar")} "$@"\n'
    )
    tools = with_program(tmp_path / "tools", "tar", tar)
    (tools / "sed").symlink_to(shutil.which("sed") or "")
    rig = await rent(path=str(tools))
    (rig.workspace / "locked").write_text("work")
    (rig.workspace / "open").write_text("work")

    proof = await saved(archives, rig)

    assert [(each.path, each.lost) for each in proof.report.unarchivable] == [(b"locked", True)]
    assert proof.archive.loses_work
    assert set((await archives.contents(proof.archive.id)).stored) == {b"open"}


async def test_progress_is_told(rig: Rig, archives: Archives) -> None:
    nasty.make(rig.workspace, small=5)
    told: list[Progress] = []

    await archives.save(rig.rental, rig.shell, tell=told.append)

    assert told[0].phase.value == "looking"
    assert {each.phase.value for each in told} == {"looking", "sending", "comparing", "writing"}
    assert all(each.done <= each.total for each in told)


async def test_a_restore_does_not_overwrite_work(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """Unless it is said; the same files in the way are no hindrance, and others stay."""
    (rig.workspace / "a").write_text("archived")
    (rig.workspace / "b").write_text("archived")
    proof = await saved(archives, rig)
    other = await rent()
    (other.workspace / "a").write_text("new work")
    (other.workspace / "c").write_text("something else")

    with pytest.raises(Refused, match="in the way") as caught:
        await archives.restore(proof.archive.id, other.shell)

    assert caught.value.public == "Nothing was restored: a is on the machine already."
    assert not (other.workspace / "b").exists()
    restored = await archives.restore(proof.archive.id, other.shell, overwrite=True)
    assert (other.workspace / "a").read_text() == "archived"
    assert restored.others == 1


async def test_what_is_there_already_is_not_sent_again(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    """A restore that broke off is repeated, and a wrong file of the right size is found."""
    for name in "abc":
        (rig.workspace / name).write_bytes(os.urandom(400_000))
    proof = await saved(archives, rig)
    other = await rent()
    await archives.restore(proof.archive.id, other.shell)
    down = other.machines.traffic(2)[1]
    was = (other.workspace / "b").stat()
    (other.workspace / "b").write_bytes(bytes(400_000))
    os.utime(other.workspace / "b", ns=(was.st_atime_ns, was.st_mtime_ns))
    (other.workspace / "c").unlink()

    await archives.restore(proof.archive.id, other.shell, overwrite=True)

    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)
    assert other.machines.traffic(2)[1] - down < 900_000


async def test_a_disk_too_small_is_said_before_anything_is_written(
    rig: Rig, rent: Callable[..., Any], archives: Archives, tmp_path: Path
) -> None:
    (rig.workspace / "a").write_bytes(os.urandom(6_000_000))
    proof = await saved(archives, rig)
    df = "#!/bin/sh\necho head\necho 'disk 20000 10000 10000 50% /workspace'\n"
    other = await rent(path=str(with_program(tmp_path / "tools", "df", df)))

    with pytest.raises(DiskFull) as caught:
        await archives.restore(proof.archive.id, other.shell)

    assert caught.value.public == (
        "The machine's disk is too small: 0.1 GB are needed and 0.0 GB are free."
    )
    assert list(other.workspace.iterdir()) == []


async def test_holes_and_further_names_need_no_room(
    rig: Rig, rent: Callable[..., Any], archives: Archives, tmp_path: Path
) -> None:
    """What a restore needs, and what its quote says, is what lies on a disk."""
    (rig.workspace / "a").write_bytes(os.urandom(6_000_000))
    for number in range(20):
        os.link(rig.workspace / "a", rig.workspace / f"again{number}")
    with (rig.workspace / "sparse").open("wb") as file:
        file.truncate(200_000_000)
    df = "#!/bin/sh\necho head\necho 'disk 90000 10000 60000 50% /workspace'\n"
    other = await rent(path=str(with_program(tmp_path / "tools", "df", df)))

    proof = await saved(archives, rig)
    await archives.restore(proof.archive.id, other.shell)

    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)
    assert proof.archive.bytes < 6_100_000


async def test_a_disk_that_fills_up_meanwhile_is_said(
    rig: Rig, rent: Callable[..., Any], archives: Archives, tmp_path: Path
) -> None:
    """tar says so for each file and goes on; nobody is told that it went well."""
    (rig.workspace / "a").write_bytes(os.urandom(6_000_000))
    proof = await saved(archives, rig)
    tar = (
        "#!/bin/sh\n"
        'case "$*" in *-xf*) cat >/dev/null; '
        "echo 'tar: ./a: Cannot write: No space left on device' >&2; exit 2;; esac\n"
        f'exec {shutil.which("tar")} "$@"\n'
    )
    other = await rent(path=str(with_program(tmp_path / "tools", "tar", tar)))

    with pytest.raises(DiskFull) as caught:
        await archives.restore(proof.archive.id, other.shell)

    assert caught.value.public == "The machine's disk is too small for this archive."
    await archives.check(proof.archive.id)


async def test_a_live_database_is_whole_once_it_rests(
    rig: Rig, rent: Callable[..., Any], archives: Archives
) -> None:
    with closing(sqlite3.connect(rig.workspace / "live.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (x)")
        database.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1000)])
        database.commit()
        proof = await saved(archives, rig)

    other = await rent()
    await archives.restore(proof.archive.id, other.shell)

    with closing(sqlite3.connect(other.workspace / "live.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM t").fetchone() == (1000,)


async def test_one_save_of_a_rental_at_a_time(rig: Rig, archives: Archives) -> None:
    (rig.workspace / "a").write_text("work")

    busy: list[bool] = []

    def tell(progress: Progress) -> None:
        busy.append(rig.rental.id in archives._saving)

    await archives.save(rig.rental, rig.shell, tell=tell)
    archives._saving.add(rig.rental.id)

    with pytest.raises(Busy):
        await archives.save(rig.rental, rig.shell)
    assert all(busy)
