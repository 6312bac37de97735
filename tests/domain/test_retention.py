"""When archives end, and who is told before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.archives import Archive, ArchiveId
from bot.domain.letters import Kind
from bot.domain.rentals import RentalId
from bot.domain.retention import Keeping, expiries, leaving
from tests.builders import NOW
from tests.domain.test_archives import an_archive

DAY = timedelta(days=1)


def of(rental_id: str, *, days_ago: int = 0, archive_id: str = "", owner: int = 1) -> Archive:
    at = NOW - DAY * days_ago
    return replace(
        an_archive(archive_id or f"a{rental_id}"),
        rental_id=RentalId(rental_id), owner_id=owner, started_at=at, proven_at=at,
    )  # fmt: skip


def test_what_ends_on_one_day_is_one_warning() -> None:
    """Of one person; another's is another."""
    archives = [of("r"), of("s"), of("t", days_ago=1), of("u", owner=2)]

    groups = leaving(archives, expiries(archives))

    assert sorted(sorted(one.id for one in group.archives) for group in groups) == [
        ["ar", "as"],
        ["at"],
        ["au"],
    ]


@pytest.mark.parametrize(
    ("left", "kind"),
    [
        (DAY * 8, None),
        (DAY * 7, Kind.EXPIRES),
        (DAY * 2, Kind.EXPIRES),
        (DAY, Kind.EXPIRES_SOON),
        (-DAY, Kind.EXPIRES_SOON),
    ],
)
def test_a_week_before_and_a_day_before(left: timedelta, kind: Kind | None) -> None:
    """Each once: its moment is the end, whenever it is written."""
    archives = [of("r")]
    (group,) = leaving(archives, expiries(archives))

    writing = group.writing(group.end - left)

    assert (writing.kind if writing else None) is kind
    if writing is not None:
        assert writing.at == group.end
        assert json.loads(writing.detail)[0][0] == "ar"


def test_older_ones_end_without_a_word_and_those_of_open_rentals_not_at_all() -> None:
    archives = [of("r", days_ago=3, archive_id="old"), of("r"), of("s")]

    ends = expiries(archives, Keeping(older=DAY * 10), running={RentalId("s")})

    assert ends == {ArchiveId("old"): NOW + DAY * 7, ArchiveId("ar"): NOW + DAY * 90}
    assert [[one.id for one in group.archives] for group in leaving(archives, ends)] == [["ar"]]


def test_what_is_kept_longer_ends_later() -> None:
    kept = replace(of("r"), keep_until=NOW + DAY * 200)

    assert expiries([kept]) == {kept.id: NOW + DAY * 200}
