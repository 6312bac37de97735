"""Killed at any moment: what was saved is there, what was begun is continued or freed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.adapters.archive.places import Place, open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.domain.archives import (
    ABANDONED_AGE,
    ArchiveId,
    ArchiveState,
    Failure,
    Phase,
    Progress,
    Proof,
    Trouble,
)
from bot.errors import Busy, NotFound
from bot.ports.archives import Held, Vault
from bot.services.archive_keep import Keeper
from bot.services.archives import Archives
from tests import nasty
from tests.builders import SetClock
from tests.services.archives.conftest import SECRET, Rig
from tests.services.archives.hands import all_of, saved
from tests.services.archives.test_damage import fresh


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


class Mortal(Place):
    """A place whose process dies before or after the n-th change to it."""

    def __init__(self, folder: Path, *, at: int, before: bool) -> None:
        super().__init__(open_place(folder.as_uri())._store, folder=folder)
        self._at = at
        self._before = before
        self.changes = 0

    def put(self, key: str, data: bytes) -> None:
        self._step(True)
        super().put(key, data)
        self._step(False)

    def delete(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        self._step(True)
        super().delete(keys)
        self._step(False)

    def _step(self, before: bool) -> None:
        self.changes += before
        if self.changes >= self._at and before is self._before:
            raise Killed


def mortal(archives: Archives, folder: Path, **options: Any) -> Archives:
    place = Mortal(folder, **options)
    vault = PlaceVault(streams=Streams(place=place, secret=SECRET, chunk_bytes=300_000))
    other = fresh(archives, folder)
    other._vault = vault
    other._keeper._vault = vault
    return other


def objects(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_killed_at_any_change_to_the_place(
    rig: Rig, archives: Archives, place_folder: Path, clock: SetClock, before: bool
) -> None:
    """The next attempt proves it, whatever the moment; afterwards nothing is left but what counts.

    The row says `committed` only for what can be restored.
    """
    at = 1
    while True:
        for number in range(3):
            (rig.workspace / f"{number}").write_bytes(os.urandom(400_000))
        dying = mortal(archives, place_folder, at=at, before=before)
        try:
            outcome = await dying.save(rig.rental, rig.shell)
        except Killed:
            for row in await archives.saved():
                await fresh(archives, place_folder).check(row.id)
            outcome = await fresh(archives, place_folder).save(rig.rental, rig.shell)
            assert isinstance(outcome, Proof)
            await fresh(archives, place_folder).check(outcome.archive.id)
            content = await all_of(archives.file(outcome.archive.id, b"1"))
            assert content == (rig.workspace / "1").read_bytes()
        else:
            break
        at += 1
    assert at > 8

    clock.at = clock.at.__class__.now(clock.at.tzinfo) + timedelta(days=8)
    for row in (await archives.saved())[1:]:
        await archives.delete(row.id)
    await archives.tidy()
    rows = await archives._books.archives()
    assert [row.state for row in rows] == [ArchiveState.COMMITTED]
    manifest = await archives.contents(rows[0].id)
    keys = len({rows[0].id} | {part.archive for part in manifest.parts})
    chunks = sum(part.chunks for part in manifest.parts.values())
    manifest_and_commit, notes = 2, len(manifest.parts)
    assert objects(place_folder) == keys + chunks + notes + manifest_and_commit


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_killed_while_an_archive_is_deleted(
    rig: Rig, rent: Callable[..., Any], archives: Archives, place_folder: Path, before: bool
) -> None:
    """It is gone for good, and the one that was built on it is whole."""
    for at in range(1, 7):
        (rig.workspace / "kept").write_bytes(os.urandom(400_000))
        (rig.workspace / "other").write_bytes(os.urandom(400_000))
        older = await saved(archives, rig)
        (rig.workspace / "other").write_bytes(os.urandom(400_000))
        newer = await saved(archives, rig)
        dying = mortal(archives, place_folder, at=at, before=before)
        try:
            await dying.delete(older.archive.id)
        except Killed:
            later = fresh(archives, place_folder)
            with pytest.raises(NotFound):
                await later.contents(older.archive.id)
            await later.tidy()
        await fresh(archives, place_folder).check(newer.archive.id)
        assert not objects(place_folder / older.archive.id / "manifest")


async def test_a_run_goes_on_after_the_last_part_that_was_read_back(
    rig: Rig, archives: Archives, place_folder: Path
) -> None:
    """What had been sent before the crash is not sent again."""
    for number in range(10):
        (rig.workspace / f"{number}").write_bytes(os.urandom(1_400_000))
    sent: list[int] = []

    def die(progress: Progress) -> None:
        if progress.phase is Phase.SENDING and progress.done > 8_000_000:
            raise Killed

    with pytest.raises(Killed):
        await archives.save(rig.rental, rig.shell, tell=die)
    later = fresh(archives, place_folder)

    await later.save(
        rig.rental,
        rig.shell,
        tell=lambda told: sent.append(told.total) if told.phase is Phase.SENDING else None,
    )

    assert 5_000_000 < sent[0] < 7_000_000


async def test_a_connection_that_breaks_costs_one_part(
    rig: Rig, archives: Archives, place_folder: Path
) -> None:
    """The machine's plug is pulled in the middle: a failure in words, and no archive."""
    for number in range(6):
        (rig.workspace / f"{number}").write_bytes(os.urandom(1_400_000))
    cut: list[bool] = []

    def pull(progress: Progress) -> None:
        if progress.phase is Phase.SENDING and progress.done > 4_000_000 and not cut:
            cut.append(True)
            rig.shell._connection.abort()

    failure = await archives.save(rig.rental, rig.shell, tell=pull)

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.MACHINE
    assert failure.words == "The machine cannot be reached."
    assert await archives.saved() == []


