"""The sentences about a rental: how far it is, why it ended. Facts in, plain English out."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from bot.domain import credit, outlook
from bot.domain.omens import Sign
from bot.domain.rentals import Phase, Reason, Rental, State
from bot.domain.retries import waiting
from cogs.ui import look

_STEPS = (
    (Phase.RENTING, "Renting"),
    (Phase.CREATED, "Reserved"),
    (Phase.LOADING, "Loading"),
    (Phase.CONNECTING, "Connecting"),
    (Phase.RESTORING, "Restoring"),
    (Phase.STARTING_JUPYTER, "Starting Jupyter"),
    (Phase.OPENING, "Opening the way"),
    (Phase.SWITCHING, "Switching over"),
    (Phase.REACHABLE, "Ready"),
)

_DOWN = {Sign.STOPPED: "Stopped at Vast", Sign.OFFLINE: "Offline"}
"""What a machine is that was ready, and that Vast shows not to run."""


def ending(rental: Rental) -> bool:
    """Whether the end was asked for or decided, and is not over yet.

    One that failed and is to be replaced is not at its end.
    """
    if rental.replacing:
        return False
    asked = rental.released_at is not None and rental.open
    return asked or rental.state is State.DESTROYING


def standing(rental: Rental) -> str:
    """Where a rental stands, in a word or two."""
    if waiting(rental):
        return "Archive not done yet"
    if ending(rental):
        return "Ending"
    if rental.replacing:
        return "Trying another machine"
    if rental.proposal is not None:
        return "Asks about the price"
    match rental.state:
        case State.REQUESTED | State.CREATING:
            return "Renting"
        case State.BOOTING:
            return dict(_STEPS)[rental.phase]
        case State.READY:
            return next((_DOWN[one.sign] for one in rental.omens if one.sign in _DOWN), "Ready")
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


def doing(rental: Rental) -> str:
    """What is going on with a rental that is on its way up."""
    if rental.moves_from is not None and rental.state is State.REQUESTED:
        return "The old machine's work is archived first; it can be used meanwhile."
    match rental.phase:
        case Phase.RENTING:
            return "Renting the machine at Vast."
        case Phase.CREATED:
            return "The machine is ours. Waiting for its host to begin."
        case Phase.LOADING:
            return "The host is loading the image. The GPU costs nothing until that is done."
        case Phase.CONNECTING:
            return "The machine runs. Connecting to it by SSH."
        case Phase.STARTING_JUPYTER:
            return "Connected. Starting Jupyter."
        case Phase.OPENING:
            return "Jupyter runs. Looking whether its page comes all the way to you."
        case Phase.RESTORING:
            return "Connected. Putting the archive onto it, and comparing it file by file."
        case Phase.SWITCHING:
            return "Jupyter answers. The old notebook is closed now, and what is new comes over."
        case Phase.REACHABLE:
            return "The notebook answers."
        case _:
            assert_never(rental.phase)


def why_ended(rental: Rental) -> str:
    """Why a rental ended or is ending, as a sentence; with the next step where there is one."""
    said = f" {look.clean(rental.detail, 300)}" if rental.detail else ""
    if rental.reason in (None, Reason.RELEASED, Reason.IDLE) and credit.ends(rental):
        return credit.ENDS
    match rental.reason:
        case None | Reason.RELEASED:
            return _ended(rental)
        case Reason.IDLE:
            return "Nobody worked on it and nobody answered, so it was archived and ended."
        case Reason.NOT_RESTORED:
            return (
                f"The archive could not be put onto it.{said} The archive itself is unharmed; "
                "/archives restore tries another machine."
            )
        case Reason.MOVED:
            return "Its work is on another machine, which is ready at the same address."
        case Reason.NOT_MOVED:
            return f"The move was given up.{said} The old machine stays."
        case Reason.CANCELLED:
            by = f" by <@{rental.ended_by}>" if rental.ended_by else ""
            return f"Cancelled{by} before it was ready."
        case Reason.NO_OFFER:
            return (
                "Somebody else rented it first, and nothing of its kind was left within the quoted "
                "price. Ask again with /rent."
            )
        case Reason.UNANSWERED:
            return (
                "Nobody said yes to the dearer machine in time, so none was rented. Ask again with "
                "/rent."
            )
        case reason:
            text = failure(reason)
            return f"{text}{said}{_advice(reason, told=bool(said))}"


def failure(reason: Reason) -> str:
    """What went wrong with a machine, as a sentence."""
    match reason:
        case Reason.REFUSED:
            return "Vast declined to rent it."
        case Reason.FAILED_START:
            return "The host could not start it."
        case Reason.BAD_IMAGE:
            return "The image could not be fetched, and would not be by another host."
        case Reason.TOO_SLOW:
            return "The host took too long to load the image."
        case Reason.PRICE_ROSE:
            return "The host asked for more than was quoted, so we did not keep it."
        case Reason.NO_SSH:
            return "It started, but never let us in."
        case Reason.NO_NOTEBOOK:
            return "Jupyter could not be started on it."
        case Reason.NO_PATH:
            return "Jupyter ran on it, but its page never came through."
        case Reason.VANISHED:
            return "It disappeared from Vast without our doing; the host may have taken it back."
        case Reason.NO_OFFER:
            return "Somebody else rented it first."
        case Reason.NOT_RESTORED:
            return "The archive could not be put onto it."
        case Reason.NOT_MOVED:
            return "The old machine's work could not be brought."
        case Reason.RELEASED | Reason.IDLE | Reason.CANCELLED | Reason.UNANSWERED | Reason.MOVED:
            return "It was ended."
        case _:
            assert_never(reason)


def _advice(reason: Reason, *, told: bool) -> str:
    """The next step; what Vast declined says its own where it says anything."""
    match reason:
        case Reason.REFUSED if told:
            return ""
        case (
            Reason.FAILED_START
            | Reason.TOO_SLOW
            | Reason.NO_SSH
            | Reason.NO_PATH
            | Reason.PRICE_ROSE
            | Reason.REFUSED
        ):
            return " Try another machine with /offers."
        case Reason.VANISHED:
            return " Ask for another with /rent."
        case Reason.BAD_IMAGE:
            return " Check its name and ask again with /rent."
        case Reason.NO_NOTEBOOK:
            return " Try another image or machine."
        case _:
            return ""


def wanted(rental: Rental) -> bool:
    """Whether it ended because somebody wished it so."""
    return rental.reason in (None, Reason.RELEASED, Reason.CANCELLED, Reason.IDLE, Reason.MOVED)


def _ended(rental: Rental) -> str:
    if rental.ended_by is None and outlook.omen(rental, Sign.HOST_ENDS) is not None:
        return "Its host's offer ends, so it was archived and ended before Vast stops it."
    return f"Ended by <@{rental.ended_by}>." if rental.ended_by else "Ended."
