"""How long things take: the passes of a loop, and what a rental has just got through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.rentals import Phase, Rental, State

START = "start"
"""From the wish to a notebook that answers: all phases, and all machines that were tried."""

ARCHIVING, DESTROYING = "archiving", "destroying"
SPANS = (*(phase.value for phase in Phase), START, ARCHIVING, DESTROYING)
"""Every name there is."""

_STARTING = (State.CREATING, State.BOOTING)


@dataclass(frozen=True, slots=True)
class Beat:
    """A loop of the house: passes ended, seconds since the last did, seconds that one took."""

    passes: int
    age_s: float
    took_s: float


def spans(before: Rental, after: Rental, now: datetime) -> list[tuple[str, timedelta]]:
    """What ended with this change, and how long it had gone on."""
    ended: list[tuple[str, timedelta | None]] = []
    if before.state in _STARTING and _moved(before, after):
        ended.append((before.phase.value, _since(before.phase_at, now)))
    if after.ready_at is not None and before.ready_at is None and after.adopted_at is None:
        ended.append((START, after.ready_at - before.requested_at))
    if before.state is State.ARCHIVING and after.state is not State.ARCHIVING:
        ended.append((ARCHIVING, _since(before.released_at or before.save_asked_at, now)))
    if before.state is State.DESTROYING and after.state is State.CLOSED:
        ended.append((DESTROYING, _since(before.destroyed_at, now)))
    return [(name, max(span, timedelta())) for name, span in ended if span is not None]


def _moved(before: Rental, after: Rental) -> bool:
    return after.phase is not before.phase or after.state not in _STARTING


def _since(at: datetime | None, now: datetime) -> timedelta | None:
    return now - at if at is not None else None
