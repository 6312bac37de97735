"""When an archive is proven, what it costs, what may be freed, when it expires."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.archive_costs import BY_LEAD, BY_OWNER, estimate
from bot.domain.archives import Archive, ArchiveId, ArchiveState, Hashed, Member, PartId, Stored
from bot.domain.money import Usd
from bot.domain.packed import Packed
from bot.domain.proof import (
    delivered,
    free,
    keepable,
    restored_as,
    to_send,
    torn,
    undigested,
    unproven,
)
from bot.domain.rentals import RentalId
from bot.domain.retention import expiries
from bot.domain.trees import ENTRIES, Entry, Kind
from tests.builders import NOW, an_offer
from tests.domain.test_trees import an_entry, trees

PART = PartId(ArchiveId("a"), 0)


def packed(entries: Iterable[Entry]) -> Packed[Entry]:
    return Packed.of(ENTRIES, entries)


def in_place(entries: list[Entry]) -> dict[bytes, Stored]:
    return {
        entry.path: Stored(
            entry=entry,
            sha256=b"%032d" % entry.inode if entry.kind is Kind.FILE else b"",
            part=PART,
        )
        for entry in entries
    }


def digests(stored: dict[bytes, Stored]) -> dict[bytes, Hashed]:
    return {path: Hashed(path, each.sha256) for path, each in stored.items() if each.sha256}


@given(trees())
def test_what_lies_there_as_it_is_is_proven(entries: list[Entry]) -> None:
    wanted, stored = packed(entries), in_place(entries)
    doubts = undigested(stored.values(), digests(stored))

    assert not to_send(wanted, stored)
    assert not doubts
    assert not unproven(wanted, stored, doubts)


@given(trees().filter(bool), st.data())
def test_one_difference_is_never_overlooked(entries: list[Entry], data: st.DataObject) -> None:
    """An entry that is new, changed, hashed differently or not at all keeps an archive unproven."""
    wanted, stored = {entry.path: entry for entry in entries}, in_place(entries)
    agreed = digests(stored)
    path = data.draw(st.sampled_from(sorted(wanted)))
    faults = ["lost", "touched"]
    if wanted[path].kind is Kind.FILE:
        faults += ["other", "unhashed", "empty"]
    match data.draw(st.sampled_from(faults)):
        case "lost":
            del stored[path]
        case "touched":
            wanted[path] = replace(wanted[path], ctime_ns=wanted[path].ctime_ns + 1)
        case "other":
            agreed[path] = Hashed(path, b"another digest")
        case "unhashed":
            del agreed[path]
        case "empty":
            stored[path] = replace(stored[path], sha256=b"")
            agreed[path] = Hashed(path, b"")
    doubts = undigested(stored.values(), agreed)

    assert path in unproven(packed(wanted.values()), stored, doubts)


def test_hard_links_in_different_parts_are_sent_again() -> None:
    """A part must hold the file that its links lead to."""
    one, two = (an_entry(path, inode=7, links=2) for path in (b"one", b"two"))
    stored = in_place([one, two])
    stored[b"two"] = replace(stored[b"two"], part=PartId(ArchiveId("b"), 3))

    sent = to_send(packed([one, two]), stored)

    assert set(sent) == {b"one", b"two"}


def test_only_what_came_as_described_is_delivered() -> None:
    good, grown, moved = an_entry(b"good"), an_entry(b"grown"), an_entry(b"moved")
    members = [
        Member(
            path=entry.path, kind=Kind.FILE, size=size, mtime_ns=mtime,
            mode=0o644, uid=0, gid=0, sha256=b"d",
        )
        for entry, size, mtime in ((good, 10, 1), (grown, 11, 1), (moved, 10, 2))
    ]  # fmt: skip

    came = delivered([good, grown, moved, an_entry(b"gone")], members, PART)

    assert [each.entry.path for each in came] == [b"good"]


def test_what_cannot_be_archived_is_named() -> None:
    assert keepable(an_entry()) is None
    socket = keepable(an_entry(kind=Kind.SOCKET))
    assert socket is not None
    assert not socket.lost
    long = keepable(an_entry(b"x/" * 2100))
    assert long is not None
    assert long.lost


def test_the_estimate_counts_upload_and_time() -> None:
    """50 GB at $0.01/GB and 500 Mbit/s: 50 cents, and a good quarter of an hour of the machine."""
    offer = an_offer(upload_mbps=Decimal(500))
    offer = replace(offer, rates=replace(offer.rates, upload_per_gb=Usd.of("0.01")))
    entry = an_entry(size=50 * 10**9, disk=50 * 10**9)

    guess = estimate([entry], [entry], offer=offer, per_hour=Usd.of("0.50"))

    assert (guess.bytes, guess.to_send) == (50 * 10**9, 50 * 10**9)
    assert timedelta(minutes=17) < guess.takes < timedelta(minutes=30)
    assert Usd.of("0.60") < guess.cost < Usd.of("0.80")
    assert not BY_OWNER.allow(guess)
    assert BY_LEAD.allow(guess)


def test_a_sparse_file_counts_what_it_takes() -> None:
    sparse = an_entry(size=10**12, disk=4096)

    assert estimate([sparse], [sparse], offer=an_offer(), per_hour=Usd(0)).to_send == 4096


def test_a_file_with_several_names_counts_once() -> None:
    """It is sent, hashed and kept once, whatever it is called."""
    names = [an_entry(b"a%d" % n, size=10**10, disk=10**10, links=4, inode=7) for n in range(4)]

    guess = estimate(names, names, offer=an_offer(), per_hour=Usd(0))

    assert (guess.bytes, guess.to_send) == (10**10, 10**10)
    assert guess.largest == (("a0", 10**10),)


@given(
    st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 5))),
    st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 5))),
    st.sets(st.sampled_from("abc")),
)
def test_only_what_nobody_names_is_freed(
    present: set[tuple[str, int]], named: set[tuple[str, int]], writing: set[str]
) -> None:
    def ids(pairs: set[tuple[str, int]]) -> list[PartId]:
        return [PartId(ArchiveId(archive), number) for archive, number in pairs]

    freed = free(ids(present), ids(named), writing=[ArchiveId(each) for each in writing])

    assert set(freed) == {part for part in ids(present - named) if part.archive not in writing}


def an_archive(name: str, **changes: Any) -> Archive:
    facts: dict[str, Any] = {
        "id": ArchiveId(name),
        "rental_id": RentalId("r"),
        "guild_id": 1,
        "owner_id": 2,
        "name": "fast.ai",
        "state": ArchiveState.COMMITTED,
        "root": "/workspace",
        "started_at": NOW,
        "touched_at": NOW,
        "proven_at": NOW,
        "manifest": "0" * 64,
    }
    return Archive(**facts | changes)


def test_the_newest_archive_of_a_rental_lives_longest() -> None:
    older = an_archive("b", started_at=NOW - timedelta(days=1), proven_at=NOW - timedelta(days=1))
    other = an_archive("c", rental_id=RentalId("s"), proven_at=None)

    ends = expiries([older, an_archive("a"), other, an_archive("d", state=ArchiveState.RUNNING)])

    assert ends == {
        ArchiveId("a"): NOW + timedelta(days=90),
        ArchiveId("b"): NOW + timedelta(days=29),
        ArchiveId("c"): NOW + timedelta(days=90),
    }


def test_a_restored_entry_is_compared_in_words() -> None:
    """Inodes, change times and the size of a folder are the machine's own."""
    entry = an_entry(mode=0o4755)
    there = replace(entry, inode=99, ctime_ns=99, device=99, links=7, disk=0)

    assert restored_as(entry, there) == ""
    assert restored_as(entry, None) == "missing"
    assert restored_as(entry, replace(there, kind=Kind.FIFO)) == "of another kind"
    assert restored_as(entry, replace(there, mode=0o755, mtime_ns=5)) == "time, mode"
    assert restored_as(entry, replace(there, size=5, uid=5, target=b"x")) == (
        "size, link target, owner"
    )
    folder = replace(entry, kind=Kind.FOLDER)
    assert restored_as(folder, replace(folder, size=5)) == ""


def test_links_that_came_apart_are_seen() -> None:
    one, two = (an_entry(path, inode=7, links=2) for path in (b"one", b"two"))

    assert torn({b"one": one, b"two": two}, {b"one": one, b"two": two}) == set()
    assert torn({b"one": one, b"two": two}, {b"one": one, b"two": replace(two, inode=8)}) == {
        b"two"
    }
