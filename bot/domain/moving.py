"""A move: one rental's work goes to another machine, and the old one ends only when that is proven.

The new rental names the old one (`moves_from`); each is moved on by itself and only looks at the
other's row, so there is no moment at which two rows must change together.

    old: ready ------ Archive, Save, Spare (a first copy; people work on) ------------ Freeze
    new: requested -- it waits for that copy, then Create, Restore, Rehearse (Jupyter answers)

    old: archiving - Save (all there is, nobody gets in) ------------ Recheck -------- Release
    new:             ............................ Restore (what differs) ..... Serve (ready)

The last copy is made after the old notebook was closed, and the old machine is looked at once more
after the new one agreed with it. Then the new one becomes ready, which takes the address over; the
old one is looked at a last time, and only then destroyed. Whatever fails before that ends the new
machine, never the old one; without a proven first copy nothing is rented. Should the old machine
end on the way, the new one takes its newest archive.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.rentals import Phase, Reason, Rental, State
from bot.domain.steps import (
    Archive,
    Freeze,
    Recheck,
    Rehearse,
    Release,
    Restore,
    Save,
    Spare,
    Step,
    Thaw,
    Wait,
)

_OVER = (State.DESTROYING, State.CLOSED)


def under_way(mover: Rental | None) -> bool:
    """Whether somebody still means to take this rental's work over."""
    return mover is not None and (mover.ready_at is not None or mover.state not in _OVER)


def proven(rental: Rental, wanted_at: datetime) -> bool:
    """Whether an archive holds everything that was there when it was asked for."""
    return rental.proven_at is not None and rental.proven_at >= wanted_at


def leaving(rental: Rental, mover: Rental | None, again: timedelta, now: datetime) -> Step | None:
    """What a ready machine does for the one that its work goes to; None: nothing now."""
    if mover is None or not under_way(mover):
        return None
    if rental.save_failed_at is not None and rental.save_failed_at >= mover.requested_at:
        # The new one gives up because of it. One that is ready already cannot: tried again.
        late = mover.ready_at is not None and now - rental.save_failed_at > again
        return Freeze(mover.owner_id) if late else None
    if mover.ready_at is not None or mover.phase is Phase.SWITCHING:
        return Freeze(mover.owner_id)
    return None if proven(rental, mover.requested_at) else Archive()


def may_go(rental: Rental, mover: Rental | None, fresh: timedelta, now: datetime) -> Step | None:
    """What a closed old machine may do without being reached; None: it has to be."""
    if mover is None or not under_way(mover):
        return Spare()
    asked_at = rental.released_at or now
    if mover.ready_at is not None and proven(rental, asked_at):
        known_at = max(filter(None, (rental.cleared_at, rental.proven_at)), default=asked_at)
        good = known_at >= mover.ready_at and now - known_at <= fresh
        return Release(Reason.MOVED) if good else None
    return None


def handing_over(rental: Rental, mover: Rental, patience: timedelta, now: datetime) -> Step:
    """What a closed old machine does until the new one is ready."""
    asked_at = rental.released_at or now
    if mover.ready_at is not None:
        # The last look of all; what was written since is kept, if only in an archive.
        looked_at = proven(rental, asked_at) and rental.archive_id
        return Recheck(looked_at) if looked_at else Save()
    if now - asked_at > patience:
        return Thaw("The new machine was not ready in time, so this one stays.")
    if not proven(rental, asked_at):
        return Save()
    if not _holds(mover, rental) or rental.archive_id is None:
        return Wait("the new machine takes over what differs")
    if not _cleared(rental):
        return Recheck(rental.archive_id)
    return Wait("the new machine is about to be ready")


def failed(before: Rental, after: Rental) -> bool:
    """Whether a move has just ended for good without its owner's doing, its work not moved."""
    ends = after.state is State.DESTROYING and before.state is not State.DESTROYING
    its = after.moves_from is not None and after.ready_at is None
    return its and ends and not after.replacing and after.ended_by is None


def waiting(rental: Rental, source: Rental | None) -> Step | None:
    """What keeps a new machine from being rented: first there is a copy to put onto it."""
    if source is None:
        return Wait("the old machine's row cannot be seen")
    if hopeless(rental, source):
        return given_up(source)
    first = proven(source, rental.requested_at) or source.state in _OVER
    return None if first else Wait("a first copy is being made")


def hopeless(rental: Rental, source: Rental) -> bool:
    """Whether the old machine cannot be copied, or has ended without any archive."""
    if source.state in _OVER:
        return source.archive_id is None
    return source.save_failed_at is not None and source.save_failed_at >= rental.requested_at


def given_up(source: Rental) -> Release:
    ended = source.state in _OVER
    why = "The old machine ended before it was archived." if ended else source.note
    return Release(Reason.NOT_MOVED, why)


def arriving(rental: Rental, source: Rental | None) -> Step | None:
    """What a new machine that can be reached does before it may be ready; None: nothing more."""
    if source is None:
        return Wait("the old machine's row cannot be seen")
    if hopeless(rental, source):
        return given_up(source)
    if source.archive_id is None:
        return Wait("a first copy is being made")
    if source.state in _OVER:  # ended on the way: its newest archive is what there is
        return None if _holds(rental, source) else Restore(source.archive_id)
    if rental.restored_at is None:
        return Restore(source.archive_id)
    if rental.phase is not Phase.SWITCHING:
        return Rehearse()
    frozen = source.state is State.ARCHIVING and source.reason is Reason.MOVED
    if not frozen or not _settled(source):
        return Wait("the last copy is being made")
    if not _holds(rental, source):
        return Restore(source.archive_id)
    return None if _cleared(source) else Wait("the old machine is looked at once more")


def _holds(mover: Rental, source: Rental) -> bool:
    """Whether the new machine was found to be as the old one's newest archive."""
    return mover.restored_at is not None and mover.restore_id == source.archive_id


def _settled(source: Rental) -> bool:
    return source.released_at is not None and proven(source, source.released_at)


def _cleared(source: Rental) -> bool:
    """Whether nothing happened on the old machine between its last archive and the last look."""
    return source.cleared_at is not None and proven(source, source.released_at or source.cleared_at)
