"""Files divided among several commands that hash them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.packed import Form, Packed, Packing
from bot.domain.trees import Entry, Kind

_SHARES = 4  # sshd allows ten sessions in one connection, and others need some
_SHARE_BYTES = 64_000_000  # less is not worth another command
_OPENING_BYTES = 10_000  # what opening a file costs, as reading
_LARGE_BYTES = 4_000_000  # one of these can make a share's end late

_NAMES: Form[bytes] = Form(row=lambda path: (path,), thing=lambda row: bytes(row[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one command hashes."""

    names: Packed[bytes]
    bytes: int  # to read


def divided(entries: Packed[Entry]) -> tuple[list[Share], list[tuple[bytes, bytes]]]:
    """The files, in shares of about the same work; and the other names of those with several.

    Such a file is in a share by its first name, which stands beside each of the others.
    """
    firsts: dict[tuple[int, int], bytes] = {}
    others: list[tuple[bytes, bytes]] = []
    large: list[tuple[int, bytes]] = []
    total = sum(entry.size for entry in entries.each() if entry.kind is Kind.FILE)
    making = [_Making() for _ in range(min(_SHARES, 1 + total // _SHARE_BYTES))]
    for entry in entries.each():
        if entry.kind is not Kind.FILE:
            continue
        if entry.links > 1:
            first = firsts.setdefault((entry.device, entry.inode), entry.path)
            if first != entry.path:
                others.append((entry.path, first))
                continue
        if entry.size >= _LARGE_BYTES:
            large.append((entry.size, entry.path))
        else:
            min(making, key=_Making.work).add(entry.path, entry.size)
    _add_large(making, large)
    return [each.done() for each in making if each.names.size], others


class _Making:
    """A share that grows."""

    def __init__(self) -> None:
        self.names = Packing(_NAMES)
        self.bytes = 0

    def add(self, path: bytes, size: int) -> None:
        self.names.add(path)
        self.bytes += size

    def work(self) -> int:
        return self.bytes + _OPENING_BYTES * self.names.size

    def done(self) -> Share:
        return Share(names=self.names.done(), bytes=self.bytes)


def _add_large(making: Sequence[_Making], large: list[tuple[int, bytes]]) -> None:
    """The largest first, each to whoever has least."""
    for size, path in sorted(large, reverse=True):
        min(making, key=_Making.work).add(path, size)
