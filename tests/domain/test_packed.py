"""Packed facts are the ones that were put in, whatever their order and number."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import packed
from bot.domain.packed import Form, Packed, key
from bot.domain.trees import ENTRIES, Entry, Kind
from tests.domain.test_trees import an_entry

_PAIRS: Form[tuple[bytes, int]] = Form(row=tuple, thing=lambda row: (row[0], row[1]))
_MANY = 2 * packed._RUN + packed._BLOCK + 1  # several runs, and a block that is not full

_NAMES = st.binary(min_size=1, max_size=6).filter(lambda path: b"\0" not in path)


@settings(deadline=None)
@given(st.lists(st.tuples(_NAMES, st.integers()), max_size=300))
def test_a_packed_mapping_is_the_plain_one_in_order(pairs: list[tuple[bytes, int]]) -> None:
    """Of one name the last counts, as in a dictionary."""
    plain = dict(pairs)

    found = Packed.of(_PAIRS, pairs)

    assert len(found) == len(plain)
    assert list(found) == sorted(plain, key=key)
    assert list(found.each()) == [(path, plain[path]) for path in sorted(plain, key=key)]
    assert all(found[path] == (path, number) for path, number in plain.items())
    assert found.get(b"not one of them") is None
    assert b"" not in found


def test_more_than_is_sorted_at_a_time_is_sorted_all_the_same() -> None:
    """Two looks at a large tree list it in different orders; the last fact of a name counts."""
    names = [b"%d/%d" % (number % 7, number) for number in range(_MANY)]

    found = Packed.of(_PAIRS, [*((name, 0) for name in names), *((name, 1) for name in names)])

    assert list(found) == sorted(names, key=key)
    assert {number for _, number in found.each()} == {1}
    assert all(name in found for name in names[::97])


def test_some_of_it_and_more_than_it_are_packed_anew() -> None:
    pairs = Packed.of(_PAIRS, ((b"%05d" % number, number) for number in range(_MANY)))

    even = pairs.only(lambda pair: pair[1] % 2 == 0)
    again = even.and_those((b"%05d" % number, -number) for number in range(0, _MANY, 4))

    assert pairs.only(lambda pair: True) is pairs
    assert len(even) == len(again) == (_MANY + 1) // 2
    assert again[b"00002"] == (b"00002", 2)
    assert again[b"00004"] == (b"00004", -4)


@settings(deadline=None)
@given(
    st.builds(
        Entry,
        path=_NAMES,
        kind=st.sampled_from(Kind),
        target=st.binary(max_size=9),
        **dict.fromkeys(
            ("size", "disk", "device", "inode", "mode", "links", "uid", "gid"),
            st.integers(0, 2**64 - 1),
        ),
        mtime_ns=st.integers(-(2**75), 2**75),
        ctime_ns=st.integers(-(2**75), 2**75),
    )
)
def test_an_entry_loses_nothing(entry: Entry) -> None:
    """Whatever its kind, before 1970 or far ahead."""
    assert list(Packed.of(ENTRIES, [entry]).each()) == [entry]


def test_a_hundred_thousand_files_take_a_few_megabytes() -> None:
    """As objects they would take about fifty."""
    entries = (
        an_entry(
            b"data/class-%03d/sample_%07d.json" % (number % 80, number),
            inode=5_000_000 + number,
            mtime_ns=1_700_000_000_000_000_000 + number * 300_007,
            ctime_ns=1_700_000_100_000_000_000 + number * 300_011,
        )
        for number in range(20_000)
    )

    found = Packed.of(ENTRIES, entries)

    assert sum(map(len, found._blocks)) < 20_000 * 60
