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

Both functions are pure. The reconciler looks, asks `next_step`, stores `prepare`, carries the step
out and stores `after`. A process may die between any two of these; what is stored then says enough
to go on: a try is on the row before the renting call, a contract is found again by its label, and
only a machine that is seen gone closes a row.

Release is the one way out. Its causes are the owner or a lead (`released_at`), a start that failed
or took too long, no offer left, a price above the agreed one, and a machine that vanished. A
machine that vanished is never destroyed: should it come back, it may hold work.

A machine that was ever ready is released only after an archive was proven later than the end was
asked for, or after somebody waived it. Where nobody asked (an idle machine), it is looked at once
more after the proof, and any sign of life keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from bot.domain.offers import Offer
from bot.domain.rentals import (
    ContractId,
    Instance,
    Phase,
    Reason,
    Rental,
    State,
    Status,
)

PRICE_TOLERANCE = Decimal("1.01")
TRIES = 3
"""How often a machine must have failed besides being late: our own downtime is not its fault."""
ABSENT_ENOUGH = 2
"""How often in a row Vast must say by number that a machine is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each phase may take, and how long nothing is concluded from silence."""

    loading: timedelta = timedelta(minutes=20)
    ssh: timedelta = timedelta(minutes=5)
    notebook: timedelta = timedelta(minutes=10)
    doubt: timedelta = timedelta(seconds=120)  # the longest Vast's list may lag
    missing: timedelta = timedelta(seconds=120)
    destroy_again: timedelta = timedelta(seconds=20)
    look_again: timedelta = timedelta(seconds=3)
    attempts: int = 6
    proof: timedelta = timedelta(minutes=5)  # how long a proven archive counts as the last word


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one look at the world showed of one rental."""

    at: datetime  # when the listing was asked for
    listed: bool  # a complete listing was read; else nothing is known
    machines: tuple[Instance, ...] = ()  # those with the rental's label or contract
    connected: bool = False  # SSH stands
    served: bool = False  # and the relay has a way to the notebook


# --- Steps ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    why: str


@dataclass(frozen=True, slots=True)
class Intend:
    """Go for it: from here on a machine may exist."""


@dataclass(frozen=True, slots=True)
class Create:
    offer: Offer


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take the machine that bears our label as this rental's."""

    machine: Instance


@dataclass(frozen=True, slots=True)
class Observe:
    """Write down what the listing shows; None is a machine that is missing from it."""

    machine: Instance | None


@dataclass(frozen=True, slots=True)
class Connect:
    """Reach the machine by SSH."""


@dataclass(frozen=True, slots=True)
class Serve:
    """Have Jupyter running and a way to it through the relay."""


@dataclass(frozen=True, slots=True)
class Restore:
    """Put the wanted archive onto the machine, and hold it against its manifest."""

    archive_id: str


@dataclass(frozen=True, slots=True)
class Archive:
    """Begin to save: the claim that everybody else sees."""


@dataclass(frozen=True, slots=True)
class Save:
    """Archive the workspace and prove it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Look once more whether it is idle, before nobody's asking ends it."""


@dataclass(frozen=True, slots=True)
class Spare:
    """Back to ready: saved without an end, or the end is no longer wanted."""


@dataclass(frozen=True, slots=True)
class Release:
    reason: Reason


@dataclass(frozen=True, slots=True)
class Remove:
    """Destroy a second machine with our label beside the recorded one."""

    contract: ContractId


@dataclass(frozen=True, slots=True)
class Destroy:
    contract: ContractId


@dataclass(frozen=True, slots=True)
class Look:
    """Ask for one machine by its number, because the listing does not have it."""

    contract: ContractId


@dataclass(frozen=True, slots=True)
class Return:
    """A machine that had vanished is there again: back to where the rental was."""


@dataclass(frozen=True, slots=True)
class Close:
    pass


Step = (
    Wait
    | Intend
    | Create
    | Adopt
    | Observe
    | Connect
    | Restore
    | Serve
    | Archive
    | Save
    | Probe
    | Spare
    | Release
    | Remove
    | Destroy
    | Look
    | Return
    | Close
)

# --- Outcomes -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rented:
    contract: ContractId


@dataclass(frozen=True, slots=True)
class OfferTaken:
    """The offer is gone for certain; `instead` is the best one within the agreed price."""

    instead: Offer | None


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite no that no other offer would change; `detail` is for people."""

    detail: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Neither a yes nor a no; `contract` where an error named a machine all the same."""

    contract: ContractId | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    host_key: str


