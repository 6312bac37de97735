"""What a step's outcome makes of a rental's row: the other half of `lifecycle.py`, as pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.domain import credit, outlook, retries
from bot.domain.rentals import ContractId, Instance, Phase, Reason, Rental, State, Status
from bot.domain.replacement import out_of_offers, propose, set_aside
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
    Found,
    Freeze,
    GiveUp,
    Heard,
    InDoubt,
    Intend,
    Look,
    Nothing,
    Observe,
    OfferTaken,
    Outcome,
    Probe,
    Recheck,
    Rehearse,
    Release,
    Remove,
    Rented,
    Restore,
    Return,
    Save,
    Saved,
    Seek,
    Serve,
    Spare,
    Started,
    Step,
    Thaw,
    TooLarge,
    Trouble,
    Wait,
)

ABSENT_ENOUGH = 2
"""How often in a row Vast must say by number that a machine is not there."""

_BEFORE_RUNNING = (Phase.CREATED, Phase.LOADING)
_BRINGING = (Phase.RESTORING, Phase.SWITCHING)

LOOK_AGAIN = timedelta(seconds=3)


def after(rental: Rental, step: Step, outcome: Outcome, now: datetime) -> Rental:
    """The row to store once a step has ended that way."""
    if isinstance(outcome, Trouble):
        return _troubled(rental, step, outcome, now)
    if isinstance(outcome, Started):
        return _started(rental, step, outcome, now)
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
        case Restore(archive_id):
            return _restored(rental, archive_id, outcome, now)
        case Rehearse():
            return replace(rental, phase=Phase.SWITCHING, phase_at=now, detail="")
        case Freeze(asked_by):
            return _frozen(rental, asked_by, now)
        case Recheck():
            return _rechecked(rental, outcome, now)
        case Thaw(why):
            return _thawed(rental, why, now)
        case Archive():
            return replace(rental, state=State.ARCHIVING, phase_at=now, detail="")
        case Save():
            return _saved(rental, outcome, now)
        case Probe():
            return _probed(rental, outcome, now)
        case Spare():
            return _spare(rental, note=rental.note)
        case Seek(until):
            return _sought(rental, outcome, until, now)
        case GiveUp(reason, again):
            words = outcome.words if isinstance(outcome, Heard) else rental.detail
            rental = replace(rental, detail=words, replacing=again)
            return _release(rental, reason, now)
        case Release(reason, detail):
            return _release(replace(rental, detail=detail or rental.detail), reason, now)
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
                replacing=False,
            )
        case Close():
            return _close(rental, now)
        case _:
            assert_never(step)


def _created(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    match outcome:
        case Rented(contract):
            return _boot(rental, contract, now)
        case OfferTaken(why):
            reason = Reason.REFUSED if why else Reason.NO_OFFER
            return set_aside(rental, reason, why, now)
        case Declined(detail):
            return _release(replace(rental, sent_at=None, detail=detail), Reason.REFUSED, now)
        case InDoubt(contract, detail) if contract is not None:
            made_at = rental.created_at or rental.sent_at or now
            rental = replace(rental, contract=contract, created_at=made_at, detail=detail)
            return _release(replace(rental, replacing=True), Reason.REFUSED, now)
        case _:
            return rental  # in doubt: `sent_at` stays, and the label decides


def _sought(rental: Rental, outcome: Outcome, until: datetime, now: datetime) -> Rental:
    match outcome:
        case Found(offer, dearer=False):
            return replace(rental, offer=offer)
        case Found(offer):
            return propose(rental, offer, until, now)
        case Nothing():
            return _release(rental, out_of_offers(rental), now)
        case _:
            return rental


def _boot(rental: Rental, contract: ContractId, now: datetime) -> Rental:
    return replace(
        rental,
        state=State.BOOTING,
        contract=contract,
        created_at=rental.created_at or rental.sent_at or now,
        phase=Phase.CREATED,
        phase_at=now,
    )


def seen(rental: Rental, machine: Instance | None, now: datetime) -> Rental:
    """The row with what a listing shows; unchanged where that is nothing new."""
    if machine is None:
        return replace(rental, missing_since=rental.missing_since or now)
    up = machine.status is Status.UP
    booting = rental.state is State.BOOTING
    if booting and up and rental.phase in _BEFORE_RUNNING:
        rental = replace(rental, phase=Phase.CONNECTING, phase_at=now, detail="")
    if booting and rental.phase is Phase.CREATED and machine.status is not Status.CREATED:
        rental = replace(rental, phase=Phase.LOADING, phase_at=now)
    loading = booting and rental.phase in _BEFORE_RUNNING
    told_at = rental.made_at(machine.created_at)
    rental = replace(
        rental,
        missing_since=None,
        absent_seen=0,
        machine_id=machine.machine_id,
        rates=machine.rates or rental.rates,
        created_at=_after_tries(rental, _earliest(rental.created_at, told_at)),
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


def _after_tries(rental: Rental, created_at: datetime | None) -> datetime | None:
    """Not before the machine tried last was gone, whatever Vast's clock says: no hour is two's."""
    gone = [one.gone_at for one in rental.tries if one.gone_at is not None]
    return max(created_at, *gone) if created_at is not None and gone else created_at


def _connected(rental: Rental, outcome: Connected, now: datetime) -> Rental:
    rental = replace(rental, host_key=outcome.host_key, detail="")
    if rental.state is State.BOOTING:
        wanted = rental.restore_id or rental.moves_from
        waits = wanted is not None and rental.restored_at is None
        phase = Phase.RESTORING if waits else Phase.STARTING_JUPYTER
        return replace(rental, phase=phase, phase_at=now)
    return rental


def _served(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    note = outcome.note if isinstance(outcome, Done) else ""
    rental = replace(rental, note=note or rental.note, detail="", broken_since=None)
    if rental.state is State.BOOTING:
        return replace(rental, state=State.READY, phase=Phase.REACHABLE, phase_at=now, ready_at=now)
    return rental


def _started(rental: Rental, step: Step, started: Started, now: datetime) -> Rental:
    """The last phase of a start has begun; for a ready machine it is trouble with its path."""
    first = rental.state is State.BOOTING and rental.phase is not Phase.OPENING
    rental = _troubled(rental, step, Trouble(started.detail), now)
    return replace(rental, phase=Phase.OPENING, phase_at=now, fails=1) if first else rental


def _restored(rental: Rental, archive_id: str, outcome: Outcome, now: datetime) -> Rental:
    """A failure ends the new machine: the archive is as it was, and another may be tried."""
    if isinstance(outcome, Failed):
        rental = replace(rental, detail=outcome.detail)
        return _release(rental, Reason.NOT_RESTORED, now)
    note = outcome.note if isinstance(outcome, Done) else ""
    switching = rental.phase is Phase.SWITCHING
    return replace(
        rental,
        restore_id=archive_id,
        restored_at=now,
        note=note,
        detail="",
        phase=Phase.SWITCHING if switching else Phase.STARTING_JUPYTER,
        phase_at=now,
    )


def _frozen(rental: Rental, asked_by: int, now: datetime) -> Rental:
    """Nobody gets in from here on, and an archive from here on is the last."""
    return replace(
        rental,
        state=State.ARCHIVING,
        reason=Reason.MOVED,
        released_at=now,
        ended_by=asked_by,
        cleared_at=None,
        phase_at=now,
        detail="",
    )


def _rechecked(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    if isinstance(outcome, Failed):
        return _thawed(rental, outcome.detail, now)
    return replace(rental, cleared_at=now)


def _thawed(rental: Rental, why: str, now: datetime) -> Rental:
    return _spare(replace(rental, save_failed_at=now), note=why)


def _saved(rental: Rental, outcome: Outcome, now: datetime) -> Rental:
    match outcome:
        case Saved(archive_id, at, note):
            why = credit.ENDS if credit.ends(rental) else ""  # it is to be read on the last card
            return replace(
                retries.again(rental),
                archive_id=archive_id,
                proven_at=at,
                phase_at=now,
                save_fails=0,
                save_allowed="",
                note=f"{why} {note}".strip(),
                detail="",
            )
        case Failed(detail):
            return _unsaved(rental, detail, now)
        case TooLarge(detail):
            return _too_large(rental, detail, now)
        case _:
            return rental


def _unsaved(rental: Rental, detail: str, now: datetime) -> Rental:
    """Not proven. Its own wish is tried again; a move ends, and its work stays where it is."""
    tried = replace(rental, save_failed_at=now)
    return _spare(tried, note=detail) if _moves(rental) else retries.failed(tried, detail, now)


def _too_large(rental: Rental, detail: str, now: datetime) -> Rental:
    tried = replace(rental, save_failed_at=now)
    if _moves(rental):
        hint = "To move it, use /save first and agree to the size."
        return _spare(tried, note=f"{detail} {hint}")
    return retries.held(tried, detail, now)


def _moves(rental: Rental) -> bool:
    """Whether what is archived is only wished for by the machine that the work goes to."""
    wished = rental.released_at or rental.save_asked_at
    return rental.reason is Reason.MOVED or wished is None


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
        cleared_at=None,
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
    if rental.replacing:
        assert rental.reason is not None
        return set_aside(rental, rental.reason, rental.detail, now)
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
    # Why it is being destroyed is not overwritten by what is in the way of that.
    ended = rental.state is State.DESTROYING and rental.detail
    detail = rental.detail if ended else trouble.detail
    rental = replace(rental, fails=fails, next_at=now + wait, detail=detail)
    if rental.state is State.READY and isinstance(step, Connect | Serve):
        rental = replace(rental, broken_since=rental.broken_since or now)
    if isinstance(step, Connect) and rental.phase in _BRINGING:
        # It does not let us in any more, so it has the time for that anew, and no longer.
        rental = replace(rental, phase=Phase.CONNECTING, phase_at=now, fails=1)
    if isinstance(step, Create):
        return replace(rental, sent_at=None)  # a definite "not sent" or "not now": no doubt
    return rental


def _pause(rental: Rental, step: Step, fails: int) -> timedelta:
    """A starting machine is asked again at once; everything else backs off, up to 30 s."""
    if rental.state is State.BOOTING and isinstance(step, Connect):
        return timedelta()  # its own patience is the pause
    most = 1 if rental.state is State.BOOTING and isinstance(step, Serve) else 30
    return timedelta(seconds=min(2 ** min(fails, 5), most))
