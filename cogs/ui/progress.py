"""A start as its phases, one below the other: how long each took, how long is usual, what comes.

What is usual comes from earlier starts and is left out while there were too few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.paces import Like, Pace, Part, Usual
from bot.domain.rentals import Phase, Rental
from cogs.ui import look

_DONE, _NEXT = "✓", "○"
_IN_SECONDS = timedelta(seconds=100)


@dataclass(frozen=True, slots=True)
class _Row:
    word: str
    phases: tuple[Phase, ...]
    part: Part | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None


def rows(rental: Rental, pace: Pace | None) -> str:
    """Those behind it ticked and with the time they took, the present one bold."""
    usual = pace.usual if pace is not None else None
    listed = list(_rows(rental, pace.connected_at if pace is not None else None))
    at = next(number for number, row in enumerate(listed) if rental.phase in row.phases)
    return look.lines(
        *(_done(row) for row in listed[:at]),
        _now(listed[at], usual),
        *(_coming(row, usual) for row in listed[at + 1 :]),
    )


def learned(rental: Rental, pace: Pace | None) -> str:
    """When such a machine is usually ready, and from what that is known."""
    usual = pace.usual if pace is not None else None
    if usual is None:
        return ""
    brings = rental.restore_id is not None or rental.moves_from is not None
    return _whence(usual) if brings else ready_after(usual)


def ready_after(usual: Usual) -> str:
    """The same as a promise that is none, for a machine without anything to restore."""
    return f"Usually ready {_about(usual.whole)} after it is rented. {_whence(usual)}"


def _whence(usual: Usual) -> str:
    where = {
        Like.MACHINE: "on this machine",
        Like.GPU: "on this GPU model",
        Like.IMAGE: "with this image",
    }[usual.like]
    return f"Usual is what {usual.count} earlier starts {where} took."


def _rows(rental: Rental, connected_at: datetime | None) -> Iterator[_Row]:
    """The phases that this start goes through, each with its beginning and its end if known."""
    tries = rental.tries
    asked_at = tries[-1].ended_at if tries else rental.requested_at
    connected_at = connected_at or _connected(rental)
    restored_at = rental.restored_at
    yield _Row("Renting", (Phase.RENTING,), Part.RENTING, asked_at, rental.created_at)
    loading = (Phase.CREATED, Phase.LOADING)
    yield _Row("Loading", loading, Part.LOADING, rental.created_at, rental.running_at)
    yield _Row("Connecting", (Phase.CONNECTING,), Part.CONNECTING, rental.running_at, connected_at)
    brings = rental.restore_id is not None or rental.moves_from is not None
    if brings or rental.phase is Phase.RESTORING:
        yield _Row("Restoring", (Phase.RESTORING,), Part.RESTORING, connected_at, restored_at)
    starting = (Phase.STARTING_JUPYTER, Phase.OPENING)
    begun_at = restored_at or connected_at
    yield _Row("Starting Jupyter", starting, Part.JUPYTER, begun_at, rental.ready_at)
    if rental.moves_from is not None or rental.phase is Phase.SWITCHING:
        yield _Row("Switching over", (Phase.SWITCHING,))
    yield _Row("Ready", (Phase.REACHABLE,))


def _connected(rental: Rental) -> datetime | None:
    """When we were let in, where the row itself says so."""
    after = {Phase.RESTORING, Phase.STARTING_JUPYTER}
    return rental.phase_at if rental.phase in after and rental.restored_at is None else None


def _done(row: _Row) -> str:
    took = ""
    if row.began_at is not None and row.ended_at is not None:
        took = f" · {_about(max(row.ended_at - row.began_at, timedelta()))}"
    return f"{_DONE} {row.word}{took}"


def _now(row: _Row, usual: Usual | None) -> str:
    return f"▸ **{row.word}**{_usually(row, usual)}"


def _coming(row: _Row, usual: Usual | None) -> str:
    return f"{_NEXT} {row.word}{_usually(row, usual)}"


def _usually(row: _Row, usual: Usual | None) -> str:
    span = usual.of(row.part) if usual is not None and row.part is not None else None
    return f" · usually {_about(span)}" if span is not None else ""


def _about(span: timedelta) -> str:
    """To the second where seconds matter, else to the nearest minute."""
    if span < _IN_SECONDS:
        return f"{round(span.total_seconds())} s"
    return look.duration(span + timedelta(seconds=30))
