"""The database, divided by what is kept in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.archives import ArchiveId
from bot.domain.idle_memory import Memory
from bot.domain.ledger import Entry
from bot.domain.letters import Letter, Place, Writing
from bot.domain.lookouts import Lookout
from bot.domain.rentals import Quote, Rental, RentalId
from bot.domain.replacement import Grudge
from bot.domain.samples import Sample
from bot.domain.shares import Share
from bot.domain.standing import Report
from bot.ports.archives import ArchiveBooks
from bot.ports.boards import Boards
from bot.ports.bulletins import Bulletins, Interactions, Sightings
from bot.ports.money import Bills, Budgets, Claim, Ledger, Spending, Tabs
from bot.ports.processes import HouseKeys, Processes, Ways
from bot.ports.recordings import Recordings
from bot.ports.reports import Reports
from bot.ports.sharing import Keys, Shares
from bot.ports.starts import Starts
from bot.ports.vitals import Census
from bot.ports.welcome import Greetings


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message that must reach somebody. `key` makes it one, however often it is asked for."""

    id: str  # 25 characters at most: it is Discord's nonce
    key: str
    rental_id: RentalId
    version: int  # of the rental it was written with
    tries: int = 0
    first_tried_at: datetime | None = None
    mark: int = -1  # changes when it is asked for again before it is delivered


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many open rentals a member, and a whole server, may have; 0 is no limit."""

    member: int = 0
    team: int = 0


class Quotes(Protocol):
    async def add_quote(self, quote: Quote) -> None: ...

    async def quote(self, quote_id: str) -> Quote | None: ...


class Rentals(Protocol):
    async def begin(
        self,
        rental: Rental,
        *,
        quote_id: str,
        allowance: Allowance | None = None,
        claim: Claim | None = None,
    ) -> Rental:
        """Store a new rental with its first event and notice, in one transaction.

        A quote becomes one rental: asked again, the first one comes back unchanged. Raises Limit,
        naming what runs, where there would be more than the allowance; of two at once one gets in.
        With a claim it must fit into every budget it counts against, which nobody else can spend
        meanwhile: raises OverBudget.
        An address it wants that leads to another open rental comes back as None; a move gets it
        when it is ready. Raises Busy where its work is being moved to another machine already.
        """
        ...

    async def rental(self, rental_id: RentalId) -> Rental | None: ...

    async def open_rentals(self) -> list[Rental]:
        """All that are not closed, oldest first, or none: whoever concludes from a row's absence
        needs all of them. Raises Store where a row cannot be read."""
        ...

    async def readable_rentals(self) -> list[Rental]:
        """As `open_rentals`, leaving out and logging what cannot be read: for whoever cares for
        each by itself."""
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
        grudge: Grudge | None = None,
        claim: Claim | None = None,
    ) -> Rental:
        """Write a changed rental, guarded: only if the stored version is still `after.version`.

        In the same transaction: an event, its tries, the grudge against its host, the ledger
        entries and the letters (those that are there already are left as they are) and, with
        `notify`, a notice for its card. Returns it with the next version. Raises Stale when
        somebody else was faster. With a claim its new price must fit into every budget that it
        counts against, as if it began now: raises OverBudget.
        """
        ...

    async def card_posted(self, rental_id: RentalId, message_id: int) -> None:
        """Remember where the card is; touches neither the version nor anything else."""
        ...


class Grudges(Protocol):
    async def grudges(self, *, since: datetime) -> list[Grudge]:
        """The hosts that failed us since then, newest first."""
        ...

    async def hold_against(self, grudge: Grudge) -> None:
        """Remember a host that failed; of one contract it is remembered once."""
        ...


class Lookouts(Protocol):
    async def add_lookout(self, lookout: Lookout) -> None: ...

    async def lookout(self, lookout_id: str) -> Lookout | None: ...

    async def open_lookouts(
        self, *, guild_id: int | None = None, owner_id: int | None = None
    ) -> list[Lookout]:
        """Those that are looked for now, oldest first."""
        ...

    async def keep_lookout(self, lookout: Lookout) -> Lookout:
        """Write a changed one, guarded by its version. Raises Stale."""
        ...

    async def lookouts_to_tell(self, now: datetime) -> list[Lookout]:
        """Those about which a letter is due."""
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

    async def remembered_of(self, rental_ids: Sequence[RentalId]) -> Mapping[RentalId, Remembered]:
        """The same for each of these; those that were not looked at, or cannot be read, are left
        out."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """Who changed which value of the policy, when, from what to what (JSON texts)."""

    at: datetime
    key: str
    before: str | None
    after: str | None
    by: int | None  # None: somebody at the shell


class Policies(Protocol):
    async def policy(self) -> Mapping[str, str]:
        """What the team has set, JSON texts by their keys (`services/policy.py` knows which)."""
        ...

    async def change_policy(
        self, values: Mapping[str, str | None], *, by: int | None
    ) -> list[PolicyChange]:
        """Set these values, JSON texts, all in one transaction; None takes one away.

        What is different afterwards is returned and written down for good, with who changed it
        (None: somebody at the shell).
        """
        ...

    async def policy_changes(self, *, limit: int = 10) -> list[PolicyChange]:
        """The last changes, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Who may come in where, until when: a ticket, or the session it was exchanged for."""

    digest: str  # SHA-256 of the secret, hexadecimal; the secret itself is never stored
    rental_id: RentalId
    member_id: int
    expires_at: datetime
    port: int | None = None  # of the machine; None is the notebook
    share_id: str | None = None  # None is the owner
    view_only: bool = False  # told by the share when the pass is read


class Addresses(Protocol):
    async def at(self, name: str) -> RentalId | None:
        """The rental that answers at an address now, or did last."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Who may download what of an archive, once, until when."""

    digest: str  # SHA-256 of the secret, hexadecimal
    archive_id: ArchiveId
    path: bytes | None  # a file or a folder; None is everything
    member_id: int
    expires_at: datetime


