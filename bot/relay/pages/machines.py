"""In place of a notebook, because of its machine: it starts, moves, is silent, or has ended.

Each reloads itself as long as waiting helps.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from bot.domain.rentals import Phase, Reason, Rental, State
from bot.errors import BotError
from bot.relay.sheets import Page

STARTING_REFRESH_S = 3
UNREACHABLE_REFRESH_S = 5
ENDING_REFRESH_S = 15
_DETAIL = 200  # characters of what Vast says; it may be a whole log

_PHASES: tuple[tuple[Phase, str], ...] = (
    (Phase.RENTING, "Renting the machine"),
    (Phase.LOADING, "Loading the image"),
    (Phase.CONNECTING, "Connecting"),
    (Phase.RESTORING, "Putting the archive back"),
    (Phase.STARTING_JUPYTER, "Starting Jupyter"),
    (Phase.OPENING, "Looking whether its page comes through"),
    (Phase.SWITCHING, "Bringing what is new"),
    (Phase.REACHABLE, "Opening the notebook"),
)

_ENDINGS = {
    Reason.RELEASED: "It was ended in Discord.",
    Reason.IDLE: "Nobody worked on it, so it was archived and ended.",
    Reason.NOT_RESTORED: "The archive could not be put onto it. The archive itself is unharmed.",
    Reason.CANCELLED: "It was cancelled before it was ready.",
    Reason.NO_OFFER: "The machine was rented by somebody else, and no other fitted the price.",
    Reason.REFUSED: "Vast.ai would not rent it out.",
    Reason.FAILED_START: "The machine could not be started.",
    Reason.TOO_SLOW: "The machine took too long to load.",
    Reason.PRICE_ROSE: "Vast.ai asked more for it than was agreed, so it was given back.",
    Reason.NO_SSH: "The machine never let us in.",
    Reason.NO_NOTEBOOK: "Jupyter could not be started on it.",
    Reason.NO_PATH: "Jupyter ran on it, but its page never came through.",
    Reason.BAD_IMAGE: "The image could not be fetched.",
    Reason.UNANSWERED: "Nobody said yes to a dearer machine in time.",
    Reason.MOVED: "Its work went to another machine.",
    Reason.NOT_MOVED: "The work could not be brought from the old machine, which stays.",
    Reason.VANISHED: "The machine disappeared from Vast.ai.",
}


def starting(rental: Rental) -> Page:
    """How far a machine is; reloads itself until it is ready."""
    moving = rental.moves_from is not None
    left_out = set() if moving else {Phase.SWITCHING}
    if rental.restore_id is None and not moving:
        left_out.add(Phase.RESTORING)
    phases = [one for one in _PHASES if one[0] not in left_out]
    at_phase = Phase.LOADING if rental.phase is Phase.CREATED else rental.phase
    done = next((at for at, (phase, _) in enumerate(phases) if phase is at_phase), 0)
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Your machine is starting",
        text=("Its card in Discord says when it is ready.", "This page reloads by itself."),
        steps=tuple(words for _, words in phases),
        done=done,
        detail=_shorten(rental.detail),
        refresh_s=STARTING_REFRESH_S,
    )


def connecting(rental: Rental) -> Page:
    """The machine is ready and the way to it is being built, as after a restart of ours.

    What keeps us from it is said, to those who are let in.
    """
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Connecting to your machine",
        text=("This takes a few seconds.", "This page reloads by itself."),
        detail=_shorten(rental.detail),
        refresh_s=STARTING_REFRESH_S,
    )


def moving() -> Page:
    """The old notebook is closed, and the new one is not open yet."""
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Your work is moving to another machine",
        text=(
            "What was saved comes along. Keep this page: it reloads by itself.",
            "When the new machine is ready, its card in Discord lets you in, at this address.",
        ),
        refresh_s=STARTING_REFRESH_S,
    )


def unreachable(since: datetime, now: datetime) -> Page:
    """503, for after a 502 JupyterLab may take a kernel for dead that only could not be reached."""
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Your machine is not answering",
        text=(
            f"It has been silent for {_ago(since, now)}. We keep trying.",
            "What runs on the machine goes on running. This page reloads by itself.",
        ),
        refresh_s=UNREACHABLE_REFRESH_S,
    )


def gone(rental: Rental, *, known: bool = False) -> Page:
    """The machine has ended or is ending, and why. `known`: the owner asks, who may learn names."""
    if rental.replacing:
        return starting(rental)
    if rental.state is State.DESTROYING:
        return _over("This machine is ending", rental, known, ENDING_REFRESH_S)
    if rental.archive_id is not None:
        return _over("This notebook is asleep", rental, known)
    return _over("This machine has ended", rental, known)


def nothing_listens(port: int) -> Page:
    return Page(
        status=HTTPStatus.BAD_GATEWAY,
        title=f"Nothing answers on port {port} yet",
        text=(
            f"Start a program on the machine that listens on port {port} of 127.0.0.1 or 0.0.0.0.",
            "This page reloads by itself.",
        ),
        refresh_s=STARTING_REFRESH_S,
    )


def port_closed(error: BotError) -> Page:
    """A port that is never opened, and why."""
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title=error.public,
        text=(error.hint,) if error.hint else (),
    )


def _over(title: str, rental: Rental, known: bool, refresh_s: int | None = None) -> Page:
    """Why, how its work comes back or how to begin anew, and where the cost is told."""
    why = _ENDINGS.get(rental.reason, "") if rental.reason else ""
    cost = "Its card in Discord says what it cost."
    if rental.archive_id is None:
        said = [why, f"{cost} /rent gets a new one."]
    else:
        named = f' as {rental.archive_id} of "{rental.name}"' if known else ""
        back = (
            f"Its work is archived{named}. Its owner puts it onto a new machine with "
            "/archives restore, and it opens at this address again."
        )
        said = [why, back, cost]
    return Page(
        status=HTTPStatus.GONE,
        title=title,
        text=tuple(line for line in said if line),
        refresh_s=refresh_s,
    )


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _DETAIL else f"{text[:_DETAIL]}…"


def _ago(since: datetime, now: datetime) -> str:
    seconds = max(1, int((now - since).total_seconds()))
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds} second{'s' if seconds > 1 else ''}"
