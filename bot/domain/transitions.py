"""What a step's outcome makes of a rental's row: the other half of `lifecycle.py`, as pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.domain import outlook
from bot.domain.rentals import ContractId, Instance, Phase, Reason, Rental, State, Status
from bot.domain.steps import (
    Absent,
    Adopt,
    Alive,
    Archive,
    Close,
    Connect,
    Connected,
    Create,
    Declined,
    Destroy,
    Done,
    Failed,
    InDoubt,
    Intend,
    Look,
    Observe,
    OfferTaken,
    Outcome,
    Probe,
    Release,
    Remove,
    Rented,
    Restore,
    Return,
    Save,
    Saved,
    Serve,
    Spare,
    Step,
    Trouble,
    Wait,
)

ABSENT_ENOUGH = 2
"""How often in a row Vast must say by number that a machine is not there."""

LOOK_AGAIN = timedelta(seconds=3)


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
            return seen(rental, machine, now)
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


def seen(rental: Rental, machine: Instance | None, now: datetime) -> Rental:
    """The row with what a listing shows; unchanged where that is nothing new."""
    if machine is None:
        return replace(rental, missing_since=rental.missing_since or now)
    up = machine.status is Status.UP
    booting = rental.state is State.BOOTING
    if booting and up and rental.phase is Phase.LOADING:
        rental = replace(rental, phase=Phase.CONNECTING, phase_at=now, detail="")
    loading = booting and rental.phase is Phase.LOADING
    rental = replace(
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
    return outlook.foreseen(rental, machine, now)


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
        phase_at=now,
        absent_seen=0,
    )


def _looked(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    if not isinstance(outcome, Absent):
        # It is there by number though not in the list: nothing is concluded from a contradiction.
        missing = None if rental.state is not State.DESTROYING else rental.missing_since
        rental = outlook.contradicted(rental, "its list lacks it, by its number it is there", now)
        return replace(rental, absent_seen=0, missing_since=missing, destroyed_at=None)
    seen = rental.absent_seen + 1
    wait = LOOK_AGAIN if seen < ABSENT_ENOUGH else timedelta()
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
