"""Whole archives over S3's protocol: the nasty tree, and a store that breaks off in the middle."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.adapters.archive.places import Place, open_place
from bot.domain.archives import Failure, Trouble
from bot.services.archives import Archives
from tests import nasty
from tests.adapters.archive.test_s3 import no_uploads
from tests.s3 import S3, Gate, gate
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import saved


@pytest.fixture
def between(s3: S3) -> Iterator[Gate]:
    with gate(s3) as made:
        yield made


@pytest.fixture
def place(s3_url: str, between: Gate, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{between.port}")
    return open_place(s3_url, retries=0, request=timedelta(seconds=5))


async def test_a_nasty_tree_survives_s3(
    rig: Rig, rent: Callable[..., Any], archives: Archives, s3: S3
) -> None:
    """Saved, saved again with little, checked, restored, deleted: nothing is left in the bucket."""
    nasty.make(rig.workspace, small=20)
    before = nasty.portrait(rig.workspace)

    first = await saved(archives, rig)
    second = await saved(archives, rig)

    assert second.archive.sent == 0
    await archives.check(second.archive.id)
    other = await rent()
    await archives.restore(second.archive.id, other.shell)
    assert nasty.portrait(other.workspace) == before
    for proof in (second, first):
        await archives.delete(proof.archive.id)
    assert no_uploads(s3)


async def test_a_store_that_breaks_off_costs_the_part_at_most(
    rig: Rig, archives: Archives, between: Gate, place: Place, s3: S3
) -> None:
    """Said in words; the next try goes on after the last part that was read back."""
    for number in range(8):
        (rig.workspace / f"{number}").write_bytes(os.urandom(1_000_000))
    between.cut_after, between.cuts = 4_000_000, 1

    failure = await archives.save(rig.rental, rig.shell)

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.PLACE
    assert "archive store" in failure.words
    there = sum(1 for each in place.list() if "/note-" in each.key)
    assert there > 0

    between.passed = 0
    proof = await saved(archives, rig)

    assert between.passed < 7_500_000
    await archives.check(proof.archive.id)
    assert no_uploads(s3)


async def test_a_store_that_refuses_is_said_and_nothing_is_lost(
    rig: Rig, archives: Archives, between: Gate
) -> None:
    (rig.workspace / "a").write_text("work")
    between.refuses = True

    failure = await archives.save(rig.rental, rig.shell)

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.PLACE
    between.refuses = False
    between.drop()
    await saved(archives, rig)


async def test_a_bucket_that_is_not_there_is_said_as_such(
    rig: Rig, archives: Archives, s3_url: str
) -> None:
    """The machine stays as it is, and what comes next works as soon as the bucket is right."""
    (rig.workspace / "a").write_text("work")
    good = archives._vault._streams.place
    archives._vault._streams.place = open_place("s3://not-there-7f3a/archives", retries=0)

    failure = await archives.save(rig.rental, rig.shell)

    assert isinstance(failure, Failure)
    assert failure.trouble is Trouble.PLACE
    assert failure.words == "The archive store cannot be used: there is no such bucket."
    archives._vault._streams.place = good
    await saved(archives, rig)


async def test_a_part_that_the_store_lost_is_found_by_a_check_and_sent_again(
    rig: Rig, archives: Archives, place: Place
) -> None:
    (rig.workspace / "a").write_bytes(os.urandom(700_000))
    first = await saved(archives, rig)
    lost = [each.key for each in place.list() if "/part-" in each.key]
    place.delete(lost[:1])

    second = await saved(archives, rig)

    assert second.archive.sent > 600_000
    await archives.check(second.archive.id)
    assert second.archive.parent == first.archive.id
