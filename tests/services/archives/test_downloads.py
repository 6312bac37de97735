"""Downloads of real archives: the whole, a folder, one file; whose, how often, and damage."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.access import Actor
from bot.errors import BotError, NotFound, NotYours
from bot.ports.books import Store
from bot.services.archives import Archives
from bot.services.downloads import Downloads
from bot.services.shelf import Shelf
from tests.builders import GUILD, OWNER, SetClock
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import all_of, saved

ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")
LINUS = Actor(id=OWNER + 1, guild_id=GUILD, name="linus")
GRACE = Actor(id=OWNER + 2, guild_id=GUILD, name="grace", lead=True)


@pytest.fixture
def downloads(archives: Archives, store: Store, clock: SetClock) -> Downloads:
    return Downloads(
        shelf=Shelf(archives=archives),
        archives=archives,
        links=store,
        clock=clock,
        origin="http://localhost:8642",
    )


async def _fetched(downloads: Downloads, url: str) -> tuple[str, bytes]:
    download = await downloads.fetch(url.rpartition("/")[2])
    assert download is not None
    return download.name, await all_of(download.pieces)


def _flip_a_bit(folder: Path) -> None:
    """In the third chunk of the part that has one."""
    chunk = max(folder.glob("part-*/000002"), key=lambda one: one.stat().st_size)
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)


async def test_the_whole_archive_comes_as_one_tar_gz(
    rig: Rig, archives: Archives, downloads: Downloads
) -> None:
    """Any tar opens it, names and contents as they were."""
    (rig.workspace / "models").mkdir()
    (rig.workspace / "models" / "a b.bin").write_bytes(content := os.urandom(700_000))
    proof = await saved(archives, rig)

    offered = await downloads.offer(ADA, proof.archive.id)
    name, body = await _fetched(downloads, offered.url)

    assert offered.url.startswith("http://localhost:8642/-/download/")
    assert name.endswith(".tar.gz")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(body))) as tar:
        member = tar.extractfile("./models/a b.bin")
        assert member is not None
        assert member.read() == content


async def test_one_file_comes_as_it_is_and_a_folder_as_a_tar(
    rig: Rig, archives: Archives, downloads: Downloads
) -> None:
    """Also one whose name is no text, found as it is shown."""
    (rig.workspace / "d").mkdir()
    (rig.workspace / "d" / "in.txt").write_text("in\n")
    (rig.workspace / "out.txt").write_text("out\n")
    (rig.workspace / os.fsdecode(b"\xff.bin")).write_bytes(b"odd")
    proof = await saved(archives, rig)

    file = await downloads.offer(ADA, proof.archive.id, "out.txt")
    odd = await downloads.offer(ADA, proof.archive.id, "\\xff.bin")
    folder = await downloads.offer(ADA, proof.archive.id, "d/")

    assert await _fetched(downloads, file.url) == ("out.txt", b"out\n")
    assert (await _fetched(downloads, odd.url))[1] == b"odd"
    name, body = await _fetched(downloads, folder.url)
    assert name == "d.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(body))) as tar:
        assert sorted(tar.getnames()) == ["./d", "./d/in.txt"]


async def test_paths_complete_and_long_ones_can_be_chosen(
    rig: Rig, archives: Archives, downloads: Downloads
) -> None:
    """Discord takes 100 characters of a choice; a longer path is named by its digest."""
    long = rig.workspace / ("x" * 90) / ("y" * 90)
    long.mkdir(parents=True)
    (long / "z.txt").write_text("deep\n")
    (rig.workspace / "Model.pt").touch()
    proof = await saved(archives, rig)

    near = await downloads.complete(ADA, proof.archive.id, "model")
    [(shown, typed)] = await downloads.complete(ADA, proof.archive.id, "z.txt")

    assert near == [("Model.pt", "Model.pt")]
    assert shown.endswith("/z.txt")
    assert len(typed) <= 100
    offered = await downloads.offer(ADA, proof.archive.id, typed)
    assert await _fetched(downloads, offered.url) == ("z.txt", b"deep\n")


@pytest.mark.parametrize("name", [" notes.txt", "notes.txt ", " "])
async def test_a_name_with_spaces_around_it_can_be_chosen(
    rig: Rig, archives: Archives, downloads: Downloads, name: str
) -> None:
    """What is typed comes without them."""
    (rig.workspace / name).write_text("mine")
    proof = await saved(archives, rig)

    [(_, typed)] = await downloads.complete(ADA, proof.archive.id, "")
    offered = await downloads.offer(ADA, proof.archive.id, typed.strip())

    assert (await _fetched(downloads, offered.url))[1] == b"mine"


async def test_a_link_is_the_owners_or_a_leads_works_once_and_soon_ends(
    rig: Rig, archives: Archives, downloads: Downloads, clock: SetClock
) -> None:
    (rig.workspace / "a").touch()
    proof = await saved(archives, rig)

    with pytest.raises(NotYours):
        await downloads.offer(LINUS, proof.archive.id)
    with pytest.raises(NotYours):
        await downloads.complete(LINUS, proof.archive.id, "")
    with pytest.raises(NotFound):
        await downloads.offer(ADA, proof.archive.id, "nothing of that name")
    await downloads.offer(GRACE, proof.archive.id)
    once = (await downloads.offer(ADA, proof.archive.id)).url
    late = (await downloads.offer(ADA, proof.archive.id)).url.rpartition("/")[2]
    await _fetched(downloads, once)

    assert await downloads.fetch(once.rpartition("/")[2]) is None
    clock.turn(timedelta(minutes=11))
    assert not await downloads.peek(late)
    assert await downloads.fetch(late) is None


@pytest.mark.parametrize("path", [None, "big.bin"])
async def test_a_damaged_archive_never_ends_like_a_whole_one(
    rig: Rig, archives: Archives, downloads: Downloads, place_folder: Path, path: str | None
) -> None:
    """A chunk near the end is altered: the stream raises before its end."""
    (rig.workspace / "big.bin").write_bytes(os.urandom(1_400_000))
    proof = await saved(archives, rig)
    _flip_a_bit(place_folder / proof.archive.id)

    offered = await downloads.offer(ADA, proof.archive.id, path)
    with pytest.raises(BotError):
        await _fetched(downloads, offered.url)

    await archives.delete(proof.archive.id)  # nobody reads it any more
