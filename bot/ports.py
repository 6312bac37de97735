"""The windows of the house: what services need of the outside, a few methods each.

An adapter implements one of these and is handed over in `app.py`. Every method that leaves the
process has a deadline of its own inside the adapter and raises only errors of `bot/errors.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.archives import (
    Archive,
    ArchiveId,
    Chosen,
    Manifest,
    Member,
    Outside,
    Part,
    PartId,
    Stored,
)
from bot.domain.idle_memory import Memory
from bot.domain.ledger import Entry, Kind
from bot.domain.letters import Letter, Place, Stand, Writing
from bot.domain.money import Usd
from bot.domain.offers import Offer, Wish
from bot.domain.readings import Reading
from bot.domain.rentals import Address, ContractId, Instance, Quote, Rental, RentalId
from bot.domain.samples import Notebook, Sample
from bot.domain.standing import Report, Standing
from bot.domain.trees import Entry as FileEntry
from bot.domain.trees import Scan


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...


# --- Vast -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is sent to rent a machine."""

    offer_id: int
    image: str
    disk_gb: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    credit: Usd
    email: str = ""


class Market(Protocol):
    async def search(self, wish: Wish, *, max_compute_cap: int | None = None) -> list[Offer]:
        """Offers priced at the wish's disk, as Vast filters them (re-check with `offers.rank`).

        Cached for some seconds per query. Raises Down, RateLimited, Denied, Nonsense.
        """
        ...

    async def gpu_names(self) -> list[str]:
        """Every model on the market, as Vast writes it; cached for hours."""
        ...

    async def machines(self) -> list[Instance]:
        """Every instance on the account, from a complete listing through all its pages.

        Raises rather than return a part: an error is never "no machines".
        """
        ...

    async def machine(self, contract: ContractId) -> Instance | None:
        """One instance by its number; None only where Vast definitely says that there is none."""
        ...

    async def rent(self, order: Order) -> ContractId:
        """Rent, sent exactly once whatever happens.

        Raises OfferGone, LowCredit, Denied, RateLimited or Refused for a definite no, and
        MayHaveRented for everything that is neither a yes nor a no.
        """
        ...

    async def destroy(self, contract: ContractId) -> None:
        """Ask for the end of an instance; one that is unknown to Vast is no error."""
        ...

    async def account(self) -> Account: ...

    async def register_key(self, public_key: str) -> bool:
        """Put a public key on the account, once. False where a team key forbids it: attach then."""
        ...

    async def attach_key(self, contract: ContractId, public_key: str) -> None:
        """Put a public key on one instance."""
        ...


# --- Machines -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command on a machine ended."""

    status: int  # -1 where a signal ended it
    stdout: str
    stderr: str


class Running(Protocol):
    """A command that is running: iterate for its output, then ask how it ended."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def end(self) -> Ran:
        """Wait for the end, dropping unread output; `stdout` is empty.

        Raises whatever reading the input raised, else Unreachable where the connection broke.
        """
        ...


class Shell(Protocol):
    """Commands on one machine, over its one shared SSH connection."""

    def stream(
        self,
        script: str,
        *,
        stdin: AsyncGenerator[bytes, None] | None = None,
        timeout_s: float,
        silence_s: float = 120,
    ) -> AbstractAsyncContextManager[Running]:
        """Run a script whose input and output are data, of any size, in flat memory.

        Raises Unreachable when the connection breaks, the deadline passes, or nothing moves in
        either direction for `silence_s` seconds. The command ends with the block.
        """
        ...

    async def run(self, script: str, *, timeout_s: float = 30, check: bool = True) -> Ran:
        """Run a POSIX shell script, sent on standard input to `sh -s`, without a terminal.

        Raises Unreachable when the connection breaks or the deadline passes, CommandFailed for a
        status other than 0 when `check` is set.
        """
        ...


class Looks(Protocol):
    async def look(self, shell: Shell, *, files: bool) -> Reading:
        """Read a machine's counters and processes in one round trip; `files`: also its new files.

        Raises Unreachable, and CommandFailed where the answer is not whole.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookAt:
    """A Jupyter server on a machine, and what the relay needs to reach it. `token` is a secret."""

    socket: str | None  # path of its Unix socket on the machine, else
    port: int | None  # its port on the machine's loopback
    token: str = field(repr=False)
    root: str  # the workspace it serves
    version: str = ""


