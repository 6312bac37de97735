"""A place that lost, altered or never had something: refused in plain words, nothing handed out."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.archive.places import Place, open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.domain.archives import Failure, Proof, Trouble
from bot.errors import Damaged, Foreign, PlaceDown
from bot.ports.books import Store
from bot.services.archives import Archives
from tests import nasty
from tests.builders import SetClock
from tests.services.archives.conftest import SECRET, Rig
from tests.services.archives.hands import all_of, saved


def chunks(folder: Path, stream: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and stream in str(path))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def swap(path: Path) -> None:
    """A good chunk of another stream in its place."""
    other = next(each for each in sorted(path.parent.parent.rglob("0*")) if each != path)
    path.write_bytes(other.read_bytes())


@pytest.mark.parametrize("stream", ["part-00000", "part-00001", "manifest", "commit", "key"])
@pytest.mark.parametrize("damage", [flip, cut, swap, Path.unlink])
async def test_damage_is_refused(
    rig: Rig,
    rent: Callable[..., Any],
    archives: Archives,
    place_folder: Path,
    damage: Callable[[Path], None],
    stream: str,
) -> None:
    """A flipped byte, a cut, a swapped or a lost chunk, in a part or in what vouches for it."""
    for number in range(4):
        (rig.workspace / f"{number}").write_bytes(os.urandom(700_000))
    proof = await saved(archives, rig)
    later = fresh(archives, place_folder)
    damage(chunks(place_folder, f"/{stream}")[-1])
    other = await rent()

    for attempt in (
        later.restore(proof.archive.id, other.shell),
        all_of(later.download(proof.archive.id)),
        later.check(proof.archive.id),
    ):
        with pytest.raises(Damaged) as caught:
            await attempt

        assert caught.value.public == (
            "This archive is damaged: a part of it is lost or was changed."
        )


def fresh(archives: Archives, folder: Path, *, secret: str = SECRET) -> Archives:
    """The archives as a process sees them that has just started."""
    vault = PlaceVault(
        streams=Streams(place=open_place(folder.as_uri()), secret=secret, chunk_bytes=300_000)
    )
    return Archives(
        books=archives._books,
        vault=vault,
        workspaces=archives._workspaces,
        clock=archives._clock,
        part_bytes=1_500_000,
        part_entries=60,
    )


async def test_a_lost_part_is_sent_again_by_the_next_save(
    rig: Rig, rent: Callable[..., Any], archives: Archives, place_folder: Path
) -> None:
    """What the earlier archive has lost is not carried over."""
    for number in range(4):
        (rig.workspace / f"{number}").write_bytes(os.urandom(700_000))
    await saved(archives, rig)
    chunks(place_folder, "/part-00000/")[0].unlink()

    second = await saved(fresh(archives, place_folder), rig)

    assert 1_000_000 < second.archive.sent < 2_000_000
    other = await rent()
    await archives.restore(second.archive.id, other.shell)
    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)


async def test_an_archive_of_another_installation_is_refused(
    rig: Rig, rent: Callable[..., Any], archives: Archives, place_folder: Path
) -> None:
    (rig.workspace / "a").write_text("work")
    proof = await saved(archives, rig)
    stranger = fresh(archives, place_folder, secret="another secret")
    other = await rent()

    with pytest.raises(Foreign) as caught:
        await stranger.restore(proof.archive.id, other.shell)

    assert caught.value.public.startswith("This archive was written by another Bellhop")
    assert list(other.workspace.iterdir()) == []
    assert await stranger.tidy() == 0
    await archives.check(proof.archive.id)


async def test_nothing_in_the_place_can_be_read_without_the_secret(
    rig: Rig, archives: Archives, place_folder: Path
) -> None:
    """Neither names nor contents nor the fact that two files are alike."""
    (rig.workspace / ".env").write_text("HF_TOKEN=hf_secret_secret_secret")
    await saved(archives, rig)

    for path in chunks(place_folder, "/"):
        data = path.read_bytes()
        assert b"hf_secret" not in data
        assert b".env" not in data


class Bad(Place):
    """A place that misbehaves at the n-th writing."""

    def __init__(self, folder: Path, *, at: int, how: str) -> None:
        inner = open_place(folder.as_uri())
        super().__init__(inner._store, folder=folder)
        self.at = at
        self.how = how
        self.puts = 0

    def put(self, key: str, data: bytes) -> None:
        self.puts += 1
        if self.puts == self.at and self.how == "refuses":
            raise PlaceDown("no room")
        if self.puts == self.at and self.how == "alters":
            data = data[:100] + bytes([data[100] ^ 1]) + data[101:]
        if self.puts == self.at and self.how == "drops":
            return
        super().put(key, data)


@pytest.mark.parametrize("how", ["refuses", "alters", "drops"])
@pytest.mark.parametrize("at", range(1, 16, 2))
async def test_a_place_that_fails_once_costs_a_repetition_at_most(
    rig: Rig,
    store: Store,
    clock: SetClock,
    archives: Archives,
    place_folder: Path,
    at: int,
    how: str,
) -> None:
    """Nothing that was not read back is ever called proven, whatever was lost on the way."""
    for number in range(4):
        (rig.workspace / f"{number}").write_bytes(os.urandom(500_000))
    bad = fresh(archives, place_folder)
    bad._vault._streams.place = Bad(place_folder, at=at, how=how)

    outcome = await bad.save(rig.rental, rig.shell)

    if isinstance(outcome, Failure):
        assert outcome.trouble is Trouble.PLACE
        assert outcome.words
        outcome = await fresh(archives, place_folder).save(rig.rental, rig.shell)
    assert isinstance(outcome, Proof)
    await fresh(archives, place_folder).check(outcome.archive.id)


class Slow(Place):
    """A place that takes its time over each object, and counts how many wait for it at once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(open_place(folder.as_uri())._store, folder=folder)
        self.waiting = 0
        self.most = 0

    def put(self, key: str, data: bytes) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        time.sleep(0.05)
        super().put(key, data)
        self.waiting -= 1

    def get(self, key: str) -> bytes:
        time.sleep(0.05)
        return super().get(key)


