"""Manifests come back as they were written, by this version or by an older one."""

from __future__ import annotations

from bot.adapters.archive.wire import manifest_lines, manifest_of
from bot.domain.archives import STORED, ArchiveId, Manifest, Part, PartId, Report, Stored
from bot.domain.packed import Packed
from bot.domain.trees import Kind
from tests.domain.test_archives import an_archive
from tests.domain.test_trees import an_entry

_PART = Part(id=PartId(ArchiveId("a"), 0), codec="zst", chunks=1, bytes=10, held=20)
_NAMES = (b"a", b"a-b", b"a/x", b"a/\xff\n", b"link")


def _manifest() -> Manifest:
    kinds = {b"a": Kind.FOLDER, b"link": Kind.LINK}
    entries = [
        an_entry(
            name,
            kind=kinds.get(name, Kind.FILE),
            target=b"../\xfe" if name == b"link" else b"",
            mtime_ns=-1,
        )
        for name in _NAMES
    ]
    return Manifest(
        archive=an_archive("a", manifest=""),
        tools="find, tar",
        rules="*.log\n",
        stored=Packed.of(
            STORED,
            (
                Stored(
                    entry=each, sha256=b"s" * 32 if each.kind is Kind.FILE else b"", part=_PART.id
                )
                for each in entries
            ),
        ),
        parts={_PART.id: _PART},
        report=Report(links_out=(b"link",)),
    )


def test_a_manifest_comes_back_as_it_was() -> None:
    manifest = _manifest()

    assert manifest_of(manifest_lines(manifest)) == manifest


def test_a_manifest_of_an_older_version_is_read_whatever_its_order() -> None:
    """It wrote its entries sorted by their bytes, `a-b` before `a/x`."""
    manifest = _manifest()
    lines = list(manifest_lines(manifest))
    older = sorted((line for line in lines if line.startswith(b'["entry"')), reverse=True)

    found = manifest_of([line for line in lines if line not in older] + older)

    assert found == manifest
    assert list(found.stored) == [b"a", b"a/x", b"a/\xff\n", b"a-b", b"link"]