class Tunnels(Protocol):
    """SSH connections, one per rental, shared by everybody who needs that machine."""

    async def connect(
        self,
        rental_id: RentalId,
        addresses: Sequence[Address],
        *,
        host_key: str | None,
        patience_s: float,
    ) -> str:
        """Connect, or find the living connection; returns the host key to pin.

        Tries the addresses in order again and again while refused, for `patience_s` seconds.
        With `host_key` given only that key is accepted. Raises Unreachable, HostKeyChanged.
        """
        ...

    def connected(self, rental_id: RentalId) -> bool: ...

    def shell(self, rental_id: RentalId) -> Shell:
        """Raises Unreachable when there is no connection."""
        ...

    async def forward(self, rental_id: RentalId, notebook: NotebookAt) -> str:
        """The path of a local Unix socket that leads to the notebook; the same one if asked again.

        Raises Unreachable.
        """
        ...

    async def close(self, rental_id: RentalId) -> None:
        """Drop the connection and its local socket; one that is not there is no error."""
        ...


class Notebooks(Protocol):
    async def ensure(
        self, shell: Shell, *, packages: Sequence[str], course: str | None
    ) -> NotebookAt:
        """Find our Jupyter on the machine, or start it; never a second one.

        Installs Jupyter into an environment of its own where the image lacks it. `course` is
        fetched into the workspace, and `packages` installed beside it, in the background, the
        first time. Raises NotebookFailed, Unreachable.
        """
        ...

    async def answers(self, socket_path: str, token: str) -> bool:
        """Whether it answers an authenticated request through the local socket. Never raises."""
        ...

    async def activity(self, socket_path: str, token: str, *, now: datetime) -> Notebook | None:
        """What its kernels and terminals do; None where it is silent. Never raises.

        Asking counts as nobody's activity. Times are on our clock, by the server's own `Date`.
        """
        ...


# --- Archives -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What a machine offers for archiving."""

    codec: str  # `zst`, or `gz` where zstd is missing
    versions: str
    free_bytes: int  # on the disk of the workspace
    root: str  # the workspace, absolute


class Workspaces(Protocol):
    """The machine's side of an archive: looks, reads and writes through a shell, leaves nothing."""

    async def look(self, shell: Shell, root: str = "") -> Toolbox:
        """What is there; without a root, the folder that the notebook shows.

        Raises LacksTools with the names of what is missing.
        """
        ...

    async def scan(self, shell: Shell, root: str) -> Scan:
        """Everything below the workspace, without following links."""
        ...

    async def rules(self, shell: Shell, root: str) -> str:
        """The text of `.archiveignore`; empty where there is none."""
        ...

    async def choose(self, scan: Scan, text: str) -> Chosen:
        """Divide a scan into what is archived and what the defaults and these rules leave out."""
        ...

    async def outside(self, shell: Shell, root: str) -> list[Outside]:
        """What was written elsewhere since the machine started, as far as it is known."""
        ...

    def pack(
        self, shell: Shell, root: str, entries: Sequence[FileEntry], *, codec: str
    ) -> AsyncGenerator[bytes, None]:
        """These entries as a compressed tar stream.

        An entry that cannot be read is missing in it; that is for the reader to notice. Raises
        Unreachable, CommandFailed.
        """
        ...

    async def digests(
        self, shell: Shell, root: str, entries: Sequence[FileEntry]
    ) -> dict[bytes, bytes]:
        """SHA-256 by path, of the files among the entries that can be read."""
        ...

    async def unpack(self, shell: Shell, root: str, tar: AsyncGenerator[bytes, None]) -> list[str]:
        """Restore a plain tar stream below the folder, made if missing; returns what tar warned of.

        Raises DiskFull, CommandFailed, Unreachable.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the place holds of one archive."""

    archive_id: ArchiveId
    committed: bool
    named: frozenset[PartId]  # the parts its manifest names; empty unless committed
    parts: Mapping[PartId, int]  # bytes of the parts it wrote
    newest_at: datetime


