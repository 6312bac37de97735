"""The sentences about a rental: how far it is, why it ended. Facts in, plain English out."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from bot.domain import outlook
from bot.domain.omens import Sign
from bot.domain.rentals import Phase, Reason, Rental, State
from cogs.ui import look

_STEPS = (
    (Phase.RENTING, "Renting"),
    (Phase.LOADING, "Loading"),
    (Phase.CONNECTING, "Connecting"),
    (Phase.RESTORING, "Restoring"),
    (Phase.STARTING_JUPYTER, "Starting Jupyter"),
    (Phase.REACHABLE, "Ready"),
)


def ending(rental: Rental) -> bool:
    """Whether the end was asked for or decided, and is not over yet."""
    asked = rental.released_at is not None and rental.open
    return asked or rental.state is State.DESTROYING


def standing(rental: Rental) -> str:
    """Where a rental stands, in a word or two."""
    if ending(rental):
        return "Ending"
    match rental.state:
        case State.REQUESTED | State.CREATING:
            return "Renting"
        case State.BOOTING:
            return dict(_STEPS)[rental.phase]
        case State.READY:
            return "Ready"
        case State.ARCHIVING:
            return "Archiving"
        case State.DESTROYING:
            return "Ending"
        case State.CLOSED:
            return "Ended"
        case _:
            assert_never(rental.state)


def since(rental: Rental) -> datetime:
    """When it came to stand where it stands."""
    if ending(rental) and rental.released_at is not None:
        return rental.released_at
    return rental.ready_at or rental.phase_at or rental.requested_at


def progress(rental: Rental) -> str:
    """The phases in a row: those behind it ticked, the present one bold."""
    restoring = rental.restore_id is not None or rental.phase is Phase.RESTORING
    steps = [one for one in _STEPS if restoring or one[0] is not Phase.RESTORING]
    at = [phase for phase, _ in steps].index(rental.phase)
    shown = [
        f"✓ {word}" if number < at else f"**{word}**" if number == at else word
        for number, (_, word) in enumerate(steps)
    ]
    return " › ".join(shown)


def doing(rental: Rental) -> str:
    """What is going on with a rental that is on its way up."""
    match rental.phase:
        case Phase.RENTING:
            return "Renting the machine at Vast."
        case Phase.LOADING:
            return "The host is loading the image. The GPU costs nothing until that is done."
        case Phase.CONNECTING:
            return "The machine runs. Connecting to it by SSH."
        case Phase.STARTING_JUPYTER:
            return "Connected. Starting Jupyter."
        case Phase.RESTORING:
            return "Connected. Putting the archive back, and holding it against its list."
        case Phase.REACHABLE:
            return "The notebook answers."
        case _:
            assert_never(rental.phase)


def why_ended(rental: Rental) -> str:
    """Why a rental ended or is ending, as a sentence; with the next step where there is one."""
    reason = rental.reason
    if reason is None:
        return _given_up(rental)
    match reason:
        case Reason.RELEASED:
            return _given_up(rental)
        case Reason.IDLE:
            return "Nobody worked on it and nobody answered, so it was archived and ended."
        case Reason.NOT_RESTORED:
            said = f" {look.clean(rental.detail, 200)}" if rental.detail else ""
            return f"The archive could not be put onto it.{said} The archive itself is unharmed."
        case Reason.CANCELLED:
            by = f" by <@{rental.ended_by}>" if rental.ended_by else ""
            return f"Cancelled{by} before it was ready."
        case Reason.NO_OFFER:
            return (
                "Somebody else rented it first, and nothing of its kind was left within the quoted "
                "price. Ask again with /rent."
            )
        case Reason.REFUSED:
            said = f" {look.clean(rental.detail, 200)}" if rental.detail else ""
            return f"Vast declined to rent it.{said}"
        case Reason.FAILED_START:
            return "The host could not start it. Try another machine with /offers."
        case Reason.TOO_SLOW:
            return "The host took too long to load the image. Try another machine with /offers."
        case Reason.PRICE_ROSE:
            return "The host asked for more than was quoted, so we did not keep it."
        case Reason.NO_SSH:
            return "It started, but never let us in. Try another machine with /offers."
        case Reason.NO_NOTEBOOK:
            return "Jupyter could not be started on it. Try another image or machine."
        case Reason.VANISHED:
            return "It disappeared from Vast without our doing; the host may have taken it back."
        case _:
            assert_never(reason)


def wanted(rental: Rental) -> bool:
    """Whether it ended because somebody wished it so."""
    return rental.reason in (None, Reason.RELEASED, Reason.CANCELLED, Reason.IDLE)


def _given_up(rental: Rental) -> str:
    if rental.ended_by is None and outlook.omen(rental, Sign.HOST_ENDS) is not None:
        return "Its host's offer ends, so it was archived and ended before Vast stops it."
    return f"Given up by <@{rental.ended_by}>." if rental.ended_by else "Given up."
