"""Parts that are mostly outdated: the little of them that is still needed is sent again.

Archives build on one another, so a part stays in the place for as long as one file in it is as it
was. Without this rule a workspace that changes little by little would keep every part it ever
wrote. Sending less than a third again frees more than twice as much, once the archives that name
the old part have had their time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from bot.domain.archives import Part, PartId, Stored
from bot.domain.packed import Packed
from bot.domain.trees import PART_BYTES, Entry

AT_ONCE = PART_BYTES
"""So much is sent again by one archive at most, lest a short run become a long one."""

_NEEDED = 3  # a part is worn when less than one in so many of its bytes is needed
_HEAD_BYTES = 1_536  # what tar writes about a member, with its extended header


def held(entries: Iterable[Entry]) -> int:
    """What a part of these entries holds before compression, names and facts included."""
    return sum(map(_held, entries))


def worn(
    stored: Packed[Stored], parts: Mapping[PartId, Part], *, at_once: int = AT_ONCE
) -> set[PartId]:
    """The parts to end: what they hold is sent again, although nothing happened to it.

    `stored` is what is still as it was and nothing else. Whole parts only, those of which least
    is needed first, up to `at_once` bytes of `held`; the rest is for the next archives.
    """
    sizes: defaultdict[PartId, int] = defaultdict(int)
    for each in stored.each():
        sizes[each.part] += _held(each.entry)
    ended = [
        part for part in sizes if part in parts and _NEEDED * sizes[part] < _written(parts[part])
    ]
    again: set[PartId] = set()
    for part in sorted(ended, key=lambda part: (sizes[part] / _written(parts[part]), part)):
        if sizes[part] <= at_once:
            at_once -= sizes[part]
            again.add(part)
    return again


def without(stored: Packed[Stored], parts: Collection[PartId]) -> Packed[Stored]:
    """What is stored in other parts than these."""
    return stored.only(lambda each: each.part not in parts)


def _held(entry: Entry) -> int:
    return entry.weight + _HEAD_BYTES


def _written(part: Part) -> int:
    """What it held when it was written. An older version wrote only its size in the place down.

    That is less, for it is compressed: such a part is called worn later, never too early.
    """
    return part.held or part.bytes