async def test_a_run_that_nobody_continues_leaves_nothing(
    rig: Rig, archives: Archives, place_folder: Path, clock: SetClock
) -> None:
    """After a week it is given up and its parts are freed; not before."""
    (rig.workspace / "a").write_bytes(os.urandom(400_000))
    dying = mortal(archives, place_folder, at=4, before=False)
    with pytest.raises(Killed):
        await dying.save(rig.rental, rig.shell)
    clock.at = clock.at.__class__.now(clock.at.tzinfo)
    there = objects(place_folder)
    clock.turn(timedelta(days=2))
    [row] = await archives._books.archives()
    await archives._books.keep_archive(row.__class__(**_facts(row) | {"touched_at": clock.at}))

    await fresh(archives, place_folder).tidy()
    assert objects(place_folder) == there
    clock.turn(ABANDONED_AGE)
    await fresh(archives, place_folder).tidy()

    assert objects(place_folder) == 0
    assert [row.state for row in await archives._books.archives()] == [ArchiveState.FAILED]


def _facts(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


async def test_an_archive_the_books_do_not_know_is_kept(
    rig: Rig, archives: Archives, place_folder: Path, clock: SetClock, bare_sqlite_url: str
) -> None:
    """After an older backup of the database was restored, newer archives are strangers."""
    (rig.workspace / "a").write_bytes(os.urandom(400_000))
    proof = await saved(archives, rig)
    there = objects(place_folder)
    forgetful = fresh(archives, place_folder)
    forgetful._keeper._books = Forgetful()
    clock.at = clock.at.__class__.now(clock.at.tzinfo) + timedelta(days=400)

    await forgetful.tidy()

    assert objects(place_folder) == there
    await archives.check(proof.archive.id)


async def test_what_others_keep_in_the_same_place_is_left_alone(
    rig: Rig, archives: Archives, place_folder: Path, clock: SetClock
) -> None:
    """The place may be a folder or a bucket that is used for other things as well."""
    (rig.workspace / "a").write_text("work")
    proof = await saved(archives, rig)
    others = [
        place_folder / name
        for name in (
            "list",
            "photos/key.jpg",
            "photos/2019/a.jpg",
            "photos/a/b/c",
            "thesis/draft#2",
        )
    ]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("somebody's")
        os.utime(path, (0, 0))
    clock.at = clock.at.__class__.now(clock.at.tzinfo) + timedelta(days=2)

    await archives.tidy()
    await archives.delete(proof.archive.id)

    assert all(path.read_text() == "somebody's" for path in others)
    assert objects(place_folder) == len(others)


class Forgetful:
    """Books without a row."""

    async def archive(self, archive_id: str) -> None:
        return None

    async def archives(self, **chosen: Any) -> list[Any]:
        return []


async def test_what_is_being_read_is_not_deleted(rig: Rig, archives: Archives) -> None:
    (rig.workspace / "a").write_bytes(os.urandom(400_000))
    proof = await saved(archives, rig)
    download = archives.download(proof.archive.id)
    await anext(download)

    with pytest.raises(Busy):
        await archives.delete(proof.archive.id)

    await download.aclose()
    await archives.delete(proof.archive.id)
    assert await archives.saved() == []


async def test_parts_live_as_long_as_an_archive_names_them(
    rig: Rig, rent: Callable[..., Any], archives: Archives, place_folder: Path
) -> None:
    """Grandparents may go: what their grandchild still names stays, and goes with it."""
    proofs = []
    for number in range(3):
        (rig.workspace / f"{number}").write_bytes(os.urandom(400_000))
        proofs.append(await saved(archives, rig))

    for proof in proofs[:2]:
        await archives.delete(proof.archive.id)

    other = await rent()
    await archives.restore(proofs[2].archive.id, other.shell)
    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)
    await archives.delete(proofs[2].archive.id)
    assert objects(place_folder) == 0


