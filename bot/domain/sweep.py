"""What to do about the machines on the account that no open rental owns.

A label `<installation>/<rental id>` says whose a machine is; it is not proof. Somebody may have
edited it, a backup that was restored knows nothing of what was rented after it, and two Bellhops
may bear one name on one account. So the label alone ends nothing that may hold work:

    another label, or the mark of another Bellhop's key    told to the leads, never touched
    ours, its container never ran                          destroyed, after a grace
    ours, known to our books as given up or never ready    destroyed again
    ours, runs                                             adopted and archived
    ours, stands still                                     told to the leads: it may hold work

A machine that a Bellhop rented bears the mark of its SSH key. One with our mark that our books do
not know may be awaited at this moment by another Bellhop with the same key and name, such as the
one whose backup we are; it has until every Bellhop would have given it up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.limits import Limits
from bot.domain.money import Usd, storage_per_hour
from bot.domain.rentals import SKEW, Instance, Rental, RentalId, Status

NOBODY = "Bellhop"
"""Whose name a machine bears that was taken in and whose owner is not known: our own."""

_ID = re.compile(r"[a-z0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: it may be on its way into our books, or out of Vast's list."""

    why: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """Somebody else's."""

    same_name: bool = False  # another Bellhop with our name


@dataclass(frozen=True, slots=True)
class Remove:
    """To be destroyed: there cannot be any work on it."""

    why: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """To be taken in and archived. `known` is the closed rental that it belongs to."""

    known: Rental | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Ours, may hold work, and cannot be archived as it is."""

    why: str


Verdict = Wait | Foreign | Remove | Adopt | Hold


def ownerless(rental: Rental) -> bool:
    """Whether it was taken in and nobody knows whose it was: only leads can say what is to be."""
    return rental.adopted_at is not None and rental.owner_name == NOBODY


def holdings(
    rentals: Iterable[Rental], machines: Iterable[Instance], installation: str, limits: Limits
) -> dict[RentalId, list[Instance]]:
    """The machines of each open rental: that with its number, and those with its label.

    By number comes first. A label that cannot be from one of a rental's own tries was put there
    by somebody, and makes the machine nobody's.
    """
    rentals = list(rentals)
    by_number = {one.contract: one for one in rentals if one.contract is not None}
    by_label = {one.label(installation): one for one in rentals}
    found: dict[RentalId, list[Instance]] = {}
    for machine in machines:
        owner = by_number.get(machine.contract)
        if owner is None:
            owner = by_label.get(machine.label)
            if owner is None or not (owner.contract is None or _from_a_try(owner, machine, limits)):
                continue
        found.setdefault(owner.id, []).append(machine)
    return found


def rental_id(machine: Instance, installation: str) -> str | None:
    """The rental that a label of ours names; None for every other label."""
    name, _, found = machine.label.partition("/")
    return found if name == installation and _ID.fullmatch(found) else None


def judge(
    machine: Instance,
    known: Rental | None,
    *,
    installation: str,
    mark: str,
    first_seen: datetime,
    now: datetime,
    limits: Limits,
) -> Verdict:
    """What a machine that no open rental owns is. `known` is the row its label names, if any."""
    if rental_id(machine, installation) is None:
        return Foreign()
    if machine.mark and machine.mark != mark:
        return Foreign(same_name=True)
    if now - first_seen < limits.doubt:
        return Wait("it has only just been seen")
    if known is not None and machine.contract == known.contract:
        return _known(machine, known)
    if machine.untouched:
        return _never_ran(machine, known, first_seen, now, limits)
    if known is not None and not known.open and _from_a_try(known, machine, limits):
        return Remove("a second machine from one renting, and never ready")
    return _running(machine, None)


def per_day(machine: Instance) -> Usd | None:
    """What a machine costs a day that stands still: its disk. None where Vast gave no prices."""
    if machine.rates is None:
        return None
    return storage_per_hour(machine.rates.storage_per_gb_month, machine.disk_gb).times(24)


def stands_still(machine: Instance) -> bool:
    """Whether it bills its disk only, for nothing anybody has of it."""
    return machine.status in (Status.STOPPED, Status.SCHEDULING)


def strays(
    rentals: Iterable[Rental], machines: Sequence[Instance], installation: str, limits: Limits
) -> list[Instance]:
    """The machines that no open rental owns, oldest number first."""
    held = holdings(rentals, machines, installation, limits).values()
    theirs = {one.contract for mine in held for one in mine}
    return sorted(
        (one for one in machines if one.contract not in theirs), key=lambda one: one.contract
    )


def _known(machine: Instance, known: Rental) -> Verdict:
    """The machine of a closed rental: it was seen gone, and is there again."""
    archived = (
        known.proven_at is not None
        and known.released_at is not None
        and known.proven_at >= known.released_at
    )
    if known.ready_at is None:
        return Remove("its rental ended before it was ready")
    if known.waived_by is not None:
        return Remove("its work was given up")
    if archived:
        return Remove("its work is in a proven archive")
    return _running(machine, known)


def _never_ran(
    machine: Instance, known: Rental | None, first_seen: datetime, now: datetime, limits: Limits
) -> Verdict:
    begun = min(machine.created_at or first_seen, first_seen)
    patience = limits.loading + limits.doubt if machine.mark and known is None else limits.doubt
    if now - begun < patience:
        return Wait("another Bellhop may be waiting for it")
    return Remove("it was never ready")


def _running(machine: Instance, known: Rental | None) -> Verdict:
    match machine.status:
        case Status.UP:
            return Adopt(known)
        case Status.LOST:
            return Hold("its host is offline")
        case Status.UNCLEAR:
            return Hold("Vast shows it in a state that we do not know")
        case Status.CREATED | Status.STARTING | Status.STOPPING | Status.RESTARTING:
            return Wait("it is starting or stopping")
        case _:
            return Hold("it is stopped")


def _from_a_try(rental: Rental, machine: Instance, limits: Limits) -> bool:
    """Whether it was made while a renting call of this rental was under way."""
    if machine.created_at is None:
        return True
    if machine.created_at < rental.requested_at - SKEW:
        return False
    return rental.sent_at is None or machine.created_at <= rental.sent_at + limits.doubt + SKEW