class Vault(Protocol):
    """The place where archives lie. Everything in it is encrypted by this installation's secret.

    Raises PlaceDown for what may pass, Damaged for what is lost or altered, Foreign for what
    another installation wrote.
    """

    async def open(self, archive_id: ArchiveId) -> None:
        """Make the archive's key, or find it: the first thing that is written. Repeatable."""
        ...

    async def write(
        self, part_id: PartId, *, codec: str, data: AsyncGenerator[bytes, None]
    ) -> Part:
        """Store a part as it comes, and close its source; what lay there before is replaced."""
        ...

    async def members(self, part: Part) -> list[Member]:
        """Read a part back to its end: every member, every file's content hashed."""
        ...

    async def note(self, part: Part, stored: Sequence[Stored]) -> None:
        """Remember a part that was read back, so that a run that died goes on after it."""
        ...

    async def noted(self, archive_id: ArchiveId) -> tuple[list[Part], list[Stored]]:
        """The parts and entries of an unfinished run, in the order they were noted."""
        ...

    async def missing(self, parts: Collection[Part]) -> set[PartId]:
        """Those of the parts of which something is no longer there."""
        ...

    async def commit(self, manifest: Manifest) -> str:
        """Write the manifest, read it back, then COMMIT; returns the manifest's SHA-256."""
        ...

    async def manifest(self, archive_id: ArchiveId) -> Manifest:
        """Raises Damaged unless there is a COMMIT and the manifest is the one it names."""
        ...

    def tar(
        self, manifest: Manifest, paths: Collection[bytes] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The whole archive, or these paths of it, as one plain tar stream; folders last."""
        ...

    def file(self, manifest: Manifest, path: bytes) -> AsyncGenerator[bytes, None]:
        """The content of one file. Raises NotFound, Damaged."""
        ...

    async def held(self) -> list[Held]:
        """Everything in the place, by archive."""
        ...

    async def revoke(self, archive_id: ArchiveId) -> None:
        """Take COMMIT and manifest away: from then on the archive does not exist."""
        ...

    async def free(self, parts: Collection[PartId]) -> None:
        """Delete parts. Deleting what is gone is no error."""
        ...

    async def clear(self, archive_id: ArchiveId) -> None:
        """Delete all that an archive wrote."""
        ...

    async def tidy(self, older_than: datetime) -> int:
        """Remove half-written files that a killed process left, where the place has such."""
        ...


class ArchiveBooks(Protocol):
    """The rows of archives."""

    async def begin_archive(self, archive: Archive) -> Archive:
        """Record a run before it starts; if the rental has one open, that comes back instead."""
        ...

    async def keep_archive(self, archive: Archive) -> None:
        """Write the row as it is now. Raises Stale unless the stored one is still running, or
        committed and becoming deleted."""
        ...

    async def archive(self, archive_id: ArchiveId) -> Archive | None: ...

    async def archives(
        self,
        *,
        guild_id: int | None = None,
        owner_id: int | None = None,
        rental_id: RentalId | None = None,
    ) -> list[Archive]:
        """All that match, newest first, the deleted ones left out."""
        ...


# --- The books ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message that must reach somebody. `key` makes it one, however often it is asked for."""

    id: str  # 25 characters at most: it is Discord's nonce
    key: str
    rental_id: RentalId
    version: int  # of the rental it was written with
    tries: int = 0
    first_tried_at: datetime | None = None


class Quotes(Protocol):
    async def add_quote(self, quote: Quote) -> None: ...

    async def quote(self, quote_id: str) -> Quote | None: ...


class Rentals(Protocol):
    async def begin(self, rental: Rental, *, quote_id: str) -> Rental:
        """Store a new rental with its first event and notice, in one transaction.

        A quote becomes one rental: asked again, the first one comes back unchanged.
        """
        ...

    async def rental(self, rental_id: RentalId) -> Rental | None: ...

    async def open_rentals(self) -> list[Rental]:
        """All that are not closed, oldest first."""
        ...

    async def rentals_of(
        self,
        guild_id: int,
        owner_id: int | None,
        *,
        since: datetime | None = None,
        only_open: bool = False,
        limit: int = 100,
    ) -> list[Rental]:
        """A member's rentals (or everybody's), newest first; `since` bounds the request time."""
        ...

    async def apply(
        self,
        after: Rental,
        *,
        event: str,
        entries: Sequence[Entry] = (),
        letters: Sequence[Writing] = (),
        notify: bool = True,
    ) -> Rental:
        """Write a changed rental, guarded: only if the stored version is still `after.version`.

        In the same transaction: an event, the ledger entries and the letters (those that are there
        already are left as they are) and, with `notify`, a notice for its card. Returns it with the
        next version. Raises Stale when somebody else was faster.
        """
        ...

    async def card_posted(self, rental_id: RentalId, message_id: int) -> None:
        """Remember where the card is; touches neither the version nor anything else."""
        ...


class Ledger(Protocol):
    async def totals(self, rental_ids: Sequence[RentalId]) -> Mapping[RentalId, Mapping[Kind, Usd]]:
        """What the books hold for each of these rentals, by kind."""
        ...


class Outbox(Protocol):
    async def due(self, now: datetime, *, limit: int = 20) -> list[Notice]:
        """The notices to deliver now, the newest of each rental, oldest first."""
        ...

    async def trying(self, notice: Notice, now: datetime) -> None:
        """Note, before the call, that delivery is being tried."""
        ...

    async def delivered(self, notice: Notice, now: datetime) -> None:
        """Done: this notice and every older one of the same rental."""
        ...

    async def failed(self, notice: Notice, *, next_at: datetime, error: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the idle verdict remembers of a machine; `version` guards it."""

    memory: Memory
    version: int
    report: Report | None = None  # the newest verdict, for people


class Samples(Protocol):
    async def remembered(self, rental_id: RentalId) -> Remembered | None:
        """None before the first look."""
        ...

    async def remember(
        self,
        rental_id: RentalId,
        memory: Memory,
        *,
        version: int,
        sample: Sample | None = None,
        report: Report | None = None,
        letters: Sequence[Writing] = (),
        show: bool = False,
    ) -> Remembered:
        """Write what came of a look (or of a button) and the look itself, in one transaction.

        With it go the letters because of it (those that are there already are left as they are)
        and, with `show`, a wish to show the card anew. Without a report the one before stays.
        Guarded: `version` is that of what was read, 0 where there was nothing. Raises Stale when
        somebody else was faster: read, and judge again.
        """
        ...

    async def samples(self, rental_id: RentalId, *, since: datetime) -> list[Sample]:
        """The looks since then, oldest first."""
        ...

    async def forget_samples(self, before: datetime) -> int:
        """Delete the looks before then, of all rentals; how many there were."""
        ...


class Letters(Protocol):
    async def write_letter(self, rental_id: RentalId, writing: Writing) -> None:
        """Written once, however often it is asked for."""
        ...

    async def unfinished_letters(self, now: datetime) -> list[Letter]:
        """Those that are to be sent now, or are shown and may still change, oldest first."""
        ...

    async def letters_of(self, rental_id: RentalId) -> list[Letter]: ...

    async def letter_tried(self, letter: Letter) -> None:
        """Note, before the call, that sending is being tried."""
        ...

    async def letter_shown(
        self, letter: Letter, now: datetime, *, place: Place, shown: str, done: bool
    ) -> None:
        """It stands there and says that; `done`: it will not change any more."""
        ...

    async def letter_done(self, letter: Letter, now: datetime, *, error: str = "") -> None:
        """Nothing more is to be sent or changed."""
        ...

    async def letter_waits(self, letter: Letter, *, next_at: datetime, error: str = "") -> None: ...


class Policies(Protocol):
    async def policy(self) -> Mapping[str, str]:
        """What the team has set, JSON texts by their keys (`services/policy.py` knows which)."""
        ...

    async def set_policy(self, key: str, value: str | None) -> None:
        """Set one value, a JSON text; None takes it away."""
        ...


# --- Doors ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Who may come in where, until when: a ticket, or the session it was exchanged for."""

    digest: str  # SHA-256 of the secret, hexadecimal; the secret itself is never stored
    rental_id: RentalId
    member_id: int
    expires_at: datetime


class Doors(Protocol):
    async def add_ticket(self, ticket: Pass) -> None: ...

    async def ticket(self, digest: str, now: datetime) -> Pass | None:
        """A ticket that is neither spent nor expired."""
        ...

    async def spend(self, digest: str, session: Pass, now: datetime) -> bool:
        """Exchange a ticket for a session, once: False when it is spent, expired or unknown."""
        ...

    async def session(self, digest: str, now: datetime) -> Pass | None:
        """A session that is neither revoked nor expired."""
        ...

    async def revoke(self, rental_id: RentalId, now: datetime) -> int:
        """End every session and ticket of a rental; how many there were."""
        ...


class Store(
    Quotes,
    Rentals,
    Ledger,
    Outbox,
    Samples,
    Letters,
    Policies,
    Doors,
    ArchiveBooks,
    Protocol,
):
    """The database as a whole."""


# --- Chat -----------------------------------------------------------------------------------


class Post(Protocol):
    """Messages of ours in chat, written with the bot's own rights, not an interaction's."""

    async def card(self, rental: Rental, notice: Notice, standing: Standing | None = None) -> int:
        """Post the rental's one message, or edit it where it exists; returns its id.

        Safe to repeat: a new message carries the notice's id as nonce, and a try that may have
        gone through before is looked for in the channel first. Raises Undeliverable for good
        (channel gone, no right) and Unavailable for what may pass.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything a letter's text depends on."""

    letter: Letter
    stand: Stand
    rental: Rental
    standing: Standing | None
    now: datetime
    public: bool  # it stands in the channel, where everybody reads it


class Mail(Protocol):
    """Messages of ours to one person, or beside a card."""

    async def deliver(
        self, letter: Letter, stand: Stand, rental: Rental, standing: Standing | None
    ) -> Place:
        """Send a letter, or edit it where it stands; returns where that is.

        To the owner directly; where they take no messages of ours, and to leads, in the rental's
        channel. Safe to repeat like a card. An earlier message that somebody deleted stays deleted.
        Raises Undeliverable for good and Unavailable for what may pass.
        """
        ...