class Downloads(Protocol):
    async def add_parcel(self, parcel: Parcel) -> None: ...

    async def parcel(self, digest: str, now: datetime) -> Parcel | None:
        """One that is neither fetched nor expired."""
        ...

    async def fetch_parcel(self, digest: str, now: datetime) -> bool:
        """Take it, once: False when it was taken before, has expired or is unknown."""
        ...


class Doors(Protocol):
    async def add_ticket(self, ticket: Pass) -> None: ...

    async def ticket(self, digest: str, now: datetime) -> Pass | None:
        """A ticket that is neither spent nor expired, nor is the share it was given by."""
        ...

    async def spend(self, digest: str, session: Pass, now: datetime) -> bool:
        """Exchange a ticket for a session, once: False when it is spent, expired or unknown."""
        ...

    async def session(self, digest: str, now: datetime) -> Pass | None:
        """A session that is neither revoked nor expired, nor is the share it came in by."""
        ...

    async def revoke(self, rental_id: RentalId, now: datetime) -> int:
        """End every session and ticket of a rental; how many there were."""
        ...

    async def revoke_member(self, rental_id: RentalId, member_id: int, now: datetime) -> int:
        """The same for one member; the rental's others stay in."""
        ...

    async def past_session(self, digest: str) -> Pass | None:
        """A session, whatever became of it."""
        ...

    async def living_sessions(self, now: datetime) -> list[Pass]:
        """Those of all rentals that are neither revoked nor expired."""
        ...

    async def open_share(self, rental_id: RentalId, member_id: int, now: datetime) -> Share | None:
        """The share by which a member may enter at this moment."""
        ...


class Store(
    Quotes,
    Rentals,
    Ledger,
    Tabs,
    Bills,
    Budgets,
    Spending,
    Outbox,
    Samples,
    Letters,
    Policies,
    Doors,
    Grudges,
    Lookouts,
    Addresses,
    Downloads,
    ArchiveBooks,
    Bulletins,
    Boards,
    Sightings,
    Interactions,
    Recordings,
    Census,
    Reports,
    Shares,
    Keys,
    Processes,
    HouseKeys,
    Ways,
    Starts,
    Greetings,
    Protocol,
):
    """The database as a whole."""
