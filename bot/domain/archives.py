"""Archives: their facts, and the decisions about them, as pure functions.

What must be sent, whether an archive may be called proven, what it will cost, which parts may be
freed. How the bytes travel is for `services/archives.py` and the adapters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from bot.domain.money import ZERO, Usd
from bot.domain.offers import Offer
from bot.domain.rentals import RentalId
from bot.domain.trees import LONGEST_PATH, Entry, Kind, shown, unchanged, whole_groups

ArchiveId = NewType("ArchiveId", str)

ROUNDS = 4
"""How often entries are sent at most: once, and three times what changed meanwhile."""

ORPHAN_AGE = timedelta(days=1)
"""How old something that no archive names must be before it is removed."""

ABANDONED_AGE = timedelta(days=7)
"""After how long a run that nobody continues is given up."""

KEEP_NEWEST = timedelta(days=90)
KEEP_OLDER = timedelta(days=30)
WARN_BEFORE = (timedelta(days=7), timedelta(days=1))

_SPEED_SHARE = Decimal("0.8")  # of the line the host measured; SSH, tar and other tenants share it
_NAMED = 3
_TICK = timedelta(seconds=1)  # file systems round their times down, some of them to that
_HASH_BYTES_PER_S = Decimal(400_000_000)  # sha256sum and a disk, unhurried


class ArchiveState(StrEnum):
    """Where an archive stands; only a committed one can be restored."""

    RUNNING = "running"  # recorded before anything is written; also one that will be continued
    COMMITTED = "committed"
    FAILED = "failed"  # given up; what it wrote is freed
    DELETED = "deleted"  # its parts are freed, as far as no other archive names them


@dataclass(frozen=True, slots=True, order=True)
class PartId:
    """A part: the archive that wrote it, and its number there."""

    archive: ArchiveId
    number: int

    @property
    def name(self) -> str:
        return f"{self.number:05d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part as it lies in the place."""

    id: PartId
    codec: str  # `zst` or `gz`
    chunks: int
    bytes: int  # as stored
    held: int = 0  # before compression, as `compaction.held` counts; 0 where it was not noted


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a part, as it was read back from the place."""

    path: bytes
    kind: Kind
    size: int
    mtime_ns: int
    mode: int
    uid: int
    gid: int
    target: bytes = b""
    sha256: bytes = b""  # of a file's whole content; of a hard link: its first name's
    linked_to: bytes = b""  # of a hard link: its first name in this part


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An entry that lies in the place, with its facts at the scan before it was sent."""

    entry: Entry
    sha256: bytes  # empty for what is no file
    part: PartId


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """Something the rules left out; a folder stands for all below it."""

    path: bytes
    rule: str
    bytes: int
    entries: int
    packages: tuple[str, ...] = ()  # of an environment: what was installed in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A scan, divided by the rules."""

    wanted: Sequence[Entry]
    excluded: Sequence[Excluded]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something that cannot be archived, and why."""

    path: bytes
    reason: str
    lost: bool  # whether it held work; a socket does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Files the rental's people may have made elsewhere on the machine."""

    folder: str
    entries: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an archive does not hold, or holds only by name."""

    excluded: tuple[Excluded, ...] = ()
    unarchivable: tuple[LeftOut, ...] = ()
    links_out: tuple[bytes, ...] = ()  # symbolic links kept, whose targets lie elsewhere
    outside: tuple[Outside, ...] = ()

    @property
    def loses_work(self) -> bool:
        return any(each.lost for each in self.unarchivable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One archive, as the books have it. Sizes in bytes; times aware UTC."""

    id: ArchiveId
    rental_id: RentalId
    guild_id: int
    owner_id: int
    name: str  # of the rental, as its people know it
    state: ArchiveState
    root: str  # the workspace's folder on the machine
    started_at: datetime
    touched_at: datetime  # when the run last got further
    parent: ArchiveId | None = None
    proven_at: datetime | None = None  # when the last scan that agreed with it began
    entries: int = 0
    bytes: int = 0  # of the files in it
    sent: int = 0  # bytes this run wrote to the place
    manifest: str = ""  # SHA-256 of the manifest, hexadecimal
    loses_work: bool = False  # something that may be work could not be read
    error: str = ""
    keep_until: datetime | None = None  # somebody said so; its time is not over before

    @property
    def restorable(self) -> bool:
        return self.state is ArchiveState.COMMITTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything an archive holds and where, with what it does not hold."""

    archive: Archive
    tools: str
    rules: str  # the text of .archiveignore
    stored: Mapping[bytes, Stored]
    parts: Mapping[PartId, Part]
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """An archive that was read back from the place and agreed with the machine, twice scanned.

    Where `archive.loses_work` is set, ask before anything is destroyed: something could not be
    read on the machine and is named in the report.
    """

    archive: Archive
    report: Report
    unwritten: str = ""  # of what was not on the disk and could not be put there first


class Trouble(StrEnum):
    """Why an attempt to archive did not end with a proof."""

    IN_USE = "in_use"  # files kept changing
    TOO_LARGE = "too_large"  # over the caps; nothing was started
    NO_TOOLS = "no_tools"  # the machine lacks what it takes
    MACHINE = "machine"  # the connection broke; the next attempt goes on from here
    PLACE = "place"  # the archive store refused or is away; the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An attempt without a proof. `words` is for people. Nothing may be destroyed on it."""

    trouble: Trouble
    words: str
    names: tuple[str, ...] = ()  # of the files it is about
    estimate: Estimate | None = None
    archive_id: ArchiveId | None = None
    unwritten: str = ""  # as of `Proof`


