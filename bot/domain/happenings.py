"""What people are told because of a step: letters that are written, a card that changes."""

from __future__ import annotations

from datetime import datetime

from bot.domain import moving, retries
from bot.domain.letters import Kind, Writing
from bot.domain.rentals import Reason, Rental, State


def letters(before: Rental, moved: Rental, now: datetime) -> tuple[Writing, ...]:
    """What the owner, or the leads, are written because of a step."""
    return (*_news(before, moved, now), *_receipt(before, moved, now))


def shows(before: Rental, moved: Rental) -> bool:
    """Whether the change is one that the card shows."""
    return (
        before.state is not moved.state
        or before.phase is not moved.phase
        or before.detail != moved.detail
        or before.offer != moved.offer
        or before.proposal != moved.proposal
        or len(before.tries) != len(moved.tries)
        or (before.broken_since is None) != (moved.broken_since is None)
        or before.note != moved.note
        or before.held != moved.held
        or before.save_next_at != moved.save_next_at
        or before.omens != moved.omens
        or (before.destroyed_at is None) != (moved.destroyed_at is None)
        or (before.missing_since is None) != (moved.missing_since is None)
    )


def _receipt(before: Rental, moved: Rental, now: datetime) -> tuple[Writing, ...]:
    """Once, with the end of a rental for which there ever was a machine."""
    closed = before.open and not moved.open
    rented = moved.contract is not None or any(one.contract is not None for one in moved.tries)
    return (Writing(kind=Kind.RECEIPT, at=moved.closed_at or now),) if closed and rented else ()


def _news(before: Rental, moved: Rental, now: datetime) -> tuple[Writing, ...]:
    gone = moved.reason is Reason.VANISHED and moved.state is State.DESTROYING
    if gone and before.state is not State.DESTROYING and moved.ready_at is not None:
        return (Writing(kind=Kind.VANISHED, at=moved.missing_since or now),)
    if moving.failed(before, moved):
        return (Writing(kind=Kind.NOT_MOVED, at=now),)
    return retries.letters(before, moved)
