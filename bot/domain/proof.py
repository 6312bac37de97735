"""What is still to be sent, and what is proven: an archive held against a machine, and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.archives import ArchiveId, Hashed, LeftOut, Member, PartId, Stored
from bot.domain.packed import Packed
from bot.domain.trees import LONGEST_PATH, Entry, Kind, inode, unchanged

_TICK = timedelta(seconds=1)  # file systems round their times down, some of them to that


def keepable(entry: Entry) -> LeftOut | None:
    """None for what can be archived; else what to say about it."""
    if entry.kind is Kind.SOCKET:
        return LeftOut(path=entry.path, reason="a socket, made by a program", lost=False)
    if entry.kind in (Kind.BLOCK, Kind.CHARACTER):
        return LeftOut(path=entry.path, reason="a device", lost=False)
    if entry.kind is Kind.UNKNOWN:
        return LeftOut(path=entry.path, reason="of an unknown kind", lost=True)
    if len(entry.path) > LONGEST_PATH:
        return LeftOut(path=entry.path, reason="its path is too long for tar", lost=True)
    return None


def to_send(wanted: Packed[Entry], stored: Mapping[bytes, Stored]) -> Packed[Entry]:
    """The entries that do not lie in the place as they are now, hard links with their group.

    A group of hard links whose names lie in different parts is sent again as one.
    """
    if not stored:
        return wanted
    whole = _groups_to_send(wanted, stored)
    return wanted.only(lambda entry: inode(entry) in whole or _lacks(entry, stored))


def _groups_to_send(
    wanted: Packed[Entry], stored: Mapping[bytes, Stored]
) -> set[tuple[int, int] | None]:
    """The inodes of which some name is lacking, or lies in another part than the others."""
    homes: dict[tuple[int, int], PartId] = {}
    whole: set[tuple[int, int] | None] = set()
    for entry in wanted.each():
        if (shared := inode(entry)) is None:
            continue
        home = None if _lacks(entry, stored) else stored[entry.path].part
        if home is None or homes.setdefault(shared, home) != home:
            whole.add(shared)
    return whole


def _lacks(entry: Entry, stored: Mapping[bytes, Stored]) -> bool:
    lying = stored.get(entry.path)
    return lying is None or not unchanged(lying.entry, entry)


def delivered(sent: Sequence[Entry], members: Iterable[Member], part: PartId) -> list[Stored]:
    """Those of the sent entries that came back from the place as the scan had described them.

    What is missing here vanished, changed or could not be read while it was sent.
    """
    came = {member.path: member for member in members}
    return [
        Stored(entry=entry, sha256=came[entry.path].sha256, part=part)
        for entry in sent
        if entry.path in came and _agree(entry, came[entry.path])
    ]


def undigested(stored: Iterable[Stored], came: Mapping[bytes, Hashed]) -> dict[bytes, bytes]:
    """The files whose digest at the source is not that of what lies in the place, and why not.

    `came` is what the machine gave after the transfer; the reason is the other digest, or empty
    where it gave none.
    """
    doubts: dict[bytes, bytes] = {}
    for each in stored:
        if each.entry.kind is not Kind.FILE:
            continue
        found = came.get(each.entry.path)
        if found is None or not each.sha256 or found.sha256 != each.sha256:
            doubts[each.entry.path] = found.sha256 if found is not None else b""
    return doubts


def unproven(
    wanted: Packed[Entry], stored: Mapping[bytes, Stored], doubts: Collection[bytes]
) -> Packed[Entry]:
    """What keeps an archive from being accepted; empty means that it is proven.

    `wanted` is the scan made after the hashing, `doubts` what hashing did not agree with or was not
    asked for. Every entry must lie in the place with exactly the facts of this scan, and every
    file's digest there must be the one that was read back.
    """
    whole = _groups_to_send(wanted, stored)
    return wanted.only(
        lambda entry: inode(entry) in whole or _lacks(entry, stored) or entry.path in doubts
    )


def free(
    present: Iterable[PartId], named: Iterable[PartId], *, writing: Iterable[ArchiveId]
) -> list[PartId]:
    """The parts that no manifest names and no living run is writing."""
    kept, busy = set(named), set(writing)
    return sorted(part for part in present if part not in kept and part.archive not in busy)


def torn(wanted: Mapping[bytes, Entry], found: Mapping[bytes, Entry]) -> set[bytes]:
    """The names of hard links that are no longer names of one file."""
    homes: dict[tuple[int, int], tuple[int, int]] = {}
    faults: set[bytes] = set()
    for path, entry in wanted.items():
        # GNU tar links the names of files and of links; of a FIFO it makes one for each name.
        linked = entry.links > 1 and entry.kind in (Kind.FILE, Kind.LINK)
        if not linked or path not in found:
            continue
        here = (found[path].device, found[path].inode)
        if homes.setdefault((entry.device, entry.inode), here) != here:
            faults.add(path)
    return faults


def still_restored(stored: Entry, now: Entry, restored_at: datetime) -> bool:
    """Whether an entry looks as it was put there by a restore, and was not touched since then.

    Inodes and change times are the new machine's, so they say only that. It is reason to hash
    the file there instead of sending it; what the hash does not agree with is sent after all.
    """
    untouched = now.ctime_ns <= int((restored_at - _TICK).timestamp() * 1_000_000_000)
    return untouched and now.links == stored.links and not restored_as(stored, now)


def restored_as(wanted: Entry, found: Entry | None) -> str:
    """What is different about a restored entry, in words; empty where it is the same.

    Inodes and change times are the machine's own and cannot be restored; a folder's size is its
    file system's.
    """
    if found is None:
        return "missing"
    if wanted.kind is not found.kind:
        return "of another kind"
    faults = []
    if wanted.kind is Kind.FILE and wanted.size != found.size:
        faults.append("size")
    if wanted.target != found.target:
        faults.append("link target")
    if wanted.mtime_ns != found.mtime_ns:
        faults.append("time")
    if wanted.kind is not Kind.LINK and wanted.mode != found.mode:
        faults.append("mode")
    if (wanted.uid, wanted.gid) != (found.uid, found.gid):
        faults.append("owner")
    return ", ".join(faults)


def _agree(entry: Entry, member: Member) -> bool:
    return (
        member.kind is entry.kind
        and member.mtime_ns == entry.mtime_ns
        and (entry.kind is not Kind.FILE or member.size == entry.size)
        and (entry.kind is Kind.LINK or member.mode == entry.mode)
        and (member.uid, member.gid) == (entry.uid, entry.gid)
        and member.target == entry.target
    )
