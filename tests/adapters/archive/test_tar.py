"""Our tar reader beside Python's, on streams from GNU tar and on streams that are broken."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.archive.codecs import expanded
from bot.adapters.archive.tar import items, members
from bot.domain.trees import Kind
from bot.errors import Damaged
from tests import nasty


def pieces(data: bytes, size: int = 7_777) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree") / "workspace"
    nasty.make(root, small=30)
    (root / "sparse").unlink()
    return root


@pytest.fixture(scope="module")
def stream(tree: Path) -> bytes:
    names = [path for path in nasty.portrait(tree) if path != b"socket"]
    tar = [
        "tar", "--format=posix", "--sparse", "--xattrs", "--numeric-owner", "--no-recursion",
        "--null", "--verbatim-files-from", "-T", "-", "-cf", "-",
    ]  # fmt: skip
    listed = b"".join(b"./" + name + b"\0" for name in names)
    return subprocess.run(tar, input=listed, cwd=tree, check=True, capture_output=True).stdout


def test_every_member_is_as_on_the_disk(tree: Path, stream: bytes) -> None:
    """Kind, size, time to the nanosecond, mode, owner, target and content."""
    found = {member.path: member for member in members(pieces(stream))}

    assert found.keys() == nasty.portrait(tree).keys()
    for path, member in found.items():
        real = os.fsencode(tree) + b"/" + path
        facts = os.lstat(real)
        assert member.mtime_ns == facts.st_mtime_ns
        assert (member.uid, member.gid) == (facts.st_uid, facts.st_gid)
        if member.kind is Kind.LINK:
            assert member.target == os.readlink(real)
        else:
            assert member.mode == facts.st_mode & 0o7777
        if member.kind is Kind.FILE:
            assert member.size == facts.st_size
            assert member.sha256 == hashlib.sha256(Path(os.fsdecode(real)).read_bytes()).digest()


def test_members_can_be_passed_on_as_they_are(stream: bytes) -> None:
    """Head and raw data of every member are the stream up to its end."""
    passed = b"".join(b"".join((item.head, *item.raw())) for item in items(pieces(stream)))

    assert stream.startswith(passed)
    assert not stream[len(passed) :].strip(b"\0")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=120)
        .filter(lambda name: name.strip("./ ") != "" and name not in (".", "..")),
        st.binary(max_size=2000),
        max_size=6,
    )
)  # fmt: skip
def test_what_tarfile_writes_is_read(files: dict[str, bytes]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))

    found = {member.path.decode(): member for member in members(pieces(out.getvalue(), 300))}

    assert {name: member.sha256 for name, member in found.items()} == {
        name: hashlib.sha256(content).digest() for name, content in files.items()
    }


def test_a_stream_cut_anywhere_is_refused(stream: bytes) -> None:
    """Also between two members, where GNU tar and tarfile take it for a whole one."""
    ends = [0, 1, 511, 512, 1024, len(stream) // 2]
    at = 0
    for item in items(pieces(stream)):
        at += len(item.head) + sum(map(len, item.raw()))
        ends.append(at)
    ends.append(at + 512)

    for end in ends:
        with pytest.raises(Damaged):
            members(pieces(stream[:end]))


def test_an_altered_header_is_refused(stream: bytes) -> None:
    broken = bytearray(stream)
    broken[10] ^= 1

    with pytest.raises(Damaged, match="altered"):
        members(pieces(bytes(broken)))


@pytest.mark.parametrize("mtime", ["1e999999", "9" * 30, "NaN", ""])
def test_a_time_that_is_none_is_damage(mtime: str) -> None:
    """Decimal takes some of these, and raises errors of its own for others."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(_with_record("mtime", mtime))

    with pytest.raises(Damaged):
        members(pieces(made.getvalue()))


def _with_record(key: str, value: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo("a")
    info.pax_headers = {key: value}
    return info


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT])
def test_other_kinds_of_members_are_refused(format: int) -> None:
    """GNU's own long names: we never ask for them, so they are nothing of ours."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        tar.addfile(tarfile.TarInfo("x" * 300))

    with pytest.raises(Damaged, match="never write"):
        members([out.getvalue()])


@pytest.mark.parametrize("codec", ["zst", "gz"])
def test_compressed_streams_cut_or_altered_are_refused(stream: bytes, codec: str) -> None:
    program = {"zst": ["zstd", "-q", "-c"], "gz": ["gzip", "-c"]}[codec]
    packed = subprocess.run(program, input=stream, check=True, capture_output=True).stdout
    assert members(expanded(pieces(packed), codec)) == members(pieces(stream))
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 0x10

    for broken in (packed[: len(packed) // 2], packed[:100], bytes(flipped), b"", b"no such"):
        with pytest.raises(Damaged):
            members(expanded(pieces(broken), codec))


@given(st.binary(max_size=3000))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(Damaged):
        members(pieces(b"x" + noise))
