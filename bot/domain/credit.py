"""The credit: how long it lasts, who is warned, what is saved and ended before it is gone.

Vast stops every machine when the credit is used up, charges on for their disks, and may delete them
later (reference vast-api, 4.4); a stopped machine cannot be archived. So work is archived while
there is still time for it. What an account may owe below zero is not known, and not counted on.
Nothing here concludes anything from a credit that is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.domain import outlook, retries
from bot.domain.money import ZERO, Usd, storage_per_hour
from bot.domain.omens import Sign
from bot.domain.rentals import Instance, Rental, State, Status

HOUR = timedelta(hours=1)
MARKS = (timedelta(hours=24), timedelta(hours=6), timedelta(hours=1))
"""So long before the credit is gone the leads are told."""

LAST = timedelta(minutes=45)
"""So long before it, machines are ended, where the team has chosen that."""

WARNING = timedelta(minutes=10)
"""Between the moment an owner was told and the end."""

FRESH = timedelta(hours=3)
"""An archive of that age need not be made again."""

ENDS = "The team's Vast credit runs out, so it is archived and ended."
"""How the note of a rental that is ended for it begins."""

_LONGEST = timedelta(days=3650)
_AT_ONCE = 4
"""So many archives share our own line before they slow each other down."""

_COMING = frozenset({Status.CREATED, Status.STARTING, Status.RESTARTING, Status.SCHEDULING})


class Order(StrEnum):
    """Whose work comes first."""

    IDLE = "idle"  # those nobody uses, then the dearest
    DEAREST = "dearest"
    CHEAPEST = "cheapest"
    OLDEST = "oldest"


class AtDry(StrEnum):
    """What is done before the credit is gone."""

    WARN = "warn"  # nothing but the warnings: an account that is billed afterwards
    SAVE = "save"  # everything is archived
    IDLE = "idle"  # and what nobody uses is ended
    ALL = "all"  # and so much is ended that the rest lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """One look: the credit, and what everything on the account burns an hour together."""

    at: datetime
    credit: Usd
    per_hour: Usd = ZERO
    machines: int = 0
    others: int = 0  # of these, machines that no rental of ours owns
    unpriced: int = 0  # of these, machines whose price cannot be read: it lasts shorter than said

    @property
    def left(self) -> timedelta | None:
        """How long it lasts at the present burn; None: nothing burns."""
        if self.per_hour.micros <= 0:
            return None
        seconds = max(self.credit.micros, 0) * 3600 // self.per_hour.micros
        return min(timedelta(seconds=min(seconds, 10**9)), _LONGEST)

    @property
    def dry_at(self) -> datetime | None:
        return self.at + self.left if self.left is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A ready machine of ours."""

    rental: Rental
    takes: timedelta  # to archive it
    idle: bool = False  # nobody uses it, as the idle watch says now
    announced: bool = False  # its owner is being told that it ends
    told_at: datetime | None = None  # when that reached them


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is due now, in the policy's order."""

    save: tuple[Rental, ...] = ()
    announce: tuple[Work, ...] = ()
    end: tuple[Work, ...] = ()


def funds(credit: Usd, listing: Iterable[Instance], ours: Collection[int], now: datetime) -> Funds:
    """From the account and a complete listing; stopped machines burn their disk, others count."""
    machines = list(listing)
    return Funds(
        at=now,
        credit=credit,
        per_hour=Usd.sum(burning(one) for one in machines),
        machines=len(machines),
        others=sum(one.contract not in ours for one in machines),
        unpriced=sum(one.rates is None for one in machines),
    )


def burning(machine: Instance) -> Usd:
    """What a machine burns an hour; one that is coming up counts as if it ran."""
    if machine.rates is None:
        return ZERO
    runs = machine.gpu_billed if machine.gpu_billed is not None else machine.status is Status.UP
    gpu = machine.rates.gpu_per_hour if runs or machine.status in _COMING else ZERO
    rate = machine.rates.storage_per_gb_month
    return gpu + (storage_per_hour(rate, machine.disk_gb) if machine.disk_billed else ZERO)


