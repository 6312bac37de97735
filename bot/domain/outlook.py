"""Reading the signs about a machine, and what follows from a host's offer that is about to end.

Nothing but a save, or an end with its archive, ever follows from a sign, and only from one: a
machine on Vast stops at the end of its host's offer and may be deleted 48 hours later (reference
vast-api, 4.5), and a stopped machine cannot be archived. So its work is saved before, and the
machine is ended with a fresh archive shortly before that moment. All other signs are told and
change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.money import hourly
from bot.domain.omens import Omen, Sign
from bot.domain.rentals import Instance, Rental, State, Status

WARN_BEFORE = timedelta(hours=24)
SAVE_BEFORE = (timedelta(hours=6), timedelta(hours=1))
END_BEFORE = timedelta(minutes=30)
SAVE_AGAIN = timedelta(minutes=15)
"""How long after one archive began the next is asked for, should it have failed."""

DEARER_THAN = 101  # percent of the agreed price: what rounding and a shown price may differ by


def omen(rental: Rental, sign: Sign) -> Omen | None:
    return next((one for one in rental.omens if one.sign is sign), None)


def foreseen(rental: Rental, machine: Instance, now: datetime) -> Rental:
    """The rental with the signs that hold now, and the save or the end that is due."""
    known = {one.sign: one for one in rental.omens}
    omens = []
    for sign in _signs(rental, machine, now):
        before = known.get(sign.sign)
        omens.append(replace(sign, since=before.since) if before is not None else sign)
    return _provided(replace(rental, omens=tuple(omens)), now)


def contradicted(rental: Rental, detail: str, now: datetime) -> Rental:
    """The rental with the sign that two answers about it exclude each other."""
    if omen(rental, Sign.CONTRADICTED) is not None:
        return rental
    new = Omen(sign=Sign.CONTRADICTED, since=now, detail=detail)
    return replace(rental, omens=(*rental.omens, new))


def _signs(rental: Rental, machine: Instance, now: datetime) -> Iterator[Omen]:
    was_ready = rental.ready_at is not None
    if was_ready and rental.rates is not None and _dearer(rental):
        agreed, asked = hourly(rental.agreed_per_hour), hourly(rental.per_hour)
        yield Omen(sign=Sign.DEARER, since=now, detail=f"{asked} instead of {agreed}")
    ends_at = machine.ends_at
    if was_ready and ends_at is not None and ends_at - now <= WARN_BEFORE:
        yield Omen(sign=Sign.HOST_ENDS, since=now, at=ends_at)
    stopped = (Status.STOPPING, Status.STOPPED, Status.SCHEDULING, Status.FAILED)
    if was_ready and machine.status in stopped:
        yield Omen(sign=Sign.STOPPED, since=now, detail="outbid" if machine.outbid else "")
    if machine.status is Status.LOST:
        yield Omen(sign=Sign.OFFLINE, since=now)
    if machine.label_id != rental.id and rental.adopted_at is None:
        yield Omen(sign=Sign.RELABELLED, since=now, detail=machine.label[:80])
    if machine.odd:
        yield Omen(sign=Sign.UNREADABLE, since=now, detail=", ".join(machine.odd)[:200])


def _dearer(rental: Rental) -> bool:
    return rental.per_hour.micros * 100 > rental.agreed_per_hour.micros * DEARER_THAN


def _provided(rental: Rental, now: datetime) -> Rental:
    """With the wish to save, or to end, where the host's offer is about to end."""
    ends = omen(rental, Sign.HOST_ENDS)
    if ends is None or ends.at is None or now >= ends.at or rental.state is not State.READY:
        return rental
    if rental.released_at or rental.save_asked_at or omen(rental, Sign.STOPPED):
        return rental
    if now - (rental.phase_at or now) < SAVE_AGAIN and rental.save_fails > 0:
        return rental
    left = ends.at - now
    if left <= END_BEFORE:
        return replace(rental, released_at=now)
    due = [ends.at - before for before in SAVE_BEFORE if left <= before]
    if due and (rental.proven_at is None or rental.proven_at < max(due)):
        return replace(rental, save_asked_at=now)
    return rental
