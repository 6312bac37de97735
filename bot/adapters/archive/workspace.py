"""The machine's side of an archive, through `ports.Shell`: look, scan, pack, hash, unpack."""

from __future__ import annotations

import asyncio
import logging
import re
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import zstandard

from bot.adapters.archive import rules, scripts
from bot.adapters.archive.shares import Share, divided
from bot.domain.archives import HASHED, Chosen, Hashed, Outside
from bot.domain.packed import Packed, Packing, Row
from bot.domain.trees import ENTRIES, Entry, Kind, Scan
from bot.errors import CommandFailed, DiskFull, LacksTools, Machine
from bot.ports.archives import Toolbox
from bot.ports.machines import Ran, Running, Shell

log = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")

_RULES_BYTES = 64_000
_LONGEST_FIELD = 1_000_000  # bytes; a path may be longer than the kernel takes in one call
_NO_FOLDER = 66  # our scripts' word for a workspace that is not there
_VANISHED = re.compile(r"No such file or directory\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long the machine may take, in seconds. The slowest line counted on is 1 MB/s."""

    look_s: float = 60
    scan_s: float = 1800
    silence_s: float = 180
    base_s: float = 600
    slowest_bytes_per_s: int = 1_000_000

    def of(self, size: int) -> float:
        return self.base_s + size / self.slowest_bytes_per_s


class SshWorkspaces:
    """`ports.Workspaces`."""

    def __init__(self, *, deadlines: Deadlines | None = None) -> None:
        self._deadlines = deadlines or Deadlines()

    async def look(self, shell: Shell, root: str = "") -> Toolbox:
        ran = await shell.run(scripts.look(root), timeout_s=self._deadlines.look_s, check=False)
        _demand_folder(ran)
        said = [line.partition(" ")[::2] for line in ran.stdout.splitlines()]
        lacking = [value for key, value in said if key == "missing"]
        if lacking:
            raise LacksTools(
                f"missing: {', '.join(lacking)}",
                public=f"This machine cannot be archived: it lacks {', '.join(lacking)}.",
            )
        facts = dict(said)
        return Toolbox(
            codec=facts.get("codec", "gz"),
            versions=facts.get("version", ""),
            free_bytes=_free(facts.get("disk", "")),
            root=facts.get("root", root),
        )

    async def scan(self, shell: Shell, root: str) -> Scan:
        """As the port says; a name that vanished while find went by is no complaint."""
        packing = Packing(ENTRIES)
        fields: list[bytes] = []
        async with shell.stream(
            scripts.scan(root),
            timeout_s=self._deadlines.scan_s,
            silence_s=self._deadlines.silence_s,
        ) as running:
            async for field in _split(running):
                fields.append(field)
                if len(fields) == scripts.SCAN_FIELDS:
                    packing.add_row(_sense(_row, fields))
                    fields.clear()
            ran = await running.end()
        _demand_folder(ran)
        said = [line for line in ran.stderr.splitlines() if line.strip()]
        complaints = tuple(line for line in said if not _VANISHED.search(line))
        if fields or ran.status not in (0, 1) or (ran.status == 1 and not said):
            raise CommandFailed("the scan is not whole", status=ran.status, stderr=ran.stderr)
        return Scan(entries=await asyncio.to_thread(packing.done), complaints=complaints)

    async def rules(self, shell: Shell, root: str) -> str:
        """As the port says; of rules too long to be read whole none counts: half a line, or rules
        without the `!` behind them, would leave out what nobody meant."""
        script = scripts.rules(root, _RULES_BYTES + 1)
        ran = await shell.run(script, timeout_s=self._deadlines.look_s)
        if len(ran.stdout.encode()) > _RULES_BYTES:
            log.warning("an .archiveignore of more than %s B was not applied", _RULES_BYTES)
            return ""
        return ran.stdout

    async def choose(self, scan: Scan, text: str) -> Chosen:
        return await asyncio.to_thread(rules.choose, scan.entries, text)

    async def outside(self, shell: Shell, root: str) -> list[Outside]:
        """As the port says: in the home folder. Best effort; a failure means nothing is known."""
        try:
            async with shell.stream(
                scripts.outside(root), timeout_s=self._deadlines.look_s
            ) as running:
                sizes = [field async for field in _split(running)]
                await running.end()
            told = [_sense(int, size) for size in sizes[1:]]
        except Machine as error:  # an archive that is sent and proven does not fail upon this
            log.warning("what lies outside of the workspace is not known: %s", error)
            return []
        if not told:
            return []
        folder = sizes[0].decode(errors="replace")
        return [Outside(folder=folder, entries=len(told), bytes=sum(told))]

    async def pack(
        self, shell: Shell, root: str, entries: Sequence[Entry], *, codec: str
    ) -> AsyncGenerator[bytes, None]:
        """As the port says. tar's own 1 and 2 are no faults here: what lacks is seen later."""
        size = sum(entry.weight for entry in entries)
        async with shell.stream(
            scripts.pack(root, codec),
            stdin=_names(entry.path for entry in entries),
            timeout_s=self._deadlines.of(size),
            silence_s=self._deadlines.silence_s,
        ) as running:
            async for data in running:
                yield data
            ran = await running.end()
        _demand_folder(ran)
        tar = re.search(r"^tar (\d+)$", ran.stderr, re.MULTILINE)
        if ran.status != 0 or tar is None or int(tar[1]) > 2:
            raise CommandFailed(
                f"packing ended with {ran.status}, tar with {tar[1] if tar else 'nothing'}",
                status=ran.status,
                stderr=ran.stderr,
            )
        if tar[1] != "0":
            log.info("tar said while packing: %s", ran.stderr[:400].strip())

    async def digests(self, shell: Shell, root: str, entries: Packed[Entry]) -> Packed[Hashed]:
        """As the port says. The names of one inode are read once."""
        shares, others = await asyncio.to_thread(divided, entries)
        found = await self._hash_all(shell, root, shares)
        more = (Hashed(path, found[known].sha256) for path, known in others if known in found)
        return found.and_those(more) if others else found

    async def remove(self, shell: Shell, root: str, entries: Sequence[Entry]) -> None:
        folders = [entry for entry in entries if entry.kind is Kind.FOLDER]
        others = [entry for entry in entries if entry.kind is not Kind.FOLDER]
        deepest = sorted(folders, key=lambda entry: entry.path.count(b"/"), reverse=True)
        for script, chosen in ((scripts.remove(root), others), (scripts.prune(root), deepest)):
            if not chosen:
                continue
            async with shell.stream(
                script,
                stdin=_names(entry.path for entry in chosen),
                timeout_s=self._deadlines.scan_s,
            ) as running:
                ran = await running.end()
            _demand_folder(ran)
            if ran.status != 0:
                raise CommandFailed("removing failed", status=ran.status, stderr=ran.stderr)

    async def unpack(self, shell: Shell, root: str, tar: AsyncGenerator[bytes, None]) -> list[str]:
        codec = await self._codec(shell)
        async with shell.stream(
            scripts.unpack(root, codec),
            stdin=_compressed(tar, codec),
            timeout_s=self._deadlines.of(10**12),  # the silence is the deadline that counts
            silence_s=self._deadlines.silence_s,
        ) as running:
            ran = await running.end()
        _demand_folder(ran)
        said = [line for line in ran.stderr.splitlines() if not line.startswith("expand ")]
        if any("No space left on device" in line for line in said):
            raise DiskFull("tar found no space left")
        if ran.status != 0:
            raise CommandFailed(
                f"unpacking ended with {ran.status}: {' '.join(said)[:400]}",
                status=ran.status,
                stderr=ran.stderr,
            )
        return said

    async def _hash_all(self, shell: Shell, root: str, shares: Sequence[Share]) -> Packed[Hashed]:
        """Several commands at a time, for sha256sum keeps one core busy and the disk waiting."""
        packing = Packing(HASHED)
        hashing = [
            asyncio.ensure_future(self._hash(shell, root, share, packing)) for share in shares
        ]
        try:
            for done in asyncio.as_completed(hashing):
                await done
        finally:
            for each in hashing:
                each.cancel()
            await asyncio.gather(*hashing, return_exceptions=True)
        return await asyncio.to_thread(packing.done)

    async def _hash(self, shell: Shell, root: str, share: Share, packing: Packing[Hashed]) -> None:
        limit_s = self._deadlines.of(share.bytes // 10)
        async with shell.stream(
            scripts.digests(root),
            stdin=_names(share.names),
            timeout_s=limit_s,
            silence_s=limit_s,  # one large file is a long silence
        ) as running:
            async for line in _split(running):
                packing.add_row((line[68:], _sense(_digest, line[:64])))
            ran = await running.end()
        _demand_folder(ran)
        if ran.status not in (0, 123):  # xargs's word for: some of them failed
            raise CommandFailed("hashing failed", status=ran.status, stderr=ran.stderr)

    async def _codec(self, shell: Shell) -> str:
        """What the target can expand; it may be another machine than the one that was archived."""
        ran = await shell.run(
            "if command -v zstd >/dev/null 2>&1; then echo zst;"
            " elif command -v gzip >/dev/null 2>&1; then echo gz; else echo tar; fi",
            timeout_s=self._deadlines.look_s,
        )
        return ran.stdout.strip()


def _demand_folder(ran: Ran) -> None:
    if ran.status == _NO_FOLDER:
        raise LacksTools(
            f"no workspace: {ran.stderr[-200:].strip()}",
            public="This machine has no workspace folder to archive.",
        )


def _free(df: str) -> int:
    """The fourth column of `df -Pk`, in bytes."""
    columns = df.split()
    return int(columns[3]) * 1024 if len(columns) > 4 and columns[3].isdecimal() else 0


async def _names(paths: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    left = iter(paths)
    while some := b"".join(b"./" + path + b"\0" for path in islice(left, 1000)):
        yield some


async def _split(running: Running) -> AsyncGenerator[bytes, None]:
    """The NUL-ended fields of an output.

    Raises CommandFailed for a last one without its end, and for one that has none.
    """
    rest = b""
    async for data in running:
        *fields, rest = (rest + data).split(b"\0")
        for field in fields:
            yield field
        if len(rest) > _LONGEST_FIELD:
            raise CommandFailed("an answer goes on without an end", status=-1)
    if rest:
        raise CommandFailed("an answer was cut short", status=-1)


def _sense(read: Callable[[S], T], said: S) -> T:
    """What was said, read. Raises CommandFailed for nonsense."""
    try:
        return read(said)
    except ValueError as error:
        raise CommandFailed(f"an answer makes no sense: {error}", status=-1) from error


def _digest(text: bytes) -> bytes:
    return bytes.fromhex(text.decode("ascii"))


def _row(fields: Sequence[bytes]) -> Row:
    """The facts of an `Entry`, in the order of its fields."""
    kind, size, blocks, mtime, ctime, device, inode, mode, links, uid, gid, path, target = fields
    return (
        path,
        _KINDS.get(kind, Kind.UNKNOWN.value),
        int(size),
        int(blocks) * 512,
        _nanoseconds(mtime),
        _nanoseconds(ctime),
        int(device),
        int(inode),
        int(mode, 8),
        int(links),
        int(uid),
        int(gid),
        target,
    )


_KINDS = {kind.value.encode(): kind.value for kind in Kind}


def _nanoseconds(text: bytes) -> int:
    """find's `1700000000.1234567890`; the fraction counts up also before 1970."""
    whole, _, fraction = text.partition(b".")
    return int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, b"0"))


async def _compressed(tar: AsyncGenerator[bytes, None], codec: str) -> AsyncGenerator[bytes, None]:
    """The stream, compressed for the way to the machine, whose download is paid for."""
    compress, flush = _feeder(codec)
    async with aclosing(tar):
        async for data in tar:
            for piece in _pieces(data):
                if out := await asyncio.to_thread(compress, piece):
                    yield out
    if out := flush():
        yield out


def _feeder(codec: str) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if codec == "zst":
        zstd = zstandard.ZstdCompressor(level=1, write_checksum=True).compressobj()
        return zstd.compress, zstd.flush
    if codec == "gz":
        gzip = zlib.compressobj(1, wbits=31)
        return gzip.compress, gzip.flush
    return lambda data: data, bytes


def _pieces(data: bytes, size: int = 4_000_000) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
