"""The facts of a rental, of its machine at Vast, and of the quote it began with."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from bot.domain.forecasts import Forecast
from bot.domain.images import Image
from bot.domain.money import ZERO, Usd
from bot.domain.offers import Offer, Rates, Wish
from bot.domain.omens import Omen
from bot.domain.prospects import Prospect

RentalId = NewType("RentalId", str)
ContractId = NewType("ContractId", int)
"""Vast's number of a rented machine, `new_contract` and `id` in its API."""

QUOTE_LIFE = timedelta(minutes=10)

SKEW = timedelta(minutes=10)
"""How far Vast's clock and ours may differ before what it says of a machine cannot be true."""

# No vowels and no look-alikes: an id is read aloud, typed, and a label in a host name.
_ALPHABET = "bcdfghjkmnpqrstvwxz23456789"


def new_id(length: int = 6) -> str:
    """A short random name, safe as a DNS label."""
    letters = _ALPHABET[:19]
    return secrets.choice(letters) + "".join(secrets.choice(_ALPHABET) for _ in range(length - 1))


def mark_of(public_key: str) -> str:
    """What names a Bellhop on the machines it rents: the fingerprint of its SSH key, shortened.

    Of the key's body, as its comment is anybody's; the key itself is on the machine anyway.
    """
    body = public_key.split()[1:2]
    return hashlib.sha256("".join(body).encode()).hexdigest()[:16]


class State(StrEnum):
    """Where a rental stands; `lifecycle.py` holds the causes of every change."""

    REQUESTED = "requested"
    CREATING = "creating"
    BOOTING = "booting"
    READY = "ready"
    ARCHIVING = "archiving"
    DESTROYING = "destroying"
    CLOSED = "closed"


class Phase(StrEnum):
    """How far a booting machine is, as its card says it."""

    RENTING = "renting"
    CREATED = "created"
    LOADING = "loading"
    CONNECTING = "connecting"
    RESTORING = "restoring"
    STARTING_JUPYTER = "jupyter"
    OPENING = "opening"
    SWITCHING = "switching"  # of a move: Jupyter answers, and the last copy is on its way
    REACHABLE = "reachable"


class Reason(StrEnum):
    """Why a rental ended, or is about to."""

    RELEASED = "released"  # its owner or a lead pressed Destroy
    IDLE = "idle"  # asked, not answered, and nothing left on it that works
    CANCELLED = "cancelled"  # ended before it was ready
    NO_OFFER = "no_offer"  # rented away, and no other within the quoted price
    REFUSED = "refused"  # Vast said no: credit, key, arguments
    FAILED_START = "failed_start"  # the host could not start the container
    TOO_SLOW = "too_slow"  # loading took longer than the limit
    PRICE_ROSE = "price_rose"  # the contract costs more than was agreed to
    NO_SSH = "no_ssh"  # the machine runs and never let us in
    NO_NOTEBOOK = "no_notebook"  # Jupyter would not start
    NO_PATH = "no_path"  # Jupyter runs, and its page never came through the relay
    BAD_IMAGE = "bad_image"  # the image is not there, which no other host would change
    UNANSWERED = "unanswered"  # a dearer machine was offered, and nobody said yes
    NOT_RESTORED = "not_restored"  # the archive could not be put onto it
    MOVED = "moved"  # its work is on another machine, and that one is ready
    NOT_MOVED = "not_moved"  # the machine it was to take over from could not be copied
    VANISHED = "vanished"  # gone from Vast's list without our doing