@dataclass(frozen=True, slots=True)
class Saved:
    """Archived and proven; `at` is from when on the archive holds everything."""

    archive_id: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Tried for good and not done; `detail` is for people. The machine stays."""

    detail: str


@dataclass(frozen=True, slots=True)
class Alive:
    """There is life on a machine that was thought idle; `detail` says what."""

    detail: str


@dataclass(frozen=True, slots=True)
class Absent:
    pass


@dataclass(frozen=True, slots=True)
class Present:
    pass


@dataclass(frozen=True, slots=True)
class Trouble:
    """The step did not work this time and changed nothing; `detail` is for people."""

    detail: str
    retry_after: timedelta | None = None


Outcome = (
    Done
    | Rented
    | OfferTaken
    | Declined
    | InDoubt
    | Connected
    | Saved
    | Failed
    | Alive
    | Absent
    | Present
    | Trouble
)


# --- Decisions ------------------------------------------------------------------------------


def next_step(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    """What to do for a rental now, given one look at the world."""
    if rental.next_at is not None and now < rental.next_at and not _released_now(rental):
        return Wait("not before its time")
    match rental.state:
        case State.REQUESTED:
            return Release(Reason.CANCELLED) if rental.released_at else Intend()
        case State.CREATING:
            return _creating(rental, sight, limits)
        case State.BOOTING:
            return _booting(rental, sight, limits, now)
        case State.READY:
            return _ready(rental, sight, limits)
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


def after(rental: Rental, step: Step, outcome: Outcome, now: datetime) -> Rental:
    """The row to store once a step has ended that way."""
    if isinstance(outcome, Trouble):
        return _troubled(rental, step, outcome, now)
    rental = replace(rental, fails=0, next_at=None)
    match step:
        case Wait():
            return rental
        case Intend():
            return replace(rental, state=State.CREATING, phase=Phase.RENTING, phase_at=now)
        case Create():
            return _created(rental, outcome, now)
        case Adopt(machine):
            return _boot(rental, machine.contract, now)
        case Observe(machine):
            return _seen(rental, machine, now)
        case Connect():
            assert isinstance(outcome, Connected)
            return _connected(rental, outcome, now)
        case Serve():
            return _served(rental, outcome, now)
        case Restore():
            return _restored(rental, outcome, now)
        case Archive():
            return replace(rental, state=State.ARCHIVING, phase_at=now, detail="")
        case Save():
            return _saved(rental, outcome, now)
        case Probe():
            return _probed(rental, outcome, now)
        case Spare():
            return _spare(rental, note=rental.note)
        case Release(reason):
            return _release(rental, reason, now)
        case Remove():
            return rental
        case Destroy(contract):
            return replace(rental, contract=contract, destroyed_at=now, absent_seen=0)
        case Look():
            return _looked(rental, outcome, now)
        case Return():
            return replace(
                rental,
                state=State.READY if rental.ready_at else State.BOOTING,
                reason=None,
                # Nobody but the absence had ended it, unless a person did.
                released_at=rental.released_at if rental.ended_by else None,
                missing_since=None,
                absent_seen=0,
            )
        case Close():
            return _close(rental, now)
        case _:
            assert_never(step)


def _released_now(rental: Rental) -> bool:
    """A person asked for the end: a wait for something else does not hold that up."""
    return rental.released_at is not None and rental.state is not State.DESTROYING


def _creating(rental: Rental, sight: Sight, limits: Limits) -> Step:
    if sight.machines:
        return Adopt(_ours(sight)[0])
    if rental.sent_at is None:
        return _try(rental, limits)
    if not sight.listed:
        return Wait("the account cannot be seen")
    if sight.at - rental.sent_at < limits.doubt:
        return Wait("in doubt whether it was rented")
    return _try(rental, limits)


def _try(rental: Rental, limits: Limits) -> Step:
    if rental.released_at:
        return Release(Reason.CANCELLED)
    if rental.attempt >= limits.attempts:
        return Release(Reason.REFUSED)
    return Create(rental.offer)


def _booting(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    if extra := _extra(rental, sight):
        return Remove(extra)
    if rental.released_at:
        return Release(Reason.CANCELLED)
    if not sight.listed:
        return Wait("the account cannot be seen")
    machine = _recorded(rental, sight)
    if machine is None:
        return _missing(rental, sight, limits)
    if _seen(rental, machine, now) != rental:
        return Observe(machine)
    if _too_expensive(rental):
        return Release(Reason.PRICE_ROSE)
    match machine.status:
        case Status.FAILED | Status.STOPPED:
            return Release(Reason.FAILED_START)
        case Status.UP:
            return _opening(rental, sight, limits, now)
        case _:
            slow = now - (rental.created_at or now) > limits.loading
            return Release(Reason.TOO_SLOW) if slow else Wait("the host is loading the image")


def _opening(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    since = now - (rental.phase_at or now)
    if not sight.connected:
        late = rental.phase is Phase.CONNECTING and since > limits.ssh and rental.fails >= TRIES
        return Release(Reason.NO_SSH) if late else Connect()
    if rental.restore_id is not None and rental.restored_at is None:
        return Restore(rental.restore_id)
    starting = rental.phase is Phase.STARTING_JUPYTER
    late = starting and since > limits.notebook and rental.fails >= TRIES
    return Release(Reason.NO_NOTEBOOK) if late else Serve()


def _ready(rental: Rental, sight: Sight, limits: Limits) -> Step:
    if extra := _extra(rental, sight):
        return Remove(extra)
    if rental.released_at and rental.waived_by:
        return Release(Reason.RELEASED)
    if step := _unreachable(rental, sight, limits):
        return step
    if rental.released_at or rental.save_asked_at:
        return Archive()
    return Wait("in use") if sight.served else Serve()


def _archiving(rental: Rental, sight: Sight, limits: Limits, now: datetime) -> Step:
    if extra := _extra(rental, sight):
        return Remove(extra)
    if rental.released_at and rental.waived_by:
        return Release(Reason.RELEASED)
    wanted_at = rental.released_at or rental.save_asked_at
    if wanted_at is None:
        return Spare()
    if not _proven(rental, wanted_at):
        return _unreachable(rental, sight, limits) or Save()
    if rental.released_at is None:
        return Spare()
    if now - (rental.phase_at or now) > limits.proof:
        return _unreachable(rental, sight, limits) or Save()  # people may have worked on since
    return Probe() if rental.reason is Reason.IDLE else Release(rental.reason or Reason.RELEASED)


def _proven(rental: Rental, wanted_at: datetime) -> bool:
    """Whether an archive holds everything that was there when it was asked for."""
    return rental.proven_at is not None and rental.proven_at >= wanted_at


def _unreachable(rental: Rental, sight: Sight, limits: Limits) -> Step | None:
    """What is to be done before a machine that was ready can be worked with; None: nothing."""
    machine = _recorded(rental, sight)
    if sight.listed:
        if machine is None:
            return _missing(rental, sight, limits)
        if _seen(rental, machine, sight.at) != rental:
            return Observe(machine)
        if machine.status is not Status.UP:
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
    seen = _ours(sight)
    if rental.reason is Reason.VANISHED:
        return Return() if seen else Close() if sight.listed else Wait("unseen")
    again = rental.destroyed_at is None or now - rental.destroyed_at >= limits.destroy_again
    if seen:
        return Destroy(seen[0].contract) if again else Wait("being destroyed")
    if rental.contract is not None and rental.destroyed_at is None:
        return Destroy(rental.contract)
    if not sight.listed:
        return Wait("the account cannot be seen")
    if rental.contract is None:
        doubtful = rental.sent_at is not None and sight.at - rental.sent_at < limits.doubt
        return Wait("in doubt whether it was rented") if doubtful else Close()
    if rental.destroyed_at is not None and sight.at < rental.destroyed_at:
        return Wait("the listing is older than the destroy")
    return Close() if rental.absent_seen >= ABSENT_ENOUGH else Look(rental.contract)


def _ours(sight: Sight) -> list[Instance]:
    """The machines with our label, the first rented first: that one is kept."""
    return sorted(sight.machines, key=lambda machine: machine.contract)


def _recorded(rental: Rental, sight: Sight) -> Instance | None:
    return next((one for one in sight.machines if one.contract == rental.contract), None)


def _extra(rental: Rental, sight: Sight) -> ContractId | None:
    others = [one.contract for one in _ours(sight) if one.contract != rental.contract]
    return others[0] if others else None


def _too_expensive(rental: Rental) -> bool:
    if rental.rates is None:
        return False
    return rental.per_hour.dollars > rental.agreed_per_hour.dollars * PRICE_TOLERANCE


# --- What outcomes make of the row ----------------------------------------------------------


def _created(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    match outcome:
        case Rented(contract):
            return _boot(rental, contract, now)
        case OfferTaken(None):
            tried = (*rental.tried, rental.offer.id)
            return _release(replace(rental, tried=tried, sent_at=None), Reason.NO_OFFER, now)
        case OfferTaken(offer) if offer is not None:
            tried = (*rental.tried, rental.offer.id)
            return replace(rental, tried=tried, offer=offer, sent_at=None)
        case Declined(detail):
            return _release(replace(rental, sent_at=None, detail=detail), Reason.REFUSED, now)
        case InDoubt(contract) if contract is not None:
            return _release(replace(rental, contract=contract), Reason.REFUSED, now)
        case _:
            return rental  # in doubt: `sent_at` stays, and the label decides


def _boot(rental: Rental, contract: ContractId, now: datetime) -> Rental:
    return replace(
        rental,
        state=State.BOOTING,
        contract=contract,
        created_at=rental.created_at or rental.sent_at or now,
        phase=Phase.LOADING,
        phase_at=now,
    )


def _seen(rental: Rental, machine: Instance | None, now: datetime) -> Rental:
    """The row with what a listing shows; unchanged where that is nothing new."""
    if machine is None:
        return replace(rental, missing_since=rental.missing_since or now)
    up = machine.status is Status.UP
    booting = rental.state is State.BOOTING
    if booting and up and rental.phase is Phase.LOADING:
        rental = replace(rental, phase=Phase.CONNECTING, phase_at=now, detail="")
    loading = booting and rental.phase is Phase.LOADING
    return replace(
        rental,
        missing_since=None,
        absent_seen=0,
        machine_id=machine.machine_id,
        rates=machine.rates or rental.rates,
        created_at=_earliest(rental.created_at, machine.created_at),
        running_at=rental.running_at or ((machine.running_since or now) if up else None),
        addresses=machine.addresses or rental.addresses,
        detail=machine.message if loading else rental.detail,
    )


def _earliest(known: datetime | None, told: datetime | None) -> datetime | None:
    """Vast's own creation time wins over the moment we noticed, when it is the earlier one."""
    if known is None or told is None:
        return known or told
    return min(known, told)


