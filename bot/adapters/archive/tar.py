"""Reading tar streams in the pax format as GNU tar writes it, strictly and in flat memory.

Python's own `tarfile` hides a member's raw blocks, which a part needs to be passed on unchanged,
and takes a stream cut between two members for a whole one; here a stream without its end, with a
wrong checksum or with a member of another format is `Damaged`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.archives import Member
from bot.domain.trees import Kind
from bot.errors import Damaged

BLOCK = 512
END = bytes(2 * BLOCK)

_PIECE = 1_048_576
_ZEROS = bytes(_PIECE)
_HEAD_BYTES = 4_000_000  # of one member's extended headers
_SECONDS = re.compile(rb"-?\d{1,20}(?:\.\d{1,9})?")
_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"2": Kind.LINK,
    b"3": Kind.CHARACTER,
    b"4": Kind.BLOCK,
    b"5": Kind.FOLDER,
    b"6": Kind.FIFO,
}


class Source:
    """Pieces of bytes, taken in other sizes than they come."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = b""
        self._at = 0  # how far the piece was taken

    def some(self, most: int) -> bytes:
        """From one byte up to `most`; none at the end."""
        while self._at == len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece, self._at = piece, 0
        taken = self._piece[self._at : self._at + most]
        self._at += len(taken)
        return taken

    def exactly(self, size: int) -> bytes:
        """Raises Damaged where fewer are left."""
        return b"".join(self.through(size))

    def through(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, piece by piece. Raises Damaged where fewer are left."""
        while size:
            piece = self.some(min(size, _PIECE))
            if not piece:
                raise Damaged("a tar stream ends in the middle of a member")
            size -= len(piece)
            yield piece


@dataclass(slots=True, kw_only=True)
class Item:
    """One member while the stream stands at it: its facts, its raw header, its data once."""

    member: Member
    head: bytes  # all header blocks as they were
    linked: bool  # a hard link, whose kind is that of its first name
    _source: Source = field(repr=False)
    _left: int  # data bytes that were not taken yet
    _padding: int
    _sparse: bool

    def raw(self) -> Iterator[bytes]:
        """The data blocks as they are, padding included."""
        left, self._left = self._left + self._padding, 0
        self._padding = 0
        yield from self._source.through(left)

    def content(self) -> Iterator[bytes]:
        """The file's bytes, holes filled with zeros."""
        if not self._sparse:
            yield from self._take(self._left)
            return
        at = 0
        for offset, size in self._map():
            if offset < at or offset + size > self.member.size:
                raise Damaged("a sparse file's map makes no sense")
            yield from _zeros(offset - at)
            yield from self._take(size)
            at = offset + size
        yield from _zeros(self.member.size - at)

    def digest(self) -> bytes:
        """SHA-256 of the content."""
        hashed = hashlib.sha256()
        for piece in self.content():
            hashed.update(piece)
        return hashed.digest()

    def skip(self) -> None:
        for _ in self.raw():
            pass

    def _take(self, size: int) -> Iterator[bytes]:
        if size > self._left:
            raise Damaged("a member is shorter than it says")
        self._left -= size
        yield from self._source.through(size)

    def _map(self) -> list[tuple[int, int]]:
        """Offsets and sizes of what is no hole: decimal lines before the data, in whole blocks."""
        lines: list[bytes] = []
        rest = b""
        wanted = 1
        while len(lines) < wanted:
            *fresh, rest = (rest + b"".join(self._take(BLOCK))).split(b"\n")
            lines.extend(fresh)
            if wanted == 1 and lines:
                wanted = 1 + 2 * _number(lines[0])
                if wanted > 40_000_000:
                    raise Damaged("a sparse file's map is too large")
        numbers = [_number(line) for line in lines[1:wanted]]
        return list(zip(numbers[::2], numbers[1::2], strict=True))


def items(pieces: Iterable[bytes]) -> Iterator[Item]:
    """The members of a plain tar stream; each one's data only until the next is asked for.

    Raises Damaged for everything that is not a whole, well-formed stream.
    """
    source = Source(pieces)
    while True:
        head = source.exactly(BLOCK)
        if head == bytes(BLOCK):
            break
        item = _item(source, head)
        yield item
        item.skip()
    if source.exactly(BLOCK) != bytes(BLOCK):
        raise Damaged("a tar stream has one block of zeros in its middle")
    while rest := source.some(_PIECE):
        if rest.strip(b"\0"):
            raise Damaged("something follows the end of a tar stream")


def members(pieces: Iterable[bytes]) -> list[Member]:
    """Every member, every file's content hashed; hard links with their first name's facts."""
    found: dict[bytes, Member] = {}
    for item in items(pieces):
        member = item.member
        if item.linked:
            member = _linked(member, found.get(member.linked_to))
        elif member.kind is Kind.FILE:
            member = _with(member, sha256=item.digest())
        found[member.path] = member
    return list(found.values())


def _linked(member: Member, first: Member | None) -> Member:
    if first is None:
        raise Damaged("a hard link leads to something that is not in its part")
    return _with(first, path=member.path, linked_to=member.linked_to)


def _with(member: Member, **changes: object) -> Member:
    facts: dict[str, object] = {name: getattr(member, name) for name in Member.__slots__}
    return Member(**(facts | changes))  # type: ignore[arg-type]


def _item(source: Source, head: bytes) -> Item:
    extended: dict[bytes, bytes] = {}
    raw = bytearray()
    while True:
        _check(head)
        raw += head
        flag = head[156:157]
        if flag not in (b"x", b"g"):
            break
        size = _number_field(head[124:136])
        if len(raw) + size > _HEAD_BYTES:
            raise Damaged("a member's header is too large")
        block = source.exactly(size + -size % BLOCK)
        raw += block
        extended |= _records(block[:size])
        head = source.exactly(BLOCK)
    return _told(source, bytes(raw), head, flag, extended)


def _told(
    source: Source, raw: bytes, head: bytes, flag: bytes, extended: dict[bytes, bytes]
) -> Item:
    linked = flag == b"1"
    if not linked and flag not in _KINDS:
        raise Damaged(f"a member of the kind {flag!r}, which we never write")
    kind = Kind.FILE if linked else _KINDS[flag]
    sparse = b"GNU.sparse.major" in extended
    size = _number(extended[b"size"]) if b"size" in extended else _number_field(head[124:136])
    held = size if kind is Kind.FILE and not linked else 0
    link = _clean(extended.get(b"linkpath", _text(head[157:257]))) if linked else b""
    target = extended.get(b"linkpath", _text(head[157:257])) if kind is Kind.LINK else b""
    real = extended.get(b"GNU.sparse.realsize") if sparse else None
    member = Member(
        path=_clean(extended.get(b"GNU.sparse.name") or extended.get(b"path") or _name(head)),
        kind=kind,
        size=_number(real) if real is not None else held,
        mtime_ns=_time(extended[b"mtime"])
        if b"mtime" in extended
        else _number_field(head[136:148]) * 1_000_000_000,
        mode=_number_field(head[100:108]) & 0o7777,
        uid=_either(extended.get(b"uid"), head[108:116]),
        gid=_either(extended.get(b"gid"), head[116:124]),
        target=target,
        linked_to=link,
    )
    return Item(
        member=member,
        head=raw,
        linked=linked,
        _source=source,
        _left=held,
        _padding=-held % BLOCK,
        _sparse=sparse,
    )


def _check(head: bytes) -> None:
    """The header's own checksum, counted with spaces in its place."""
    told = _number_field(head[148:156])
    if sum(head) - sum(head[148:156]) + 8 * 32 != told:
        raise Damaged("a member's header is altered")


def _records(block: bytes) -> dict[bytes, bytes]:
    """pax records: `length key=value\\n`, where the value may hold anything."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(block):
        length, _, _ = block[at : at + 24].partition(b" ")
        size = _number(length)
        record = block[at + len(length) + 1 : at + size]
        key, equals, value = record.partition(b"=")
        if size < 5 or not equals or not value.endswith(b"\n"):
            raise Damaged("an extended header is malformed")
        found[key] = value[:-1]
        at += size
    return found


def _name(head: bytes) -> bytes:
    name, prefix = _text(head[:100]), _text(head[345:500])
    return prefix + b"/" + name if prefix else name


def _text(part: bytes) -> bytes:
    return part.partition(b"\0")[0]


def _clean(path: bytes) -> bytes:
    """As a scan says it: without our `./` before and tar's `/` behind."""
    return path.removeprefix(b"./").rstrip(b"/")


def _either(told: bytes | None, part: bytes) -> int:
    return _number_field(part) if told is None else _number(told)


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise Damaged("a number in a header is none")
    return int(text)


def _number_field(part: bytes) -> int:
    """Octal digits, or where the first bit is set a signed binary number (GNU)."""
    if part[0] & 0x80:
        value = int.from_bytes(part[1:], "big")
        return value - (1 << 8 * (len(part) - 1)) if part[0] == 0xFF else value
    try:
        return int(part.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise Damaged("a number in a header is none") from error


def _time(text: bytes) -> int:
    if not _SECONDS.fullmatch(text):
        raise Damaged("a time in a header is none")
    return int(Decimal(text.decode("ascii")) * 1_000_000_000)


def _zeros(size: int) -> Iterator[bytes]:
    for _ in range(size // _PIECE):
        yield _ZEROS
    if size % _PIECE:
        yield _ZEROS[: size % _PIECE]
