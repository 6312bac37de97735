"""Places and what is sealed in them: a folder, a store in memory, and a real S3 server."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from bot.adapters.archive.places import Place, open_place
from bot.adapters.archive.streams import Streams
from bot.domain.archives import ArchiveId
from bot.errors import Config, Damaged, Foreign, PlaceDown

ARCHIVE = ArchiveId("bcdfg")


@pytest.fixture(params=["folder", "store", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    match request.param:
        case "folder":
            return open_place((tmp_path / "place").as_uri())
        case "s3":
            return open_place(request.getfixturevalue("s3_url"))
        case _:
            return Place(MemoryStore())


def test_objects_come_back_until_they_are_deleted(place: Place) -> None:
    place.put("a/b/0", b"one")
    place.put("a/b/0", b"two")
    place.put("a/bc/0", b"x" * 1000)

    assert place.get("a/b/0") == b"two"
    assert [each.key for each in place.list("a/b")] == ["a/b/0"]
    assert sum(each.size for each in place.list()) == 1003
    place.delete(["a/b/0", "a/nothing"])
    place.delete(["a/b/0"])
    assert place.find("a/b/0") is None
    with pytest.raises(Damaged):
        place.get("a/b/0")
    assert list(place.list("nothing")) == []


def test_a_place_can_be_checked(place: Place) -> None:
    """And nothing is left behind."""
    place.check()

    assert list(place.list()) == []


def test_more_than_a_page_is_listed_and_deleted(place: Place) -> None:
    """S3 lists a thousand at a time and deletes as many."""
    for number in range(1_003):
        place.put(f"a/x/{number:06d}", b"")

    found = [each.key for each in place.list("a")]
    assert len(found) == 1_003
    place.delete(found)
    assert list(place.list()) == []


@given(st.lists(st.binary(max_size=300)))
def test_streams_come_back_whatever_their_pieces(data: list[bytes]) -> None:
    streams = Streams(place=Place(MemoryStore()), secret="s", chunk_bytes=100)
    streams.make_key(ARCHIVE)

    streams.write(ARCHIVE, "x", data)

    assert streams.whole(ARCHIVE, "x") == b"".join(data)


def test_a_shorter_stream_leaves_nothing_of_a_longer_one(place: Place) -> None:
    streams = Streams(place=place, secret="s", chunk_bytes=100)
    streams.make_key(ARCHIVE)
    streams.write(ARCHIVE, "x", [bytes(1000)])

    streams.write(ARCHIVE, "x", [b"short"])

    assert streams.whole(ARCHIVE, "x") == b"short"
    assert len(list(place.list(f"{ARCHIVE}/x"))) == 1


def test_chunks_cannot_be_moved_dropped_or_cut(place: Place) -> None:
    """Each knows its stream, its number and whether it is the last."""
    streams = Streams(place=place, secret="s", chunk_bytes=100)
    streams.make_key(ARCHIVE)
    streams.write(ARCHIVE, "x", [bytes(250)])
    streams.write(ARCHIVE, "y", [bytes(250)])
    good = {each.key: place.get(each.key) for each in place.list()}
    key = f"{ARCHIVE}/x/000001"
    for broken in (
        good[f"{ARCHIVE}/x/000000"],
        good[f"{ARCHIVE}/y/000001"],
        good[key][:-1],
        good[key][:4] + b"\1" + good[key][5:],
        b"",
    ):
        place.put(key, broken)

        with pytest.raises(Damaged):
            streams.whole(ARCHIVE, "x")

    place.put(key, good[key])
    assert streams.whole(ARCHIVE, "x") == bytes(250)
    place.delete([f"{ARCHIVE}/x/000002"])
    with pytest.raises(Damaged):
        streams.whole(ARCHIVE, "x")


def test_another_secret_opens_nothing(place: Place) -> None:
    streams = Streams(place=place, secret="ours")
    streams.make_key(ARCHIVE)
    streams.write(ARCHIVE, "x", [b"work"])
    theirs = Streams(place=place, secret="theirs")

    assert not theirs.is_ours(ARCHIVE)
    with pytest.raises(Foreign):
        theirs.whole(ARCHIVE, "x")
    with pytest.raises(Foreign):
        theirs.make_key(ARCHIVE)


@pytest.mark.parametrize(
    "url", ["", "ftp://host/x", "memory:///", "http://host/x", "bucket", "s3:bucket"]
)
def test_other_addresses_are_refused_by_name(url: str) -> None:
    with pytest.raises(Config, match="BELLHOP_ARCHIVE_URL"):
        open_place(url)


@pytest.mark.parametrize("url", ["s3://bucket/prefix", "gs://bucket/prefix", "az://container/x"])
def test_addresses_of_the_providers_are_understood(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is connected to before it is used."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")

    open_place(url)


def test_a_store_that_refuses_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real S3 client against a port where nothing listens; the words hold no address query."""
    for name, value in (
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "do not show"),
        ("AWS_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    place = open_place("s3://bucket/prefix", retries=0)

    with pytest.raises(PlaceDown) as caught:
        place.put("a", b"b")

    assert caught.value.public == "The archive store cannot be used right now."
    assert "do not show" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Config, match="BELLHOP_ARCHIVE_URL"):
        open_place((tmp_path / "file" / "place").as_uri())


def test_what_a_killed_process_was_writing_is_removed(tmp_path: Path) -> None:
    """obstore writes beside the name, with a # and a number, and shows such files to nobody."""
    place = open_place((tmp_path / "place").as_uri())
    place.put("a/part-00000/000000", b"whole")
    half = tmp_path / "place/a/part-00000/000001#1"
    half.write_bytes(b"ha")
    theirs = tmp_path / "place/a/draft#1"
    theirs.write_bytes(b"somebody's")
    young = tmp_path / "place/a/part-00000/000002#1"
    young.write_bytes(b"ha")
    old = datetime.now(UTC) - timedelta(days=2)
    for path in (half, theirs):
        os.utime(path, (old.timestamp(), old.timestamp()))
    assert [each.key for each in place.list()] == ["a/part-00000/000000"]

    before = datetime.now(UTC) - timedelta(days=1)
    assert place.sweep_unfinished(before, is_ours=lambda key: key.startswith("a/part-")) == 1

    assert not half.exists()
    assert theirs.exists()
    assert young.exists()