def _connected(rental: Rental, outcome: Connected, now: datetime) -> Rental:
    rental = replace(rental, host_key=outcome.host_key, detail="")
    if rental.state is State.BOOTING:
        waits = rental.restore_id is not None and rental.restored_at is None
        phase = Phase.RESTORING if waits else Phase.STARTING_JUPYTER
        return replace(rental, phase=phase, phase_at=now)
    return rental


def _served(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    note = outcome.note if isinstance(outcome, Done) else ""
    rental = replace(rental, note=note, detail="")
    if rental.state is State.BOOTING:
        return replace(rental, state=State.READY, phase=Phase.REACHABLE, phase_at=now, ready_at=now)
    return rental


def _restored(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    """A failure ends the new machine: the archive is as it was, and another may be tried."""
    if isinstance(outcome, Failed):
        rental = replace(rental, detail=outcome.detail)
        return _release(rental, Reason.NOT_RESTORED, now)
    note = outcome.note if isinstance(outcome, Done) else ""
    return replace(rental, restored_at=now, note=note, phase=Phase.STARTING_JUPYTER, phase_at=now)


def _saved(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    match outcome:
        case Saved(archive_id, at, note):
            return replace(
                rental,
                archive_id=archive_id,
                proven_at=at,
                phase_at=now,
                save_fails=0,
                note=note,
                detail="",
            )
        case Failed(detail):
            return _spare(replace(rental, save_fails=rental.save_fails + 1), note=detail)
        case _:
            return rental


def _probed(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    """Nobody asked for this end: any sign of life keeps the machine, and the archive as well."""
    if isinstance(outcome, Alive):
        return _spare(rental, note=outcome.detail)
    return _release(rental, Reason.IDLE, now)


def _spare(rental: Rental, *, note: str) -> Rental:
    return replace(
        rental,
        state=State.READY,
        released_at=None,
        save_asked_at=None,
        ended_by=None,
        reason=None,
        note=note,
    )


def _release(rental: Rental, reason: Reason, now: datetime) -> Rental:
    return replace(
        rental,
        state=State.DESTROYING,
        reason=reason,
        released_at=rental.released_at or now,
        absent_seen=0,
    )


def _looked(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    if not isinstance(outcome, Absent):
        # It is there by number though not in the list: nothing is concluded from a contradiction.
        missing = None if rental.state is not State.DESTROYING else rental.missing_since
        return replace(rental, absent_seen=0, missing_since=missing, destroyed_at=None)
    seen = rental.absent_seen + 1
    wait = Limits().look_again if seen < ABSENT_ENOUGH else timedelta()
    return replace(rental, absent_seen=seen, next_at=now + wait if wait else None)


def _close(rental: Rental, now: datetime) -> Rental:
    gone = rental.destroyed_at or rental.missing_since or now
    return replace(
        rental,
        state=State.CLOSED,
        gone_at=gone if rental.contract is not None else None,
        closed_at=now,
    )


def _troubled(rental: Rental, step: Step, trouble: Trouble, now: datetime) -> Rental:
    fails = rental.fails + 1
    wait = trouble.retry_after or _pause(rental, step, fails)
    rental = replace(rental, fails=fails, next_at=now + wait, detail=trouble.detail)
    if isinstance(step, Create):
        return replace(rental, sent_at=None)  # a definite "not sent" or "not now": no doubt
    return rental


def _pause(rental: Rental, step: Step, fails: int) -> timedelta:
    """A starting machine is asked again at once; everything else backs off, up to 30 s."""
    if rental.state is State.BOOTING and isinstance(step, Connect):
        return timedelta()  # its own patience is the pause
    most = 1 if rental.state is State.BOOTING and isinstance(step, Serve) else 30
    return timedelta(seconds=min(2 ** min(fails, 5), most))
