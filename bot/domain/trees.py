"""File trees as a scan sees them: entries, what changed between two looks, how they are packed.

Names are bytes, as Linux has them: some are no UTF-8, some hold a newline. Nothing here touches a
file system; the adapters fill these facts in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from operator import attrgetter

from bot.domain.packed import Form, Packed, Row

PART_BYTES = 512_000_000
PART_ENTRIES = 5_000
LONGEST_PATH = 4_093
"""Linux takes 4,095 bytes of path in one call, and every name is given to tar behind a `./`."""


class Kind(StrEnum):
    """What an entry is, by the letter GNU find prints for it."""

    FILE = "f"
    FOLDER = "d"
    LINK = "l"
    FIFO = "p"
    SOCKET = "s"
    BLOCK = "b"
    CHARACTER = "c"
    UNKNOWN = "U"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name in a tree. Times are nanoseconds since 1970, `mode` the permission bits only."""

    path: bytes  # below the root, no leading slash
    kind: Kind
    size: int
    disk: int  # bytes it takes on the disk; less than `size` for a sparse file
    mtime_ns: int
    ctime_ns: int
    device: int
    inode: int
    mode: int
    links: int
    uid: int
    gid: int
    target: bytes = b""  # of a symbolic link

    @property
    def name(self) -> str:
        return shown(self.path)

    @property
    def weight(self) -> int:
        """Bytes that travel for it, at most."""
        return min(self.size, self.disk) if self.kind is Kind.FILE else 0


FACTS = 13
"""How many facts an `Entry` has, its name among them: the columns of one in a row."""


def entry_of(row: Row) -> Entry:
    """The entry whose facts begin a row, in the order of its fields."""
    path, kind, size, disk, mtime_ns, ctime_ns, device, inode, mode, links, uid, gid, target = row
    return Entry(
        path=path,
        kind=_KINDS[kind],
        size=size,
        disk=disk,
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
        device=device,
        inode=inode,
        mode=mode,
        links=links,
        uid=uid,
        gid=gid,
        target=target,
    )


_KINDS = {kind.value: kind for kind in Kind}

entry_row = attrgetter(*(f"{'kind.value' if name == 'kind' else name}" for name in Entry.__slots__))

ENTRIES: Form[Entry] = Form(row=entry_row, thing=entry_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A look at a whole tree, and what could not be looked at, in find's words."""

    entries: Packed[Entry]
    complaints: tuple[str, ...] = ()


def shown(path: bytes) -> str:
    """A path as a person may read it; bytes that are no text, and control characters, escaped."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def unchanged(before: Entry, now: Entry) -> bool:
    """Whether nothing happened to an entry between two looks at one machine.

    The change time is what makes this safe: size and modification time can be put back, it cannot.
    The device is left out, for its number may change when a machine restarts.
    """
    return (
        before.kind is now.kind
        and before.ctime_ns == now.ctime_ns
        and before.mtime_ns == now.mtime_ns
        and before.inode == now.inode
        and before.size == now.size
        and (before.mode, before.uid, before.gid) == (now.mode, now.uid, now.gid)
        and before.links == now.links
        and before.target == now.target
    )


def inode(entry: Entry) -> tuple[int, int] | None:
    """What the names of one file share; None for what has no other name."""
    if entry.kind is Kind.FOLDER or entry.links < 2:
        return None
    return entry.device, entry.inode


def once(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Each file once, whatever the number of its names: it lies on a disk, and travels, once."""
    seen: set[tuple[int, int]] = set()
    for entry in entries:
        shared = inode(entry)
        if shared is None:
            yield entry
        elif shared not in seen:
            seen.add(shared)
            yield entry


def weigh(entries: Iterable[Entry]) -> int:
    """Bytes that travel for all of these, at most; so many they take on a disk."""
    return sum(entry.weight for entry in once(entries))


def pack(
    entries: Iterable[Entry], *, part_bytes: int = PART_BYTES, part_entries: int = PART_ENTRIES
) -> Iterator[list[Entry]]:
    """Divide entries into parts; folders come last and apart, files too large for a part alone.

    Hard links are one file: a part holds all of a group's names, in the place of the first. Folders
    are kept apart because their times and modes must be set after all else is restored.
    """
    packed = Packed.of(ENTRIES, entries)
    current: list[Entry] = []
    room = part_bytes
    for group in _groups(packed):
        weight = group[0].weight
        if weight >= part_bytes:
            yield group
            continue
        if current and (weight > room or len(current) + len(group) > part_entries):
            yield current
            current, room = [], part_bytes
        current.extend(group)
        room -= weight
    if current:
        yield current
    folders = (entry for entry in packed.each() if entry.kind is Kind.FOLDER)
    while some := list(islice(folders, part_entries)):
        yield some


def _groups(entries: Packed[Entry]) -> Iterator[list[Entry]]:
    """All but the folders, names of one inode together, in the order of their first names."""
    together: defaultdict[tuple[int, int], list[Entry]] = defaultdict(list)
    for entry in entries.each():
        if (shared := inode(entry)) is not None:
            together[shared].append(entry)
    for entry in entries.each():
        if (shared := inode(entry)) is None:
            if entry.kind is not Kind.FOLDER:
                yield [entry]
        elif group := together.pop(shared, None):
            yield group


def leaves(entry: Entry, root: bytes) -> bool:
    """Whether a symbolic link leads out of the tree, as far as its text says."""
    target = entry.target
    if target.startswith(b"/"):
        inside = root.rstrip(b"/") + b"/"
        return not (target + b"/").startswith(inside) or b".." in target.split(b"/")
    depth = entry.path.count(b"/")
    for step in target.split(b"/"):
        if step == b"..":
            depth -= 1
        elif step not in (b"", b"."):
            depth += 1
        if depth < 0:
            return True
    return False
