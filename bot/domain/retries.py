"""Archives that did not come about: what is tried again and when, what is asked, who is told.

A person's wish to save or to end a machine outlives a failure: it stays on the row and is tried
again, more patiently each time, until it is proven or called off. An end that nobody asked for is
taken back instead, and must be judged anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.archive_costs import BY_LEAD, BY_OWNER, WITHOUT, Caps, Estimate
from bot.domain.letters import Kind, Writing
from bot.domain.rentals import Rental, State

TRIES = 3
"""After so many archives in a row that could not be proven, the leads are told."""

_AGAIN = timedelta(minutes=10)
_LONGEST = timedelta(hours=6)


class Allowed(StrEnum):
    """How far somebody has agreed to an archive above the caps."""

    NOTHING = ""
    OWNER = "owner"
    LEAD = "lead"


def caps_of(rental: Rental, *, unasked: Caps = BY_OWNER, agreed: Caps = BY_LEAD) -> Caps:
    """What may be archived of a rental without asking (again).

    `unasked` is what may begin without its owner's yes, `agreed` what may begin with it: never
    less, so that a yes is not asked for twice.
    """
    match rental.save_allowed:
        case Allowed.LEAD:
            return WITHOUT
        case Allowed.OWNER:
            return agreed.or_more(unasked)
        case _:
            return unasked


def pause(fails: int) -> timedelta:
    """How long until the next try after so many that failed in a row."""
    doubled: int = 2 ** min(max(fails - 1, 0), 10)
    return min(_AGAIN * doubled, _LONGEST)


def failed(rental: Rental, detail: str, now: datetime) -> Rental:
    """The row after an archive that could not be proven: ready, and tried again later."""
    fails = rental.save_fails + 1
    return _back(
        replace(rental, save_fails=fails, save_next_at=now + pause(fails), note=detail), rental
    )


def held(rental: Rental, detail: str, now: datetime) -> Rental:
    """The row after an archive that is too large to begin unasked; `detail` says how large."""
    return _back(replace(rental, held=detail, held_at=now, note=""), rental)


def waits(rental: Rental, now: datetime) -> str:
    """Why nothing is archived yet though it is wished for; empty where nothing is in the way."""
    if rental.held:
        return "its owner is asked whether so much may be archived"
    if rental.save_next_at is not None and now < rental.save_next_at:
        return "the archive is tried again later"
    return ""


def waiting(rental: Rental) -> bool:
    """Whether a person's wish stands and its archive has not come about yet."""
    wished = rental.save_asked_at is not None or rental.released_at is not None
    stuck = bool(rental.held) or rental.save_next_at is not None
    return rental.state is State.READY and wished and stuck


def again(rental: Rental) -> Rental:
    """The row without what holds an archive up: it is tried, and measured, at once."""
    return replace(rental, save_next_at=None, held="", held_at=None)


def called_off(rental: Rental) -> Rental:
    """The row without any wish to save or to end it."""
    return again(
        replace(rental, released_at=None, ended_by=None, reason=None, save_asked_at=None, note="")
    )


def letters(before: Rental, after: Rental) -> tuple[Writing, ...]:
    """What is to be told because of this change, written in one transaction with it.

    The first three failures in a row are told, the third to the leads as well; later ones are on
    the card, so that nobody is written to for ever.
    """
    if after.held_at is not None and after.held_at != before.held_at:
        return held_letters(after)
    if after.save_fails <= before.save_fails or after.save_fails > TRIES:
        return ()
    at = after.save_next_at or after.requested_at
    kinds = [Kind.SAVE_FAILED]
    if after.save_fails == TRIES:
        kinds.append(Kind.SAVE_FAILED_LEADS)
    return tuple(Writing(kind=kind, at=at, detail=after.note) for kind in kinds)


def held_letters(rental: Rental) -> tuple[Writing, ...]:
    """The question about an archive that is too large to begin unasked."""
    assert rental.held_at is not None
    kinds = [Kind.TOO_LARGE]
    if rental.save_allowed == Allowed.OWNER:
        kinds.append(Kind.TOO_LARGE_LEADS)
    return tuple(Writing(kind=kind, at=rental.held_at, detail=rental.held) for kind in kinds)


def measure(estimate: Estimate) -> str:
    """“34.2 GB would be sent, for about $2.31 and in about 80 min”, with the largest folders."""
    minutes = max(1, round(estimate.takes / timedelta(minutes=1)))
    takes = f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
    said = (
        f"{size(estimate.to_send)} of files would be sent, for about {estimate.cost} and in about "
        f"{takes}."
    )
    if estimate.largest:
        largest = ", ".join(f"{name} {size(weight)}" for name, weight in estimate.largest)
        said += f" The largest in it: {largest}."
    return said


def size(count: int) -> str:
    if count >= 1_000_000_000:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.1f} MB" if count >= 1_000_000 else f"{count / 1e3:.1f} kB"


def _back(rental: Rental, before: Rental) -> Rental:
    """Ready again. What a person wished for stays; what nobody wished for does not."""
    rental = replace(rental, state=State.READY)
    if before.ended_by is not None:
        return rental
    return replace(rental, released_at=None, reason=None)
