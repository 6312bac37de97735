"""What changed between two looks, how entries are packed, where links lead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.packed import Packed
from bot.domain.trees import (
    ENTRIES,
    Entry,
    Kind,
    inode,
    leaves,
    pack,
    shown,
    unchanged,
)


def an_entry(path: bytes = b"a", **changes: Any) -> Entry:
    facts: dict[str, Any] = {
        "path": path,
        "kind": Kind.FILE,
        "size": 10,
        "disk": 4096,
        "mtime_ns": 1,
        "ctime_ns": 2,
        "device": 3,
        "inode": hash(path) & 0xFFFF_FFFF,
        "mode": 0o644,
        "links": 1,
        "uid": 0,
        "gid": 0,
    }
    return Entry(**facts | changes)


def hard_links(entries: Iterable[Entry]) -> dict[bytes, bytes]:
    """For every name but the first of an inode with several names here: that first name."""
    seen: defaultdict[tuple[int, int] | None, list[bytes]] = defaultdict(list)
    for entry in entries:
        seen[inode(entry)].append(entry.path)
    seen.pop(None, None)
    return {path: min(paths) for paths in seen.values() for path in paths if path != min(paths)}


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """Files, folders and hard links of all sizes; each inode has one size and kind."""
    name = st.binary(min_size=1, max_size=6).filter(lambda path: b"\0" not in path)
    paths = draw(st.lists(name, unique=True, max_size=40))
    entries = []
    for path in paths:
        inode = draw(st.integers(1, 25))
        kind = Kind.FOLDER if inode % 5 == 0 else Kind.FILE
        entries.append(
            an_entry(
                path,
                kind=kind,
                inode=inode,
                links=2 if inode % 2 else 1,
                size=inode * 13,
                disk=inode * 13,
            )
        )
    return entries


@given(trees(), st.integers(1, 400), st.integers(1, 12))
def test_packing_loses_nothing_and_keeps_hard_links_together(
    entries: list[Entry], part_bytes: int, part_entries: int
) -> None:
    """Every entry in exactly one part, names of one inode in the same, folders in the last ones."""
    parts = list(pack(entries, part_bytes=part_bytes, part_entries=part_entries))

    packed = [entry for part in parts for entry in part]
    assert sorted(entry.path for entry in packed) == sorted(entry.path for entry in entries)
    assert all(parts)
    home = {entry.path: number for number, part in enumerate(parts) for entry in part}
    for path, first in hard_links(entries).items():
        assert home[path] == home[first]
    kinds = [{entry.kind for entry in part} for part in parts]
    assert kinds == sorted(kinds, key=lambda kind: Kind.FOLDER in kind)
    assert all(len(kind) == 1 or Kind.FOLDER not in kind for kind in kinds)


@given(trees(), st.integers(20, 400))
def test_parts_keep_their_size_unless_one_file_is_larger(
    entries: list[Entry], part_bytes: int
) -> None:
    for part in pack(entries, part_bytes=part_bytes, part_entries=1000):
        inodes = {(e.inode if e.links > 1 else e.path): e.weight for e in part}
        assert sum(inodes.values()) <= part_bytes or len(inodes) == 1


@pytest.mark.parametrize(
    "name", [field.name for field in fields(Entry) if field.name not in ("path", "disk", "device")]
)
def test_every_fact_counts(name: str) -> None:
    """The device does not: its number may change when a machine restarts."""
    before = an_entry()
    value = getattr(before, name)
    other = b"x" if isinstance(value, bytes) else Kind.FIFO if name == "kind" else value + 1

    assert unchanged(before, replace(before, device=9, disk=0))
    assert not unchanged(before, replace(before, **{name: other}))


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        (b"a", b"b", False),
        (b"a", b"..", True),
        (b"a/b", b"..", False),
        (b"a/b", b"../..", True),
        (b"a/b", b"../c/./d", False),
        (b"a", b"b/../../c", True),
        (b"a", b"/workspace", False),
        (b"a", b"/workspace/x", False),
        (b"a", b"/workspaces", True),
        (b"a", b"/workspace/../etc", True),
        (b"a", b"/etc", True),
        (b"a", b"", False),
    ],
)
def test_links_that_lead_out_are_seen(path: bytes, target: bytes, out: bool) -> None:
    link = an_entry(path, kind=Kind.LINK, target=target)

    assert leaves(link, b"/workspace/") is out


_STEP = st.binary(min_size=1, max_size=3).filter(lambda step: not set(step) & set(b"\0/"))


@given(st.lists(st.lists(_STEP, min_size=1, max_size=4), max_size=12, unique_by=tuple))
def test_names_are_sorted_step_by_step(names: list[list[bytes]]) -> None:
    """`a/x` comes before `a-b`, although the hyphen comes before the slash."""
    entries = [an_entry(b"/".join(steps)) for steps in names]

    ordered = [path.split(b"/") for path in Packed.of(ENTRIES, entries)]

    assert ordered == sorted(names)


def test_names_can_be_shown() -> None:
    """Whatever they hold: no control character, no half letter reaches a chat."""
    assert shown("ü 💥".encode()) == "ü 💥"
    assert shown(b"a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert shown(b"\xff\xfe") == "\\xff\\xfe"
    assert shown("a\u202eb".encode()) == "a\\u202eb"
