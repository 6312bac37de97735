"""The life of a rental: which step comes next, and what a step's outcome makes of the row.

    requested --Intend--> creating --Create/Adopt--> booting --Connect, Restore, Serve--> ready
        |                    |                          |                                |   ^
        |                    |                          |                        Archive |   | Spare
        |                    |                          |                                v   |
        |                    |                          |       Save, Probe <------- archiving
        |                    |                          |                                |
        +--------------------+---------- Release -------+--------------------------------+
                                            |
                                       destroying --Destroy, Look (until seen gone)--> closed

`next_step`, `prepare` and `transitions.after` are pure. The reconciler looks, asks `next_step`,
stores `prepare`, carries the step out and stores `after`. A process may die between any two of
these; what is stored then says enough to go on: a try is on the row before the renting call, a
contract is found again by its label, and only a machine that is seen gone closes a row.

Release is the one way out. Its causes are the owner or a lead (`released_at`), a start that failed
or took too long, no offer left, a price above the agreed one, and a machine that vanished. A
machine that vanished is never destroyed: should it come back, it may hold work.

A machine that fails before it was ready goes the same way (GiveUp), and once it is seen gone the
row goes back to creating: what was tried is set aside on it, and the next best offer is looked for
(Seek, `replacement.py`). One that costs more than was agreed to waits in requested for a yes.
A wish whose archive failed, or is too large to begin unasked, stays on a ready machine and is tried
again at its time (`retries.py`).

A machine that was ever ready is released only after an archive was proven later than the end was
asked for, or after somebody waived it. Where nobody asked (an idle machine), it is looked at once
more after the proof, and any sign of life keeps it. A machine whose work goes to another one, and
that other one, have steps of their own: `moving.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from bot.domain import moving, retries
from bot.domain.limits import Limits as Limits
from bot.domain.omens import Sign
from bot.domain.rentals import ContractId, Instance, Phase, Reason, Rental, State, Status
from bot.domain.replacement import may_replace, may_try, out_of_offers, start_failure
from bot.domain.steps import (
    Adopt,
    Archive,
    Close,
    Connect,
    Create,
    Destroy,
    GiveUp,
    Intend,
    Look,
    Observe,
    Probe,
    Rehearse,
    Release,
    Remove,
    Restore,
    Return,
    Save,
    Seek,
    Serve,
    Spare,
    Step,
    Thaw,
    Wait,
)
from bot.domain.transitions import ABSENT_ENOUGH, seen

PRICE_TOLERANCE = Decimal("1.01")
LONGEST_PAUSE = timedelta(minutes=15)
LONGEST_WAIT = timedelta(days=1)
"""No end waits longer than the first, and nothing than the second: until Vast may be searched."""
TRIES = 3
"""How often a machine must have failed besides being late: our own downtime is not its fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one look at the world showed of one rental."""

    at: datetime  # when the listing was asked for
    listed: bool  # a complete listing was read; else nothing is known
    machines: tuple[Instance, ...] = ()  # those with the rental's label or contract
    connected: bool = False  # SSH stands
    served: bool = False  # and the relay has a way to the notebook
    source: Rental | None = None  # the rental that this one takes over from, as its row is
    mover: Rental | None = None  # the open rental that takes over from this one, as its row is


def next_step(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    """What to do for a rental now, given one look at the world."""
    if _before_its_time(rental, now) and not _released_now(rental):
        return Wait("not before its time")
    match rental.state:
        case State.REQUESTED:
            return _requested(rental, sight, now)
        case State.CREATING:
            return _creating(rental, sight, limits, now)
        case State.BOOTING:
            return _booting(rental, sight, limits, now)
        case State.READY:
            return _ready(rental, sight, limits, now)
        case State.ARCHIVING:
            return _archiving(rental, sight, limits, now)
        case State.DESTROYING:
            return _destroying(rental, sight, limits, now)
        case State.CLOSED:
            return Wait("closed")
        case _:
            assert_never(rental.state)


def prepare(rental: Rental, step: Step, now: datetime) -> Rental:
    """The row to store before a step is carried out: a renting call leaves its trace first."""
    if isinstance(step, Create):
        return replace(rental, sent_at=now, attempt=rental.attempt + 1, next_at=None)
    return rental


def _before_its_time(rental: Rental, now: datetime) -> bool:
    """Whether it waits; a time further ahead than any wait is of a clock that was set back."""
    if rental.next_at is None:
        return False
    ending = rental.state is State.DESTROYING
    return timedelta() < rental.next_at - now <= (LONGEST_PAUSE if ending else LONGEST_WAIT)


def _released_now(rental: Rental) -> bool:
    """A person asked for the end: a wait for something else does not hold that up."""
    return rental.released_at is not None and rental.state is not State.DESTROYING


def _requested(rental: Rental, sight: Sight, now: datetime) -> Step:
    if strays := _strays(rental, sight):
        return Remove(strays[0])
    if rental.released_at:
        return Release(Reason.CANCELLED)
    if rental.proposal is None:
        waits = rental.moves_from is not None and not rental.tries
        return (moving.waiting(rental, sight.source) if waits else None) or Intend()
    if rental.proposed_until is not None and now >= rental.proposed_until:
        return Release(Reason.UNANSWERED)
    return Wait("a dearer machine waits for a yes")


def _creating(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    if strays := _strays(rental, sight):
        return Remove(strays[0])
    if sight.machines:
        return Adopt(_ours(sight)[0])
    if rental.sent_at is None:
        return _try(rental, limits, now)
    if not sight.listed:
        return Wait("the account cannot be seen")
    if sight.at - rental.sent_at < limits.doubt:
        return Wait("in doubt whether it was rented")
    return _try(rental, limits, now)


def _try(rental: Rental, limits: Limits, now: datetime) -> Step:
    if rental.released_at:
        return Release(Reason.CANCELLED)
    if rental.attempt >= limits.attempts:
        return Release(Reason.REFUSED)
    if rental.offer.id not in rental.tried:
        return Create(rental.offer)
    if not may_try(rental, limits, now):
        return Release(out_of_offers(rental))
    return Seek(now + limits.answer)


def _booting(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    if extra := _extra(rental, sight):
        return Remove(extra)
    if rental.released_at:
        return Release(Reason.CANCELLED)
    if not sight.listed:
        return Wait("the account cannot be seen")
    machine = _recorded(rental, sight)
    if machine is None:
        step = _missing(rental, sight, limits)
        return _failed(rental, step.reason, limits, now) if isinstance(step, Release) else step
    if seen(rental, machine, now) != rental:
        return Observe(machine)
    if _too_expensive(rental):
        return _failed(rental, Reason.PRICE_ROSE, limits, now)
    match machine.status:
        case Status.FAILED | Status.STOPPED:
            return _failed(rental, start_failure(rental.detail), limits, now)
        case Status.UP:
            return _opening(rental, sight, limits, now)
        case status:
            limit = limits.created if status is Status.CREATED else limits.loading
            slow = now - (rental.created_at or now) > limit
            if slow and _just_lost(rental, limits, now):
                return Wait("it ran, and may run again")
            if slow:
                # One that ran has loaded its image: what went away since is its host.
                reason = Reason.NO_SSH if rental.running_at else Reason.TOO_SLOW
                return _failed(rental, reason, limits, now)
            return Wait("the host is loading the image")


def _just_lost(rental: Rental, limits: Limits, now: datetime) -> bool:
    """Whether a machine that ran is out of sight, or shown in a riddle, for a moment only.

    A long restore may be on it, and one look at Vast is no reason to give that up.
    """
    signs = (Sign.OFFLINE, Sign.UNREADABLE)
    since = [one.since for one in rental.omens if one.sign in signs]
    return rental.running_at is not None and bool(since) and now - min(since) <= limits.ssh


def _opening(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    """From running to ready: SSH, the archive, Jupyter, its page through the relay."""
    reason = _overdue(rental, limits, now)
    if not sight.connected:
        return Connect() if reason is None else _failed(rental, Reason.NO_SSH, limits, now)
    if step := _restoring(rental, sight, limits, now):
        return step
    return Serve() if reason is None else _failed(rental, reason, limits, now)


def _overdue(rental: Rental, limits: Limits, now: datetime) -> Reason | None:
    """Which deadline was missed, if one was; our own downtime is not the machine's fault.

    So it must have failed some times, or, where some parts of a step work and others do not, at
    least been long over the time.
    """
    match rental.phase:
        case Phase.CONNECTING:
            limit, reason = limits.ssh, Reason.NO_SSH
        case Phase.STARTING_JUPYTER:
            limit, reason = limits.notebook, Reason.NO_NOTEBOOK
        case Phase.OPENING:
            limit, reason = limits.path, Reason.NO_PATH
        case _:
            return None
    since = now - (rental.phase_at or now)
    late = since > limit and rental.fails >= TRIES
    return reason if late or (since > 3 * limit and rental.fails > 0) else None


def _failed(rental: Rental, reason: Reason, limits: Limits, now: datetime) -> GiveUp:
    return GiveUp(reason, again=may_replace(rental, reason, limits, now))


def _restoring(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step | None:
    """The step before its notebook may open; None where nothing is to be put onto it (any more)."""
    step: Step | None = None
    if rental.moves_from is not None:
        step = moving.arriving(rental, sight.source)
    elif rental.restore_id is not None and rental.restored_at is None:
        step = Restore(rental.restore_id)
    if isinstance(step, Restore | Rehearse) and rental.fails >= TRIES:
        slow = now - (rental.phase_at or now) > limits.restore
        return Release(Reason.NOT_RESTORED, rental.detail) if slow else step
    return step


def _ready(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    if extra := _extra(rental, sight):
        return Remove(extra)
    if rental.released_at and rental.waived_by:
        return Release(Reason.RELEASED)
    if step := _unreachable(rental, sight, limits):
        return step
    wished = rental.released_at or rental.save_asked_at
    held_up = retries.waits(rental, now) if wished else ""
    if wished and not held_up:
        return Archive()
    if step := moving.leaving(rental, sight.mover, limits.save_again, now):
        return step
    return Wait(held_up or "in use") if sight.served else Serve()


def _archiving(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    if extra := _extra(rental, sight):
        return Remove(extra)
    if rental.released_at and rental.waived_by:
        return Release(Reason.RELEASED)
    if rental.reason is Reason.MOVED:
        return _moving(rental, sight, limits, now)
    wanted_at = rental.released_at or rental.save_asked_at
    if wanted_at is None and sight.mover is not None and moving.under_way(sight.mover):
        wanted_at = sight.mover.requested_at
    if wanted_at is None:
        return Spare()
    if not moving.proven(rental, wanted_at):
        return _unreachable(rental, sight, limits) or Save()
    if rental.released_at is None:
        return Spare()
    if now - (rental.phase_at or now) > limits.proof:
        return _unreachable(rental, sight, limits) or Save()  # people may have worked on since
    return Probe() if rental.reason is Reason.IDLE else Release(rental.reason or Reason.RELEASED)


def _moving(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    """An old machine whose notebook is closed for its work to go to another one."""
    if step := moving.may_go(rental, sight.mover, limits.last_look, now):
        return step
    assert sight.mover is not None
    step = moving.handing_over(rental, sight.mover, limits.frozen, now)
    return step if isinstance(step, Thaw) else _unreachable(rental, sight, limits) or step


def _unreachable(rental: Rental, sight: Sight, limits: Limits) -> Step | None:
    """What is to be done before a machine that was ready can be worked with; None: nothing."""
    machine = _recorded(rental, sight)
    if sight.listed:
        if machine is None:
            return _missing(rental, sight, limits)
        if seen(rental, machine, sight.at) != rental:
            return Observe(machine)
        if machine.status not in (Status.UP, Status.UNCLEAR):  # from a riddle follows nothing
            return Wait("the machine does not run")
    return None if sight.connected else Connect()


def _missing(rental: Rental, sight: Sight, limits: Limits) -> Step:
    """Absence is not death: a grace, then two definite answers by number."""
    if rental.missing_since is None:
        return Observe(None)
    if rental.absent_seen >= ABSENT_ENOUGH:
        return Release(Reason.VANISHED)
    if sight.at - rental.missing_since < limits.missing:
        return Wait("missing from the list, perhaps late")
    assert rental.contract is not None
    return Look(rental.contract)


def _destroying(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    past = _past(rental)
    if strays := [one.contract for one in _ours(sight) if one.contract in past]:
        return Remove(strays[0])
    seen = _ours(sight)
    if rental.reason is Reason.VANISHED:
        return Return() if seen else Close() if sight.listed else Wait("unseen")
    # From the future: the clock was set back since, and nobody knows when it was.
    sent = rental.destroyed_at is not None and rental.destroyed_at <= now
    again = not sent or now >= destroy_again_at(rental, limits)
    if seen:
        return Destroy(seen[0].contract) if again else Wait("being destroyed")
    if rental.contract is not None and not sent:
        return Destroy(rental.contract)
    if not sight.listed:
        return Wait("the account cannot be seen")
    if rental.contract is None:
        doubtful = rental.sent_at is not None and sight.at - rental.sent_at < limits.doubt
        return Wait("in doubt whether it was rented") if doubtful else Close()
    if rental.destroyed_at is not None and sight.at < rental.destroyed_at:
        return Wait("the listing is older than the destroy")
    return Close() if rental.absent_seen >= ABSENT_ENOUGH else Look(rental.contract)


def destroy_again_at(rental: Rental, limits: Limits) -> datetime:
    """When the destroy is sent again to a machine that is still shown: later each time."""
    assert rental.destroyed_at is not None
    tried_for = rental.destroyed_at - (rental.phase_at or rental.destroyed_at)
    pause = min(max(limits.destroy_again, tried_for / 2), limits.destroy_at_least)
    return rental.destroyed_at + pause


def _ours(sight: Sight) -> list[Instance]:
    """The machines with our label, the first rented first: that one is kept."""
    return sorted(sight.machines, key=lambda machine: machine.contract)


def _past(rental: Rental) -> frozenset[ContractId]:
    """The machines tried before: one that shows again was never ready, and nobody wants it."""
    return frozenset(one.contract for one in rental.tries if one.contract is not None)


def _strays(rental: Rental, sight: Sight) -> list[ContractId]:
    """Machines with our label that are not the running try's, while that has no contract yet.

    A renting call of an earlier try may be carried out late; it ordered another machine.
    """
    if not rental.tries and rental.proposal is None:
        return []
    past = _past(rental)
    return [
        one.contract
        for one in _ours(sight)
        if one.contract in past
        or rental.sent_at is None
        or one.machine_id not in (0, rental.offer.machine_id)  # 0: Vast did not say
    ]


def _recorded(rental: Rental, sight: Sight) -> Instance | None:
    return next((one for one in sight.machines if one.contract == rental.contract), None)


def _extra(rental: Rental, sight: Sight) -> ContractId | None:
    others = [one.contract for one in _ours(sight) if one.contract != rental.contract]
    return others[0] if others else None


def _too_expensive(rental: Rental) -> bool:
    if rental.rates is None:
        return False
    return rental.per_hour.dollars > rental.agreed_per_hour.dollars * PRICE_TOLERANCE
