"""A store over S3's protocol that is set up wrongly, refuses, dawdles, or breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.adapters.archive.places import Place, open_place
from bot.adapters.archive.streams import Streams
from bot.domain.archives import ArchiveId
from bot.errors import Damaged, PlaceDown
from tests.s3 import S3, Gate, gate

ARCHIVE = ArchiveId("bcdfg")
SOON = timedelta(seconds=1)


@pytest.fixture
def between(s3: S3) -> Iterator[Gate]:
    with gate(s3) as made:
        yield made


@pytest.fixture
def place(s3: S3, s3_url: str, between: Gate, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place behind a gate, with little patience."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{between.port}")
    return open_place(s3_url, retries=1, request=SOON)


def everything(place: Place) -> list[Any]:
    return [
        lambda: place.put("a/b", b"x"),
        lambda: place.find("a/b"),
        lambda: list(place.list("a")),
        place.check,
    ]


@pytest.mark.parametrize("number", range(4))
def test_a_wrong_bucket_is_named_as_such(s3_url: str, number: int) -> None:
    """Above all it does not look like a place in which everything is lost."""
    with pytest.raises(PlaceDown) as caught:
        everything(open_place("s3://no-such-bucket/x", retries=0))[number]()

    assert "there is no such bucket" in caught.value.public


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_wrong_credentials_are_named_as_such(
    s3_url: str, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    monkeypatch.setenv(name, "AKIAWRONGWRONGWRONGW")

    with pytest.raises(PlaceDown) as caught:
        everything(open_place(s3_url, retries=0))[number]()

    assert "our credentials are refused" in caught.value.public
    assert "AKIAWRONG" not in str(caught.value)


def test_without_credentials_it_says_which_are_missing(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a last resort obstore asks the provider's machine we might run on."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(PlaceDown) as caught:
        open_place(s3_url, retries=0, request=SOON).put("a/b", b"x")

    assert "AWS_ACCESS_KEY_ID" in caught.value.public


def test_a_store_that_refuses_is_asked_again_and_then_down(place: Place, between: Gate) -> None:
    place.put("a/b", b"before")
    between.refuses = True
    between.drop()

    with pytest.raises(PlaceDown):
        place.put("a/c", b"x")

    between.refuses = False
    assert place.get("a/b") == b"before"
    assert place.find("a/c") is None


def test_a_store_that_says_nothing_is_given_up_on(place: Place, between: Gate) -> None:
    """Every call has a deadline."""
    between.silent = True

    for call in everything(place):
        with pytest.raises(PlaceDown):
            call()


def test_a_connection_cut_in_the_middle_of_an_object_leaves_none(
    s3: S3, place: Place, between: Gate
) -> None:
    """Neither the object nor an upload in parts that nobody ends; the next try stores it whole."""
    between.cut_after, between.cuts = 100_000, 5

    with pytest.raises(PlaceDown):
        place.put("a/b", bytes(1_000_000))

    between.cuts = 0
    between.drop()
    assert place.find("a/b") is None
    place.put("a/b", bytes(1_000_000))
    assert place.get("a/b") == bytes(1_000_000)
    assert no_uploads(s3)


def test_one_cut_is_not_noticed(place: Place, between: Gate) -> None:
    """Storing is safe to repeat, so it is."""
    between.cut_after, between.cuts = 100_000, 1

    place.put("a/b", bytes(1_000_000))

    assert place.get("a/b") == bytes(1_000_000)


@pytest.mark.parametrize("fault", ["altered", "cut short", "lost"])
def test_what_the_store_spoils_is_refused(s3: S3, s3_url: str, fault: str) -> None:
    streams = Streams(place=open_place(s3_url), secret="s", chunk_bytes=1_000)
    streams.make_key(ARCHIVE)
    streams.write(ARCHIVE, "x", [bytes(2_500)])
    bucket, _, prefix = s3_url.removeprefix("s3://").partition("/")
    key = f"{prefix}/{ARCHIVE}/x/000001"
    client = s3.client()
    data = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    match fault:
        case "altered":
            client.put_object(Bucket=bucket, Key=key, Body=data[:500] + b"!" + data[501:])
        case "cut short":
            client.put_object(Bucket=bucket, Key=key, Body=data[:-1])
        case _:
            client.delete_object(Bucket=bucket, Key=key)

    with pytest.raises(Damaged):
        streams.whole(ARCHIVE, "x")


def no_uploads(s3: S3) -> bool:
    """Whether no bucket has an upload in parts that was begun and not ended."""
    client = s3.client()
    names = [each["Name"] for each in client.list_buckets()["Buckets"]]
    return not any(client.list_multipart_uploads(Bucket=name).get("Uploads") for name in names)