class Status(StrEnum):
    """What Vast's four state fields say together (reference vast-api, 5.3)."""

    CREATED = "created"  # the contract is there, the host has not begun
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SCHEDULING = "scheduling"
    RESTARTING = "restarting"
    FAILED = "failed"
    LOST = "lost"  # offline or unknown: the host is not heard of
    UNCLEAR = "unclear"  # a value we do not know; nothing is concluded from it


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A machine on the Vast account, as one listing shows it."""

    contract: ContractId
    label: str
    machine_id: int
    status: Status
    message: str  # Vast's `status_msg`, trimmed; free text, may be stale
    created_at: datetime | None
    running_since: datetime | None  # from `uptime_mins`, so to the second at best
    addresses: tuple[Address, ...]  # where SSH answers: direct first, then Vast's proxy
    rates: Rates | None
    disk_gb: int
    gpu_name: str
    gpu_util: Decimal | None  # percent, averaged and late; None is no report
    vram_used_mb: int | None
    gpu_billed: bool | None = None  # whether GPU time is charged now; None: as the status says
    disk_billed: bool = True  # charged stopped too, but not while the host is offline
    ends_at: datetime | None = None  # the end of the host's offer, which stops the machine
    outbid: bool = False  # interruptible, and not running although it was wanted to
    untouched: bool = False  # its container never ran, so nobody can have worked on it
    mark: str = ""  # the fingerprint of the SSH key of the Bellhop that rented it; "" for none
    odd: tuple[str, ...] = ()  # what in its row cannot be read, in words
    gpus: int = 1
    vram_mb: int = 0

    @property
    def label_id(self) -> str:
        """The rental's part of the label, empty where it is none of a Bellhop's."""
        return self.label.partition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A price somebody was shown. `id` is in its Rent button and makes that button one rental."""

    id: str
    guild_id: int
    channel_id: int
    owner_id: int
    owner_name: str
    wish: Wish
    image: Image
    offer: Offer
    name: str | None
    hours: int | None
    made_at: datetime
    restore_id: str | None = None  # the archive to put onto it
    moves_from: RentalId | None = None  # the rental whose work it takes over
    address: str | None = None  # the name of the notebook's address, where it is an earlier one's
    forecast: Forecast | None = None  # of the restore or the move
    prospect: Prospect | None = None  # what it is expected to cost, and to make of the month

    @property
    def per_hour(self) -> Usd:
        return self.offer.rates.per_hour(self.wish.disk_gb)

    def expired(self, now: datetime) -> bool:
        return now - self.made_at > QUOTE_LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """An offer that was tried for a rental and did not become its machine, once that is over.

    All times aware UTC. Two tries of one rental never overlap, so a ledger entry belongs to the
    one within whose times its period lies.
    """

    number: int  # 1 is the rental's first
    offer: Offer
    reason: Reason
    words: str  # what Vast, the host or the machine said
    began_at: datetime
    ended_at: datetime
    contract: ContractId | None = None  # None: the offer was never ours
    machine_id: int | None = None
    created_at: datetime | None = None
    running_at: datetime | None = None
    gone_at: datetime | None = None
    gpu: Usd = ZERO
    storage: Usd = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Rental:
    """A machine somebody asked for, from the wish to the last cent.

    Every time is aware UTC. `version` counts the changes and guards them. What is known of the
    machine (`contract` and below) is filled in as it is learned and never taken back.
    """

    id: RentalId
    version: int
    state: State
    guild_id: int
    channel_id: int
    message_id: int | None
    owner_id: int
    owner_name: str
    name: str | None
    wish: Wish
    image: Image
    offer: Offer
    agreed_per_hour: Usd  # the quoted whole price; no stand-in may cost more
    hours: int | None
    requested_at: datetime

    attempt: int = 0  # renting calls so far, counted before each is made
    sent_at: datetime | None = None  # when the running attempt was made; None: none is open
    tried: tuple[int, ...] = ()  # offers that were gone
    contract: ContractId | None = None
    machine_id: int | None = None
    rates: Rates | None = None  # as the contract says
    phase: Phase = Phase.RENTING
    phase_at: datetime | None = None
    detail: str = ""  # what Vast or SSH last said about the phase
    created_at: datetime | None = None
    running_at: datetime | None = None
    ready_at: datetime | None = None
    missing_since: datetime | None = None
    host_key: str | None = None  # pinned at the first contact, OpenSSH's one-line form
    addresses: tuple[Address, ...] = ()
    note: str = ""  # something the owner should know that stops nothing

    reason: Reason | None = None
    ended_by: int | None = None
    released_at: datetime | None = None
    waived_by: int | None = None  # who gave up the archive, after being asked twice
    save_asked_at: datetime | None = None  # an archive is wanted, whether or not it ends then
    archive_id: str | None = None  # the newest proven archive of this rental
    proven_at: datetime | None = None  # when that archive was proven
    save_fails: int = 0  # archives in a row that could not be proven
    save_next_at: datetime | None = None  # not archived again before, after a failure
    held: str = ""  # the size of an archive that waits for an answer, in words
    held_at: datetime | None = None  # since when it waits
    save_allowed: str = ""  # `retries.Allowed`: who agreed to an archive above the caps
    ahead_id: str | None = None  # the newest archive that was made ahead of any end
    ahead_at: datetime | None = None  # what it holds is from then
    restore_id: str | None = None  # the archive to put onto it before it is ready
    restored_at: datetime | None = None
    save_failed_at: datetime | None = None  # when an archive last could not be proven
    moves_from: RentalId | None = None  # the rental whose work it takes over
    cleared_at: datetime | None = None  # of a move: when the old machine was still as archived
    address: str | None = None  # the name of the notebook's address; None is its own id
    forecast: Forecast | None = None  # what was said about the restore or the move
    prospect: Prospect | None = None  # what was foreseen when its price was shown
    destroyed_at: datetime | None = None  # when Vast last took our destroy
    absent_seen: int = 0  # complete looks in a row that did not find it after the destroy
    gone_at: datetime | None = None
    closed_at: datetime | None = None
    settled_until: datetime | None = None  # the ledger is written up to here
    next_at: datetime | None = None  # not looked at again before
    fails: int = 0
    omens: tuple[Omen, ...] = ()  # what has changed about its machine without our doing
    adopted_at: datetime | None = None  # when the sweep took in a machine that no row knew

    tries: tuple[Try, ...] = ()  # what was tried before, oldest first; only ever added to
    replacing: bool = False  # once this machine is seen gone, another is looked for
    proposal: Offer | None = None  # a dearer machine that waits for its owner's yes
    proposed_until: datetime | None = None
    broken_since: datetime | None = None  # ready, but its owner's path does not work

    @property
    def title(self) -> str:
        return self.name or f"{self.offer.title} · {self.id}"

    @property
    def host_name(self) -> str:
        """The first part of its notebook's host name: an earlier rental's, or its own id."""
        return self.address or self.id

    @property
    def open(self) -> bool:
        return self.state is not State.CLOSED

    @property
    def price(self) -> Rates:
        """The contract's rates once it is known, the offer's before."""
        return self.rates or self.offer.rates

    @property
    def per_hour(self) -> Usd:
        return self.price.per_hour(self.wish.disk_gb)

    @property
    def proposed_per_hour(self) -> Usd | None:
        """The whole price of the machine that waits for a yes."""
        if self.proposal is None:
            return None
        return self.proposal.rates.per_hour(self.wish.disk_gb)

    def made_at(self, told: datetime | None) -> datetime | None:
        """Vast's word for when the machine was made; None where it was not even asked for then."""
        early = told is not None and told < self.requested_at - SKEW
        return None if early and self.adopted_at is None else told

    def label(self, installation: str) -> str:
        """The label on Vast that ties the machine to this row."""
        return f"{installation}/{self.id}"
