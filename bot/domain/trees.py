"""File trees as a scan sees them: entries, what changed between two looks, how they are packed.

Names are bytes, as Linux has them: some are no UTF-8, some hold a newline. Nothing here touches a
file system; the adapters fill these facts in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A look at a whole tree, and what could not be looked at, in find's words."""

    entries: Sequence[Entry]
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


def depth_first(entry: Entry) -> bytes:
    """Sorts a folder before what is in it, and that before the folder's next neighbour.

    As the list of a path's steps would, of which every name has too many to keep: no name holds a
    NUL, and nothing sorts before it.
    """
    return entry.path.replace(b"/", b"\0")


def groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """The entries, names of one inode together, in the order of their first names."""
    together: dict[tuple[int, int], list[Entry]] = {}
    order: list[list[Entry]] = []
    for entry in entries:
        if entry.kind is Kind.FOLDER or entry.links < 2:
            order.append([entry])
            continue
        key = (entry.device, entry.inode)
        if key not in together:
            together[key] = []
            order.append(together[key])
        together[key].append(entry)
    return iter(order)


def whole_groups(some: set[bytes], entries: Iterable[Entry]) -> list[Entry]:
    """Those of the entries whose path is among `some`, and all other names of their inodes.

    Hard links are one file: a part holds all of a group's names or none.
    """
    return [
        entry
        for group in groups(entries)
        if any(entry.path in some for entry in group)
        for entry in group
    ]


def pack(
    entries: Sequence[Entry], *, part_bytes: int = PART_BYTES, part_entries: int = PART_ENTRIES
) -> list[list[Entry]]:
    """Divide entries into parts; folders come last and apart, files too large for a part alone.

    Folders are kept apart because their times and modes must be set after all else is restored.
    """
    folders = sorted((e for e in entries if e.kind is Kind.FOLDER), key=depth_first)
    others = sorted((e for e in entries if e.kind is not Kind.FOLDER), key=depth_first)
    parts: list[list[Entry]] = []
    current: list[Entry] = []
    room = part_bytes
    for group in groups(others):
        weight = group[0].weight
        if weight >= part_bytes:
            parts.append(group)
            continue
        if current and (weight > room or len(current) + len(group) > part_entries):
            parts.append(current)
            current, room = [], part_bytes
        current.extend(group)
        room -= weight
    if current:
        parts.append(current)
    parts.extend(folders[at : at + part_entries] for at in range(0, len(folders), part_entries))
    return parts


def hard_links(entries: Iterable[Entry]) -> Mapping[bytes, bytes]:
    """For every name but the first of an inode with several names here: that first name."""
    seen: defaultdict[tuple[int, int], list[bytes]] = defaultdict(list)
    for entry in entries:
        if entry.kind is not Kind.FOLDER and entry.links > 1:
            seen[entry.device, entry.inode].append(entry.path)
    return {path: min(paths) for paths in seen.values() for path in paths if path != min(paths)}


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
