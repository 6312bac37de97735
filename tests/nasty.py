"""A workspace with everything that breaks archives, and a judge that knows nothing of ours."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
from pathlib import Path
from typing import Any

FUTURE = 4_102_444_800_123_456_789  # 2100, to the nanosecond
PAST = 86_400_000_000_001  # 1970-01-02
LONG = "d" * 200


def make(root: Path, *, small: int = 200) -> None:
    """Fill a folder. `small` is how many small files there are."""
    root.mkdir(parents=True, exist_ok=True)
    _names(root)
    _links(root)
    _kinds(root)
    _modes_and_times(root)
    many = root / "many"
    many.mkdir()
    for number in range(small):
        (many / f"{number:05d}.txt").write_text(f"{number}\n" * (number % 7))
    deep = root
    for _ in range(18):
        deep = deep / LONG
    deep.mkdir(parents=True)
    (deep / ("f" * 250)).write_text("at the end of a path of nearly 4,000 bytes")


def _names(root: Path) -> None:
    for name in (
        ".env",
        ".hidden/.deeper/file",
        "-rf",
        "--checkpoint=1",
        "--checkpoint-action=exec=sh x",
        "with space and 'quotes' \"both\"",
        "back\\slash",
        "ünï-çødé 💥",
        "e\u0301 decomposed",
        "new\nline",
        "\n",
        "tab\there",
        "*",
        "$(touch PWNED)",
        "~",
        "GNUSparseFile.0",
        "x" * 255,
        "Case",
        "case",
        "trailing ",
        "a/b/c/empty",
    ):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("" if name.endswith("empty") else f"I am {name!r}")
    (root / "x").write_text("touch PWNED\n")
    raw = os.fsencode(root)
    Path(os.fsdecode(raw + b"/\xff\xfe latin \xe9")).write_text("no UTF-8")
    Path(os.fsdecode(raw + b"/dir \x80")).mkdir()
    Path(os.fsdecode(raw + b"/dir \x80/\x01\x7f")).write_text("control")
    (root / "empty folder").mkdir()


def _links(root: Path) -> None:
    for name, target in (
        ("dangling", "nowhere/at/all"),
        ("self", "."),
        ("loop a", "loop b"),
        ("loop b", "loop a"),
        ("out", "/usr/share/doc"),
        ("up", "../../somewhere"),
        ("inside", "a/b"),
        ("to newline", "new\nline"),
        ("-link", "-rf"),
    ):
        os.symlink(target, root / name)
    os.symlink(b"\xff\xfe", os.fsencode(root) + b"/link \xfe")
    (root / "linked").mkdir()
    (root / "linked/one").write_text("one of four")
    for name in ("linked/two", "linked/-three", "zz four"):
        os.link(root / "linked/one", root / name)
    os.link(root / "dangling", root / "dangling too", follow_symlinks=False)


def _kinds(root: Path) -> None:
    os.mkfifo(root / "fifo", 0o640)
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(root)
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
    with (root / "sparse").open("wb") as sparse:
        sparse.seek(60_000_000)
        sparse.write(b"in the middle")
        sparse.truncate(90_000_000)
    with (root / "all hole").open("wb") as hole:
        hole.truncate(5_000_000)
    with (root / "many holes").open("wb") as holes:
        for at in range(0, 40):
            holes.seek(at * 100_000)
            holes.write(b"x" * (1 + at * 97))
    (root / "random").write_bytes(os.urandom(2_000_000))


def _modes_and_times(root: Path) -> None:
    for name, mode in (
        ("setuid", 0o4755),
        ("setgid", 0o2711),
        ("read only", 0o444),
    ):
        (root / name).write_text(name)
        (root / name).chmod(mode)
    for name, mode in (("sticky", 0o1777), ("closed", 0o555)):
        (root / name).mkdir()
        (root / name / "in it").write_text(name)
        (root / name).chmod(mode)
    if os.geteuid() == 0:  # as on a rented machine; others can neither give away nor read these
        (root / "owned").write_text("somebody else's")
        os.chown(root / "owned", 12345, 54321)
        (root / "dark").mkdir()
        (root / "dark/in it").write_text("closed to all but root")
        (root / "dark/in it").chmod(0)
        (root / "dark").chmod(0)
    for name, at in (
        ("future", FUTURE),
        ("past", PAST),
        ("before 1970", -1_500_000_000),
        ("zero", 0),
    ):
        (root / name).write_text(name)
        os.utime(root / name, ns=(at, at))
    os.utime(root / "out", ns=(PAST, PAST), follow_symlinks=False)
    os.utime(root / "a/b", ns=(PAST, PAST))
    os.utime(root / "closed", ns=(FUTURE, FUTURE))
    for name, value in (("user.note", b"kept"), ("user.bytes", b"\0\xff\n=")):
        os.setxattr(root / "random", name, value)
        os.setxattr(root / "a", name, value)


def portrait(root: Path) -> dict[bytes, tuple[Any, ...]]:
    """Every name below a folder with everything that should outlive an archive, sockets left out.

    Names of one file carry the first of them, so that hard links are compared as well.
    """
    seen: dict[tuple[int, int], bytes] = {}
    found: dict[bytes, tuple[Any, ...]] = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            if stat.S_ISSOCK(facts.st_mode):
                continue
            short = path[len(top) + 1 :]
            first = seen.setdefault((facts.st_dev, facts.st_ino), short)
            found[short] = (
                stat.S_IFMT(facts.st_mode),
                stat.S_IMODE(facts.st_mode) if not stat.S_ISLNK(facts.st_mode) else 0,
                (facts.st_uid, facts.st_gid),
                facts.st_mtime_ns,
                first,
                *_content(path, facts.st_mode),
            )
    return dict(sorted(found.items()))


def _content(path: bytes, mode: int) -> tuple[Any, ...]:
    if stat.S_ISLNK(mode):
        return (os.readlink(path),)
    attributes = {
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in os.listxattr(path, follow_symlinks=False)
    }
    if not stat.S_ISREG(mode):
        return (attributes,)
    with open(path, "rb") as file:
        return (attributes, hashlib.file_digest(file, "sha256").hexdigest())
