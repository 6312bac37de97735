"""Manifests and notes as lines of JSON, and back.

The first line is the header; after it one line a part, an entry, and everything that is not in the
archive. Names are base64 of the raw bytes, with a readable form beside them for whoever opens a
manifest by hand. Manifests written by an older version must stay readable: a field that is added
later is read with a default here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain.archives import (
    STORED,
    Archive,
    ArchiveId,
    ArchiveState,
    Excluded,
    LeftOut,
    Manifest,
    Outside,
    Part,
    PartId,
    Report,
    Stored,
)
from bot.domain.packed import Packing
from bot.domain.rentals import RentalId
from bot.domain.trees import Entry, Kind, shown
from bot.errors import Damaged

FORMAT = 1


def manifest_lines(manifest: Manifest) -> Iterator[bytes]:
    yield _line("archive", _archive(manifest))
    for part in sorted(manifest.parts.values(), key=lambda each: each.id):
        yield part_line(part)
    for stored in manifest.stored.each():
        yield stored_line(stored)
    report = manifest.report
    for gone in report.excluded:
        yield _line(
            "excluded",
            {**_path(gone.path), "rule": gone.rule, "bytes": gone.bytes, "entries": gone.entries}
            | ({"packages": list(gone.packages)} if gone.packages else {}),
        )
    for left in report.unarchivable:
        yield _line("unarchivable", {**_path(left.path), "reason": left.reason, "lost": left.lost})
    for path in report.links_out:
        yield _line("link_out", _path(path))
    for each in report.outside:
        yield _line(
            "outside", {"folder": each.folder, "entries": each.entries, "bytes": each.bytes}
        )


def manifest_of(lines: Iterable[bytes]) -> Manifest:
    """Raises Damaged for what is no manifest."""
    header: dict[str, Any] = {}
    stored = Packing(STORED)
    parts: dict[PartId, Part] = {}
    report: dict[str, list[Any]] = {kind: [] for kind in _REPORT}
    try:
        for line in lines:
            kind, data = json.loads(line)
            if kind == "entry":
                stored.add(_stored_of(data))
            elif kind == "part":
                part = _part_of(data)
                parts[part.id] = part
            elif kind == "archive":
                header = data
            elif kind in _REPORT:
                report[kind].append(_REPORT[kind](data))
        if header["format"] != FORMAT:
            raise Damaged(f"a manifest of format {header['format']}, which is not known here")
        return Manifest(
            archive=_archive_of(header),
            tools=header["tools"],
            rules=header["rules"],
            stored=stored.done(),
            parts=parts,
            report=Report(
                excluded=tuple(report["excluded"]),
                unarchivable=tuple(report["unarchivable"]),
                links_out=tuple(report["link_out"]),
                outside=tuple(report["outside"]),
            ),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("a manifest cannot be read") from error


def note_lines(part: Part, stored: Iterable[Stored]) -> Iterator[bytes]:
    yield part_line(part)
    for each in stored:
        yield stored_line(each)


def note_of(lines: Iterable[bytes]) -> tuple[Part, list[Stored]]:
    """Raises Damaged for what is no note."""
    parts: list[Part] = []
    stored: list[Stored] = []
    try:
        for line in lines:
            kind, data = json.loads(line)
            if kind == "part":
                parts.append(_part_of(data))
            else:
                stored.append(_stored_of(data))
        return parts[0], stored
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Damaged("the note of a part cannot be read") from error


def part_line(part: Part) -> bytes:
    return _line(
        "part",
        {**_part_id(part.id), "codec": part.codec, "chunks": part.chunks, "bytes": part.bytes}
        | ({"held": part.held} if part.held else {}),
    )


def stored_line(stored: Stored) -> bytes:
    entry = stored.entry
    data: dict[str, Any] = {
        **_path(entry.path),
        "kind": entry.kind.value,
        "size": entry.size,
        "disk": entry.disk,
        "mtime_ns": entry.mtime_ns,
        "ctime_ns": entry.ctime_ns,
        "dev": entry.device,
        "inode": entry.inode,
        "mode": entry.mode,
        "nlink": entry.links,
        "uid": entry.uid,
        "gid": entry.gid,
        **_part_id(stored.part),
    }
    if entry.target:
        data["target"] = _base64(entry.target)
    if stored.sha256:
        data["sha256"] = stored.sha256.hex()
    return _line("entry", data)


def commit_text(manifest: Manifest, sha256: str) -> bytes:
    return json.dumps(
        {
            "format": FORMAT,
            "archive": manifest.archive.id,
            "manifest": sha256,
            "parts": [[part.archive, part.number] for part in sorted(manifest.parts)],
        }
    ).encode()


def commit_of(text: bytes) -> tuple[str, frozenset[PartId]]:
    """The manifest's digest and the parts it names. Raises Damaged."""
    try:
        told = json.loads(text)
        parts = frozenset(PartId(ArchiveId(each), number) for each, number in told["parts"])
        return str(told["manifest"]), parts
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("a COMMIT cannot be read") from error