async def test_an_archive_that_ends_while_the_place_is_read_keeps_its_parts(
    rig: Rig, rent: Callable[..., Any], archives: Archives, vault: PlaceVault, clock: SetClock
) -> None:
    """Its COMMIT was not seen, and what it builds on is deleted before the books are read."""
    (rig.workspace / "old").write_bytes(os.urandom(400_000))
    first = await saved(archives, rig)
    (rig.workspace / "new").write_bytes(os.urandom(400_000))
    second: list[Proof] = []

    class Slow(Between):
        async def held(self) -> list[Held]:
            held = await vault.held()
            second.append(await saved(archives, rig))
            await archives._strike(first.archive.id)
            return held

    clock.at = clock.at.__class__.now(clock.at.tzinfo) + timedelta(days=2)
    keeper = Keeper(books=archives._books, vault=cast(Vault, Slow(vault)), clock=clock)

    await keeper.tidy(saving=())

    other = await rent()
    await archives.restore(second[0].archive.id, other.shell)
    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)


class Between:
    """A vault in front of another."""

    def __init__(self, vault: PlaceVault) -> None:
        self._vault = vault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)


async def test_a_run_under_another_secret_does_not_stop_the_tidying(
    rig: Rig, archives: Archives, place_folder: Path, clock: SetClock
) -> None:
    """Nobody can continue it: it is given up like any other, and what is ours is freed."""
    (rig.workspace / "a").write_bytes(os.urandom(400_000))
    proof = await saved(archives, rig)
    lost = replace(proof.archive, id=ArchiveId("lost"), state=ArchiveState.RUNNING)
    await archives._books.begin_archive(lost)
    strange = fresh(archives, place_folder, secret="another secret")
    await strange._vault.open(lost.id)
    await strange._vault.commit(replace(await archives.contents(proof.archive.id), archive=lost))
    clock.turn(ABANDONED_AGE)

    await archives.tidy()

    row = await archives._books.archive(lost.id)
    assert row is not None
    assert row.state is ArchiveState.FAILED


async def test_old_archives_expire_and_the_newest_lives_longer(
    rig: Rig, archives: Archives, clock: SetClock
) -> None:
    (rig.workspace / "a").write_text("1")
    first = await saved(archives, rig)
    clock.turn(timedelta(days=1))
    (rig.workspace / "a").write_text("2")
    second = await saved(archives, rig)

    clock.turn(timedelta(days=29, hours=23))
    assert [gone.id for gone in await archives.expire()] == [first.archive.id]
    clock.turn(timedelta(days=59))
    assert await archives.expire() == []
    clock.turn(timedelta(days=2))

    assert [gone.id for gone in await archives.expire()] == [second.archive.id]