def to_tell(now: Funds, told: Collection[timedelta]) -> timedelta | None:
    """The mark that is to be told; of several passed at once the nearest to the end.

    `told` are the marks of this descent: those not taken back by `recovered`.
    """
    left = now.left
    passed = [mark for mark in MARKS if left is not None and left <= mark]
    nearest = min(passed, default=None)
    return nearest if nearest is not None and not any(one <= nearest for one in told) else None


def recovered(now: Funds, mark: timedelta) -> bool:
    """Whether it lasts clearly longer again, so that a new descent is told anew."""
    return now.left is None or now.left > mark * 5 / 4


def plan(funds: Funds, works: Sequence[Work], order: Order, at_dry: AtDry) -> Plan:
    """What is to be archived, announced and ended at this moment."""
    left = funds.left
    if left is None or at_dry is AtDry.WARN:
        return Plan()
    ranked = ranked_by(order, works)
    ending = _ending(funds, ranked, at_dry) if left <= LAST else ()
    due = [one for one in ending if one.told_at and funds.at - one.told_at >= WARNING]
    return Plan(
        save=tuple(
            one.rental
            for place, one in enumerate(ranked)
            if left <= lead(ranked[place:]) and one not in due and _unsaved(one.rental, funds.at)
        ),
        announce=tuple(one for one in ending if not one.announced),
        end=tuple(one for one in due if _may_end(one.rental, funds.at)),
    )


def ranked_by(order: Order, works: Sequence[Work]) -> list[Work]:
    """In the order in which they are archived, and ended where they are."""
    oldest = sorted(works, key=lambda one: (one.rental.requested_at, one.rental.id))
    match order:
        case Order.IDLE:
            return sorted(oldest, key=lambda one: (not one.idle, -one.rental.per_hour.micros))
        case Order.DEAREST:
            return sorted(oldest, key=lambda one: -one.rental.per_hour.micros)
        case Order.CHEAPEST:
            return sorted(oldest, key=lambda one: one.rental.per_hour.micros)
        case Order.OLDEST:
            return oldest


def lead(works: Sequence[Work]) -> timedelta:
    """How long before the credit is gone the first of these is archived, for all to be done."""
    together = sum((one.takes for one in works), timedelta()) / _AT_ONCE
    return LAST + max(together, *(one.takes for one in works))


def _ending(funds: Funds, ranked: Sequence[Work], at_dry: AtDry) -> tuple[Work, ...]:
    """So many of those that may be ended that what is left lasts twice the margin."""
    chosen: list[Work] = []
    burn = funds.per_hour
    for one in ranked:
        enough = max(funds.credit, ZERO) >= burn.over(2 * LAST, per=HOUR)
        if enough or at_dry is AtDry.SAVE:
            break
        if one.idle or at_dry is AtDry.ALL:
            chosen.append(one)
            burn -= one.rental.per_hour
    return tuple(chosen)


def _unsaved(rental: Rental, now: datetime) -> bool:
    """Whether it may be archived, nobody has asked for that yet, and no fresh archive is there."""
    if not _may_end(rental, now) or rental.save_asked_at is not None:
        return False
    return rental.proven_at is None or now - rental.proven_at > FRESH


def _may_end(rental: Rental, now: datetime) -> bool:
    """Not one that ends, stands still, or whose archive is tried again later or waits for a yes."""
    if rental.state is not State.READY or rental.released_at is not None:
        return False
    stopped = outlook.omen(rental, Sign.STOPPED) is not None
    return not stopped and not retries.waits(rental, now)


def ends(rental: Rental) -> bool:
    """Whether it is, or was, ended because the credit runs out."""
    released = rental.released_at is not None and rental.ended_by is None
    return released and rental.note.startswith(ENDS)


def epoch(at: datetime) -> int:
    """A moment as part of a key."""
    return int(at.astimezone(UTC).timestamp())
