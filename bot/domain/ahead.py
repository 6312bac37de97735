"""When a running machine is archived though nobody asked: each night, and when its owner is asked.

So that the last archive has little to send, and a host that vanishes costs a day at most.
"""

from __future__ import annotations

import zlib
from datetime import datetime, time, timedelta

from bot.domain.idle_memory import Memory
from bot.domain.rentals import Rental, State
from bot.domain.standing import Rules

NIGHT = time(2)
"""When the night's archives begin where neither the team nor quiet hours say it."""

SPREAD = timedelta(hours=3)
"""Machines begin one after another within this time, each at its own moment."""

_DAY = timedelta(days=1)


def wanted(rental: Rental) -> bool:
    """Whether a rental is one that is archived ahead of its end, apart from the time."""
    wished = rental.released_at is not None or rental.save_asked_at is not None
    return rental.state is State.READY and not wished and not rental.held


def due_at(rental: Rental, memory: Memory | None, rules: Rules) -> datetime | None:
    """When the next archive is due: in the past where it is late; None where none is.

    At the question whether a machine is still needed, once; else at its own moment of the first
    night after its newest archive, or after it became ready, if the team wants any at night. A
    night that was missed is made up for at any hour.
    """
    newest = newest_at(rental)
    due = [night_after(rental, newest, rules)] if rules.nightly else []
    if memory is not None and memory.question is not None and memory.question.asked_at > newest:
        due.append(memory.question.asked_at)
    return min(due, default=None)


def newest_at(rental: Rental) -> datetime:
    """From when the newest archive is; without one, when there began to be something to save."""
    known = (rental.proven_at, rental.ahead_at, rental.restored_at, rental.ready_at)
    return max((at for at in known if at is not None), default=rental.requested_at)


def night_after(rental: Rental, after: datetime, rules: Rules) -> datetime:
    """This machine's moment of the first night that begins after `after`."""
    start = rules.night or (rules.quiet.start if rules.quiet is not None else NIGHT)
    offset = SPREAD * (zlib.crc32(rental.id.encode()) % 1000) / 1000
    day = after.astimezone(rules.zone).date() - _DAY
    for _ in range(4):
        at = datetime.combine(day, start, rules.zone).astimezone(after.tzinfo) + offset
        if at > after:
            return at
        day += _DAY
    return after + _DAY
