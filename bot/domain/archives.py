"""Archives: their facts.

The decisions about them are pure functions beside: what must be sent and whether it is proven
(`proof.py`), what it will cost (`archive_costs.py`), when it ends (`retention.py`). How the bytes
travel is for `services/archives.py` and the adapters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, NewType

from bot.domain.archive_costs import Estimate
from bot.domain.packed import Form, Packed, Row
from bot.domain.rentals import RentalId
from bot.domain.trees import FACTS, Entry, Kind, entry_of, entry_row

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


def _stored_row(stored: Stored) -> Row:
    part = stored.part
    return (*entry_row(stored.entry), stored.sha256, part.archive, part.number)


def _stored_of(row: Row) -> Stored:
    sha256, archive, number = row[FACTS:]
    return Stored(entry=entry_of(row[:FACTS]), sha256=sha256, part=PartId(archive, number))


STORED: Form[Stored] = Form(row=_stored_row, thing=_stored_of)


class Hashed(NamedTuple):
    """A file's digest, as the machine gave it."""

    path: bytes
    sha256: bytes


HASHED: Form[Hashed] = Form(row=tuple, thing=Hashed._make)


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

    wanted: Packed[Entry]
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
    bytes: int = 0  # of the files in it: holes, and further names of a file, take nothing
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
    stored: Packed[Stored]
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
