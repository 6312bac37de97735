"""Facts about many names, held small: a workspace may have hundreds of thousands of files.

As objects these take about a kilobyte each; here, some dozens of bytes. They lie in blocks,
sorted by name, each block a compressed table of its columns; a fact is an object only while
somebody looks at it. What is packed does not change: another one is made of it.
"""

from __future__ import annotations

import heapq
import marshal
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Row = tuple[Any, ...]
"""The facts of one name: bytes, text and numbers only, the name first."""

_BLOCK = 128  # rows that are compressed together: what one look at one of them costs
_RUN = 4096  # rows that are sorted at a time, as objects
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How a thing becomes a row, and a row that thing again."""

    row: Callable[[T], Row]
    thing: Callable[[Row], T]


class Packed(Mapping[bytes, T]):
    """Things by name, a folder's name before the names in it. `Packing` makes them.

    Looking names up in their own order is quick: the block that was looked at last stays open.
    """

    __slots__ = ("_blocks", "_firsts", "_form", "_open", "_size")

    def __init__(self, form: Form[T], blocks: list[bytes], firsts: list[bytes], size: int) -> None:
        self._form = form
        self._blocks = blocks
        self._firsts = firsts  # the key of each block's first name
        self._size = size
        self._open: tuple[int, dict[bytes, Row]] = (-1, {})

    @classmethod
    def of(cls, form: Form[T], things: Iterable[T]) -> Packed[T]:
        """Things in any order; of those of one name, the last."""
        packing = Packing(form)
        for thing in things:
            packing.add(thing)
        return packing.done()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        for row in self._rows():
            yield row[0]

    def __getitem__(self, path: bytes) -> T:
        return self._form.thing(self._row(path))

    def __contains__(self, path: object) -> bool:
        try:
            return isinstance(path, bytes) and self._row(path) is not None
        except KeyError:
            return False

    def each(self) -> Iterator[T]:
        """All of them, in order; `values()` would look each one up."""
        return map(self._form.thing, self._rows())

    def only(self, wanted: Callable[[T], bool]) -> Packed[T]:
        """Those that are wanted; itself where all are."""
        packing = Packing(self._form)
        for thing in self.each():
            if wanted(thing):
                packing.add(thing)
        return self if packing.size == self._size else packing.done()

    def and_those(self, others: Iterable[T]) -> Packed[T]:
        """These and the others, which replace those of their names."""
        packing = Packing(self._form)
        for row in self._rows():
            packing.add_row(row)
        for thing in others:
            packing.add(thing)
        return packing.done()

    def _row(self, path: bytes) -> Row:
        at = bisect_right(self._firsts, key(path)) - 1
        if at < 0:
            raise KeyError(path)
        number, rows = self._open
        if number != at:
            rows = {row[0]: row for row in _rows(self._blocks[at])}
            self._open = (at, rows)
        return rows[path]

    def _rows(self) -> Iterator[Row]:
        for block in self._blocks:
            yield from _rows(block)


def key(path: bytes) -> bytes:
    """Sorts a folder before what is in it, and that before the folder's next neighbour.

    As the list of a path's steps would, of which every name has too many to keep: no name holds a
    NUL, and nothing sorts before it.
    """
    return path.replace(b"/", b"\0")


class Packing(Generic[T]):
    """Things on their way into a `Packed`, in any order; little is held loose at any time."""

    def __init__(self, form: Form[T]) -> None:
        self._form = form
        self._loose: list[Row] = []
        self._runs: list[_Run] = []
        self.size = 0  # so many came

    def add(self, thing: T) -> None:
        self.add_row(self._form.row(thing))

    def add_row(self, row: Row) -> None:
        self._loose.append(row)
        self.size += 1
        if len(self._loose) == _RUN:
            self._end_run()

    def done(self) -> Packed[T]:
        """What came, and of those of one name the last; nothing may be added after that."""
        self._end_run()
        runs, self._runs = self._runs, []
        if any(before.last >= after.first for before, after in pairwise(runs)):
            runs = [_run(_latest(heapq.merge(*(run.taken() for run in runs), key=_key_of)))]
        blocks = [block for run in runs for block in run.blocks]
        firsts = [first for run in runs for first in run.firsts]
        return Packed(self._form, blocks, firsts, sum(run.size for run in runs))

    def _end_run(self) -> None:
        if self._loose:
            self._loose.sort(key=_key_of)
            self._runs.append(_run(_latest(self._loose)))
            self._loose = []


@dataclass(slots=True)
class _Run:
    """Sorted rows in blocks."""

    blocks: list[bytes]
    firsts: list[bytes]
    size: int
    last: bytes  # the key of the last row

    @property
    def first(self) -> bytes:
        return self.firsts[0]

    def taken(self) -> Iterator[Row]:
        """The rows, each block given up as soon as it is open."""
        self.blocks.reverse()
        while self.blocks:
            yield from _rows(self.blocks.pop())


def _run(rows: Iterable[Row]) -> _Run:
    run = _Run([], [], 0, b"")
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == _BLOCK:
            _end_block(run, block)
            block = []
    if block:
        _end_block(run, block)
    return run


def _end_block(run: _Run, rows: list[Row]) -> None:
    run.blocks.append(zlib.compress(marshal.dumps(tuple(zip(*rows, strict=True))), _LEVEL))
    run.firsts.append(_key_of(rows[0]))
    run.size += len(rows)
    run.last = _key_of(rows[-1])


def _rows(block: bytes) -> Iterator[Row]:
    return zip(*marshal.loads(zlib.decompress(block)), strict=True)


def _latest(rows: Iterable[Row]) -> Iterator[Row]:
    """Sorted rows, of those of one name only the last."""
    before: Row | None = None
    for row in rows:
        if before is not None and before[0] != row[0]:
            yield before
        before = row
    if before is not None:
        yield before


def _key_of(row: Row) -> bytes:
    path: bytes = row[0]
    return path.replace(b"/", b"\0")