def _archive(manifest: Manifest) -> dict[str, Any]:
    archive = manifest.archive
    return {
        "format": FORMAT,
        "id": archive.id,
        "rental_id": archive.rental_id,
        "guild_id": archive.guild_id,
        "owner_id": archive.owner_id,
        "name": archive.name,
        "root": archive.root,
        "started_at": archive.started_at.isoformat(),
        "proven_at": archive.proven_at.isoformat() if archive.proven_at else None,
        "parent": archive.parent,
        "entries": archive.entries,
        "bytes": archive.bytes,
        "sent": archive.sent,
        "loses_work": archive.loses_work,
        "tools": manifest.tools,
        "rules": manifest.rules,
    }


def _archive_of(data: dict[str, Any]) -> Archive:
    started_at = datetime.fromisoformat(data["started_at"])
    proven_at = datetime.fromisoformat(data["proven_at"]) if data["proven_at"] else None
    return Archive(
        id=ArchiveId(data["id"]),
        rental_id=RentalId(data["rental_id"]),
        guild_id=data["guild_id"],
        owner_id=data["owner_id"],
        name=data["name"],
        state=ArchiveState.COMMITTED,
        root=data["root"],
        started_at=started_at,
        touched_at=proven_at or started_at,
        parent=ArchiveId(data["parent"]) if data["parent"] else None,
        proven_at=proven_at,
        entries=data["entries"],
        bytes=data["bytes"],
        sent=data["sent"],
        loses_work=data["loses_work"],
    )


def with_digest(manifest: Manifest, sha256: str) -> Manifest:
    return replace(manifest, archive=replace(manifest.archive, manifest=sha256))


def _stored_of(data: dict[str, Any]) -> Stored:
    entry = Entry(
        path=_bytes(data["path"]),
        kind=Kind(data["kind"]),
        size=data["size"],
        disk=data["disk"],
        mtime_ns=data["mtime_ns"],
        ctime_ns=data["ctime_ns"],
        device=data["dev"],
        inode=data["inode"],
        mode=data["mode"],
        links=data["nlink"],
        uid=data["uid"],
        gid=data["gid"],
        target=_bytes(data.get("target", "")),
    )
    sha256 = bytes.fromhex(data.get("sha256", ""))
    return Stored(entry=entry, sha256=sha256, part=_part_id_of(data))


def _part_of(data: dict[str, Any]) -> Part:
    return Part(
        id=_part_id_of(data),
        codec=data["codec"],
        chunks=data["chunks"],
        bytes=data["bytes"],
        held=data.get("held", 0),
    )


def _excluded_of(data: dict[str, Any]) -> Excluded:
    return Excluded(
        path=_bytes(data["path"]),
        rule=data["rule"],
        bytes=data["bytes"],
        entries=data["entries"],
        packages=tuple(data.get("packages", ())),
    )


def _left_out_of(data: dict[str, Any]) -> LeftOut:
    return LeftOut(path=_bytes(data["path"]), reason=data["reason"], lost=data["lost"])


def _link_out_of(data: dict[str, Any]) -> bytes:
    return _bytes(data["path"])


def _outside_of(data: dict[str, Any]) -> Outside:
    return Outside(folder=data["folder"], entries=data["entries"], bytes=data["bytes"])


_REPORT: dict[str, Any] = {
    "excluded": _excluded_of,
    "unarchivable": _left_out_of,
    "link_out": _link_out_of,
    "outside": _outside_of,
}


def _part_id(part: PartId) -> dict[str, Any]:
    return {"of": part.archive, "part": part.number}


def _part_id_of(data: dict[str, Any]) -> PartId:
    return PartId(ArchiveId(data["of"]), data["part"])


def _path(path: bytes) -> dict[str, str]:
    return {"path": _base64(path), "shown": shown(path)}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _line(kind: str, data: dict[str, Any]) -> bytes:
    return json.dumps([kind, data], separators=(",", ":")).encode() + b"\n"
