"""More of what breaks archives, and a judge that compares all that lstat shows, holes included."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
from pathlib import Path
from typing import Any

HOLE_SLACK = 300_000  # bytes that a file may take on the disk beyond what it took before


def make(root: Path) -> None:
    """Fill a folder with what `nasty.make` does not have."""
    root.mkdir(parents=True, exist_ok=True)
    _names(root)
    _links(root)
    _attributes(root)
    _holes(root)
    _folders(root)
    _twins(root)
    _rights(root)


def beyond_path_max(root: Path) -> bytes:
    """A file whose path is longer than the kernel takes in one call; its name below the root."""
    here, names = os.open(root, os.O_DIRECTORY), []
    for _ in range(20):
        name = "p" * 250
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
        names.append(name)
    file = os.open("at the end", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(file, b"work")
    os.close(file)
    os.close(here)
    return "/".join([*names, "at the end"]).encode()


def judge(before: Path, after: Path) -> list[str]:
    """What is different about `after`, in words; nothing where it came back identical."""
    old, new = _tree(before), _tree(after)
    faults = [f"{path!r} is missing" for path in old.keys() - new.keys()]
    faults += [f"{path!r} is new" for path in new.keys() - old.keys()]
    for path in old.keys() & new.keys():
        for name in old[path]:
            was, now = old[path][name], new[path].get(name)
            if name == "blocks":
                if now - was > HOLE_SLACK:
                    faults.append(f"{path!r} takes {now} B and took {was} B")
            elif was != now:
                faults.append(f"{path!r}: {name} was {was!r} and is {now!r}")
    return sorted(faults)


def _names(root: Path) -> None:
    top = os.fsencode(root)
    for name in (
        b"...", b".. ", b"..x", b" ", b"\t", b"\r", b"-", b"--", b"-T", b"--null", b"-C",
        b"--files-from=x", b"@list", b"#1", b"a#1", b"%s%n", b"\\0", b"\\101", b"\\n",
        b"\xff" * 255, b"\x80\n\xfe", b"\x7f\x1b[31m", "\u202eright to left".encode(),
        "\ud55c\uae00".encode(), "\u1112\u1161\u11ab".encode(), b"PaxHeaders.0",
        b"GNUSparseFile.0.d", b"././@LongLink", b"con", b"a:b|c<d>", b".archiveignore~",
        b"commit", b"manifest", b"key",
    ):  # fmt: skip
        path = os.path.join(top, b"names", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"I am " + name)
    os.makedirs(os.path.join(top, b"names/d\n\xff/\n/ "))


def _links(root: Path) -> None:
    folder = root / "links"
    folder.mkdir()
    os.symlink("t" * 4_000, folder / "long target")
    os.symlink(" ", folder / "to a space")
    os.symlink("/", folder / "to the root")
    os.symlink("deep/../../names/...", folder / "roundabout")
    os.symlink("new\nline\x01", folder / "target with control")
    os.utime(folder / "to a space", ns=(0, 7_258_118_400_000_000_001), follow_symlinks=False)
    os.mkfifo(folder / "fifo")
    (folder / "zero").touch()
    for number in range(30):
        os.link(folder / "zero", folder / f"zero {number}")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(folder)
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
    # In two folders, of which one comes long before the other.
    (root / "aaa").mkdir()
    (root / "zzz").mkdir()
    (root / "aaa/x").write_text("one file")
    os.link(root / "aaa/x", root / "zzz/x")


def _attributes(root: Path) -> None:
    folder = root / "attributes"
    folder.mkdir()
    (folder / "file").write_text("with attributes")
    (folder / "empty").touch()
    (folder / "folder").mkdir()
    for name in ("file", "empty", "folder"):
        os.setxattr(folder / name, "user.plain", b"value")
        os.setxattr(folder / name, "user.empty", b"")
        os.setxattr(folder / name, "user.large", bytes(range(256)) * 6)
        os.setxattr(folder / name, "user.new\nline", b"a\nb=c\n10 x=y\n")
        os.setxattr(folder / name, "user.ünï", "ünï".encode())
    (folder / "read only").write_text("with an attribute")
    os.setxattr(folder / "read only", "user.plain", b"value")
    (folder / "read only").chmod(0o400)


def _holes(root: Path) -> None:
    folder = root / "holes"
    folder.mkdir()
    with (folder / "hole, data, hole").open("wb") as file:
        file.seek(3_000_000)
        file.write(os.urandom(5_000))
        file.truncate(300_000_000)
    os.link(folder / "hole, data, hole", folder / "the same")
    with (folder / "data at the end").open("wb") as file:
        file.seek(10_000_000)
        file.write(b"end")
    with (folder / "zeros that are there").open("wb") as file:
        file.write(bytes(2_000_000))
    with (folder / "hundreds").open("wb") as file:
        for number in range(400):
            file.seek(number * 20_000)
            file.write(b"%d" % number)


def _folders(root: Path) -> None:
    folder = root / "folders"
    for mode in (0o000, 0o111, 0o2775, 0o1777, 0o4755, 0o500):
        each = folder / f"{mode:o}"
        each.mkdir(parents=True)
        (each / "in it").write_text("x")
        os.utime(each / "in it", ns=(0, -1))
        each.chmod(mode)
        os.utime(each, ns=(0, 1_000_000_007 + mode))
    for name, at in (
        ("one nanosecond", 1),
        ("before 1970", -1_234_567_890_123_456_789),
        ("far", 9_000_000_000_999_999_999),
    ):
        (folder / name).write_text(name)
        os.utime(folder / name, ns=(at, at))
    for number in range(6):
        (folder / f"mode {number}").write_text("x")
        (folder / f"mode {number}").chmod((0o6755, 0o7777, 0, 0o200, 0o1644, 0o2644)[number])
    os.utime(folder, ns=(0, 42))


def _twins(root: Path) -> None:
    """Names that some file systems take for one, and paths as long as they may be."""
    folder = root / "twins"
    folder.mkdir()
    for name in ("data", "Data", "DATA", "caf\u00e9", "cafe\u0301", "data.", "data ", "\u212b"):
        (folder / name).mkdir()
        (folder / name / "a").write_text(name)
        (folder / name / "A").write_text(name.upper())
    os.symlink("data/", folder / "to a folder, with a slash")
    os.symlink("data/.", folder / "to a folder, with a dot")
    os.symlink("-rf", folder / "to an option")
    (folder / "-rf").write_text("no option")
    deep = folder
    while len(os.fsencode(deep.relative_to(root))) < 3_700 and len(os.fsencode(deep)) < 3_900:
        deep = deep / ("d" * 99)
        deep.mkdir()
    (deep / "at the end").write_text("work")
    os.utime(deep, ns=(0, 4_102_444_800_123_456_789))
    with (folder / "nothing but a hole").open("wb") as file:
        file.truncate(20_000_000)
    (folder / "just before 1970").touch()
    os.utime(folder / "just before 1970", ns=(0, -1))


def _rights(root: Path) -> None:
    """Owners beyond what octal digits of a header hold, access lists, capabilities: of root only.

    The lists are as the kernel keeps them: a version, then tag, permissions and id of each entry.
    """
    if os.geteuid() != 0:
        return
    folder = root / "rights"
    folder.mkdir()
    for name, uid in (("large", 3_000_000), ("largest", 4_294_967_294)):
        (folder / name).write_text(name)
        os.chown(folder / name, uid, uid - 1)
        os.symlink(name, folder / f"to {name}")
        os.chown(folder / f"to {name}", uid, uid - 2, follow_symlinks=False)
    entries = ((1, 6, 2**32 - 1), (2, 4, 1234), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, -1))
    rights = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, may, number & 0xFFFFFFFF) for tag, may, number in entries
    )
    (folder / "listed").write_text("for one more")
    (folder / "listed folder").mkdir()
    os.setxattr(folder / "listed", "system.posix_acl_access", rights)
    os.setxattr(folder / "listed folder", "system.posix_acl_access", rights)
    os.setxattr(folder / "listed folder", "system.posix_acl_default", rights)
    (folder / "listed folder" / "heir").write_text("by default")
    (folder / "capable").write_text("#!/bin/sh\n")
    (folder / "capable").chmod(0o755)
    capability = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    os.setxattr(folder / "capable", "security.capability", capability)


def _tree(root: Path) -> dict[bytes, dict[str, Any]]:
    top = os.fsencode(root)
    found: dict[bytes, dict[str, Any]] = {}
    groups: dict[tuple[int, int], list[bytes]] = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            if stat.S_ISSOCK(facts.st_mode):
                continue
            short = path[len(top) + 1 :]
            groups.setdefault((facts.st_dev, facts.st_ino), []).append(short)
            found[short] = _facts(path, facts)
    for names in groups.values():
        for name in names:
            found[name]["names of this file"] = sorted(names)
    return found


def _facts(path: bytes, facts: os.stat_result) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": stat.S_IFMT(facts.st_mode),
        "owner": (facts.st_uid, facts.st_gid),
        "time": facts.st_mtime_ns,
    }
    if stat.S_ISLNK(facts.st_mode):
        return told | {"target": os.readlink(path)}
    told["mode"] = stat.S_IMODE(facts.st_mode)
    told["attributes"] = {
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in os.listxattr(path, follow_symlinks=False)
    }
    if stat.S_ISREG(facts.st_mode):
        told |= {
            "size": facts.st_size,
            "links": facts.st_nlink,
            "blocks": facts.st_blocks * 512,
            "content": _digest(path, facts),
        }
    return told


def _digest(path: bytes, facts: os.stat_result) -> str:
    """Of a file's data with its places: holes of gigabytes are not read."""
    hashed = hashlib.sha256()
    with open(path, "rb") as file:
        at = 0
        while at < facts.st_size:
            try:
                begins = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            ends = os.lseek(file.fileno(), begins, os.SEEK_HOLE)
            file.seek(begins)
            while begins < ends:
                data = file.read(min(4_096 - begins % 4_096, ends - begins))
                if data.strip(b"\0"):
                    hashed.update(b"%d:" % begins + data)
                begins += len(data)
            at = ends
    return hashed.hexdigest()