async def test_a_place_that_slows_down_holds_the_machine_back_and_nothing_else(
    rig: Rig, rent: Callable[..., Any], archives: Archives, place_folder: Path
) -> None:
    """What it has not taken yet does not pile up here: two objects wait at a time, never more."""
    for number in range(4):
        (rig.workspace / f"{number}").write_bytes(os.urandom(1_400_000))
    later = fresh(archives, place_folder)
    place = later._vault._streams.place = Slow(place_folder)

    proof = await saved(later, rig)
    other = await rent()
    await later.restore(proof.archive.id, other.shell)

    assert place.most == 2
    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)


async def test_a_damaged_neighbour_keeps_no_archive_from_being_deleted(
    rig: Rig, rent: Callable[..., Any], archives: Archives, place_folder: Path
) -> None:
    """Nothing can be freed while its COMMIT cannot be read; what is deleted is deleted."""
    other = await rent()
    gone, first = await saved(archives, rig), await saved(archives, other)
    flip(chunks(place_folder, f"{first.archive.id}/commit/")[0])
    second = await archives.save(other.rental, other.shell)
    assert isinstance(second, Proof)
    archives = fresh(archives, place_folder)

    await archives.delete(gone.archive.id)

    left = {one.id for one in await archives.saved()}
    assert left == {first.archive.id, second.archive.id}


async def test_a_place_that_is_gone_is_said(
    rig: Rig, archives: Archives, place_folder: Path
) -> None:
    (rig.workspace / "a").write_text("work")
    await asyncio.to_thread(place_folder.rmdir)
    await asyncio.to_thread(place_folder.write_text, "now a file")

    failure = await archives.save(rig.rental, rig.shell)

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.PLACE
    assert failure.words == "The archive store cannot be used right now."
