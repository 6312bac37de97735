"""Which parts are worn, and that the place does not grow for ever for a few files in each."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.archives import STORED, ArchiveId, Part, PartId, Stored
from bot.domain.compaction import held, without, worn
from bot.domain.packed import Packed
from bot.domain.trees import ENTRIES, Entry, pack
from tests.domain.test_trees import an_entry


def a_file(name: str, size: int = 1000) -> Entry:
    return an_entry(name.encode(), size=size, disk=size)


def a_part(entries: list[Entry], number: int = 0, *, noted: bool = True) -> Part:
    size = sum(entry.weight for entry in entries)
    part_id = PartId(ArchiveId("a"), number)
    return Part(id=part_id, codec="zst", chunks=1, bytes=size, held=held(entries) if noted else 0)


def lying(entries: list[Entry], part: Part) -> Packed[Stored]:
    return Packed.of(STORED, (Stored(entry=each, sha256=b"s", part=part.id) for each in entries))


def test_less_than_a_third_is_sent_again_and_more_is_not() -> None:
    """Of nine alike, three are a third and two are less."""
    files = [a_file(f"{number}") for number in range(9)]
    part = a_part(files)

    assert worn(lying(files, part), {part.id: part}) == set()
    assert worn(lying(files[:3], part), {part.id: part}) == set()
    assert worn(lying(files[:2], part), {part.id: part}) == {part.id}


def test_many_empty_files_wear_a_part_as_well() -> None:
    """Folders and links weigh nothing and take room all the same."""
    files = [a_file(f"{number}", size=0) for number in range(90)]
    part = a_part(files)

    assert worn(lying(files[:29], part), {part.id: part}) == {part.id}


def test_a_part_of_an_older_version_is_judged_by_its_stored_size() -> None:
    """Which is less than what it held, so it is never called worn too early."""
    files = [a_file(f"{number}", size=100_000) for number in range(9)]
    part = a_part(files, noted=False)

    assert worn(lying(files[:3], part), {part.id: part}) == set()
    assert worn(lying(files[:2], part), {part.id: part}) == {part.id}


def test_one_archive_sends_only_so_much_again() -> None:
    """The emptiest part first; the others have their turn with the next archives."""
    parts, stored = {}, Packed.of(STORED, ())
    for number, left in enumerate((3, 1, 2)):
        files = [a_file(f"{number}/{each}", size=10_000) for each in range(20)]
        part = a_part(files, number)
        parts[part.id] = part
        stored = stored.and_those(lying(files[:left], part).each())

    again = worn(stored, parts, at_once=40_000)
    rest = worn(without(stored, again), parts, at_once=40_000)

    assert {part.number for part in again} == {1, 2}
    assert {part.number for part in rest} == {0}


@settings(deadline=None)  # a loaded machine is no fault of the rule's
@given(st.integers(0, 2**32))
def test_the_place_stays_within_three_times_the_workspace(seed: int) -> None:
    """However a workspace changes, night after night, where only the newest archive is kept.

    Without the rule a few files that never change keep every part they were ever sent in.
    """
    dice = random.Random(seed)
    files = {name: a_file(name, dice.randrange(20_000)) for name in map(str, range(60))}
    stored = Packed.of(STORED, ())
    parts: dict[PartId, Part] = {}
    for _ in range(12):
        touched = dice.sample(sorted(files), 25)
        files |= {name: a_file(name, dice.randrange(20_000)) for name in touched}
        same = Packed.of(ENTRIES, (files[name] for name in files.keys() - set(touched)))
        kept = Packed.of(STORED, (stored[path] for path in same if path in stored))
        stored = without(kept, worn(kept, parts))
        lacking = [each for each in files.values() if each.path not in stored]
        for group in pack(lacking, part_bytes=100_000):
            part = a_part(group, len(parts))
            parts[part.id] = part
            stored = stored.and_those(lying(group, part).each())

        named = {each.part for each in stored.each()}
        assert sum(parts[part].held for part in named) <= 3 * held(files.values())
