"""One plain tar stream out of many parts, and single files out of one.

Members are passed on block by block as GNU tar wrote them on the machine, extended attributes and
holes included. Only what the manifest names in a part is taken from it: an older version of a file
that was sent again lies in its part for ever, and is never handed out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator

from bot.adapters.archive.tar import END, Item, items
from bot.domain.archives import Manifest, Part, PartId, Stored
from bot.domain.trees import Entry, Kind, inode
from bot.errors import Damaged, NotFound

Plain = Callable[[Part], Iterator[bytes]]


def tar(
    manifest: Manifest, plain: Plain, paths: Collection[bytes] | None = None
) -> Iterator[bytes]:
    """These paths of the archive (all without any), folders at the end of the stream.

    A path that is a hard link brings the other names of its file along. Raises Damaged where a
    part does not hold what the manifest says, before the stream's end: it never ends cleanly then.
    """
    wanted = _wanted(manifest, paths)
    for folders in (False, True):
        for part_id, names in sorted(_by_part(manifest, wanted, folders=folders).items()):
            yield from _from_part(manifest, plain, part_id, names)
    yield END


def file(manifest: Manifest, plain: Plain, path: bytes) -> Iterator[bytes]:
    """The content of one file. Raises NotFound where the archive has none of that name."""
    stored = manifest.stored.get(path)
    if stored is None or stored.entry.kind is not Kind.FILE:
        raise NotFound(
            "no such file in the archive",
            public="There is no such file in this archive.",
            hint="Choose one of those that appear as you type.",
        )
    same = {
        name
        for name, each in ((each.entry.path, each) for each in manifest.stored.each())
        if each.part == stored.part and _same_file(each, stored)
    }
    for item in items(plain(_part(manifest, stored.part))):
        if item.member.path in same and not item.linked:
            yield from item.content()
            return
    raise Damaged("a part lacks a file that the manifest names in it")


def _from_part(
    manifest: Manifest, plain: Plain, part_id: PartId, names: set[bytes]
) -> Iterator[bytes]:
    missing = set(names)
    for item in items(plain(_part(manifest, part_id))):
        if item.member.path not in names or not _is(item, manifest):
            continue
        missing.discard(item.member.path)
        yield item.head
        yield from item.raw()
    if missing:
        raise Damaged(f"part {part_id.archive}/{part_id.name} lacks {len(missing)} entries")


def _is(item: Item, manifest: Manifest) -> bool:
    """Whether a member is what the manifest means by its name."""
    entry = manifest.stored[item.member.path].entry
    return item.linked or item.member.kind is entry.kind


def _wanted(manifest: Manifest, paths: Collection[bytes] | None) -> Callable[[Entry], bool]:
    """Whether an entry is among these paths, or another name of a file that is."""
    if paths is None:
        return lambda entry: True
    chosen = frozenset(paths)
    groups = {
        shared
        for each in manifest.stored.each()
        if (shared := inode(each.entry)) is not None and each.entry.path in chosen
    }
    return lambda entry: entry.path in chosen or inode(entry) in groups


def _by_part(
    manifest: Manifest, wanted: Callable[[Entry], bool], *, folders: bool
) -> dict[PartId, set[bytes]]:
    found: defaultdict[PartId, set[bytes]] = defaultdict(set)
    for stored in manifest.stored.each():
        if (stored.entry.kind is Kind.FOLDER) is folders and wanted(stored.entry):
            found[stored.part].add(stored.entry.path)
    return found


def _part(manifest: Manifest, part_id: PartId) -> Part:
    try:
        return manifest.parts[part_id]
    except KeyError as error:
        raise Damaged("the manifest does not describe a part that it names") from error


def _same_file(left: Stored, right: Stored) -> bool:
    if left.entry.path == right.entry.path:
        return True
    return left.entry.links > 1 and (left.entry.device, left.entry.inode) == (
        right.entry.device,
        right.entry.inode,
    )