class Phase(StrEnum):
    """How far a run is, in the order it goes through them; delta rounds go back to sending."""

    LOOKING = "looking"
    SENDING = "sending"
    COMPARING = "comparing"
    WRITING = "writing"
    RESTORING = "restoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a card can show of a run."""

    phase: Phase
    done: int = 0  # bytes of files, before compression
    total: int = 0
    again: int = 0  # which delta round this is


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A restore that agrees with the manifest."""

    archive: Archive
    entries: int
    bytes: int
    others: int  # entries of the folder that are not from the archive
    warnings: tuple[str, ...]  # what tar could not set, such as extended attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What archiving will take, before compression, which is not foreseen."""

    entries: int
    bytes: int  # of files
    to_send: int  # bytes of those that are not in an archive yet
    cost: Usd
    takes: timedelta
    largest: tuple[tuple[str, int], ...] = ()  # the largest names at the top, of what is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How large an archive may be without asking."""

    bytes: int = 20_000_000_000
    cost: Usd = field(default_factory=lambda: Usd.of(2))
    takes: timedelta = timedelta(hours=2)

    def allow(self, estimate: Estimate) -> bool:
        return (
            estimate.to_send <= self.bytes
            and estimate.cost <= self.cost
            and estimate.takes <= self.takes
        )


BY_OWNER = Caps()
BY_LEAD = Caps(bytes=200_000_000_000, cost=Usd.of(20), takes=timedelta(hours=24))
WITHOUT = Caps(bytes=2**62, cost=Usd(2**62), takes=timedelta.max)


def estimate(
    entries: Iterable[Entry], to_send: Iterable[Entry], *, offer: Offer, per_hour: Usd
) -> Estimate:
    """Size, time and money: the host's upload price, and the machine's while it takes.

    Bytes that leave a machine are its upload (reference idle-and-archive, 2.7).
    """
    everything = [entry for entry in entries if entry.kind is Kind.FILE]
    total = sum(entry.weight for entry in everything)
    sent = list(to_send)
    sending = sum(entry.weight for entry in sent)
    line = max(offer.upload_mbps, Decimal(1)) * 125_000 * _SPEED_SHARE
    read = sum(entry.size for entry in everything)  # holes are hashed like what they stand for
    seconds = Decimal(sending) / line + 2 * Decimal(read) / _HASH_BYTES_PER_S + 10
    takes = timedelta(seconds=int(seconds) + 1)
    by_bytes = offer.rates.upload_per_gb.times(Decimal(sending) / 10**9)
    return Estimate(
        entries=len(everything),
        bytes=total,
        to_send=sending,
        cost=by_bytes + (per_hour.over(takes, per=timedelta(hours=1)) if per_hour else ZERO),
        takes=takes,
        largest=_largest(sent),
    )


def _largest(entries: Iterable[Entry]) -> tuple[tuple[str, int], ...]:
    """The names at the top of a workspace that hold most of these, the largest first."""
    weights: dict[bytes, int] = {}
    for entry in entries:
        top = entry.path.partition(b"/")[0]
        weights[top] = weights.get(top, 0) + entry.weight
    ranked = sorted(weights.items(), key=lambda one: (-one[1], one[0]))[:_NAMED]
    return tuple((shown(name), weight) for name, weight in ranked if weight)


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


def to_send(wanted: Mapping[bytes, Entry], stored: Mapping[bytes, Stored]) -> list[Entry]:
    """The entries that do not lie in the place as they are now, hard links with their group.

    A group of hard links whose names lie in different parts is sent again as one.
    """
    lacking = {
        path
        for path, entry in wanted.items()
        if path not in stored or not unchanged(stored[path].entry, entry)
    }
    homes: dict[tuple[int, int], PartId] = {}
    for path, entry in wanted.items():
        if entry.links > 1 and entry.kind is not Kind.FOLDER and path not in lacking:
            home = homes.setdefault((entry.device, entry.inode), stored[path].part)
            if home != stored[path].part:
                lacking.add(path)
    return whole_groups(lacking, wanted.values())


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


def unproven(
    wanted: Mapping[bytes, Entry],
    stored: Mapping[bytes, Stored],
    agreed: Mapping[bytes, bytes],
) -> list[Entry]:
    """What keeps an archive from being accepted; empty means that it is proven.

    `wanted` is the scan made after the hashing, `agreed` the digests the machine gave after the
    transfer. Every entry must lie in the place with exactly the facts of this scan, and every
    file's digest there must be the one that was read back.
    """
    changed = {entry.path for entry in to_send(wanted, stored)}
    return [
        entry
        for path, entry in wanted.items()
        if path in changed
        or (entry.kind is Kind.FILE and agreed.get(path, b"") != stored[path].sha256)
        or (entry.kind is Kind.FILE and not stored[path].sha256)
    ]


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
