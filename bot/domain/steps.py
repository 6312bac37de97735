"""What can be done for a rental, and how each of these can end: facts, matched exhaustively."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.offers import Offer
from bot.domain.rentals import ContractId, Instance, Reason

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
class Seek:
    """Look for the next best offer; a dearer one may be agreed to until then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End a machine that missed a deadline or failed, and find out what can be said about it.

    With `again` another one is tried once it is seen gone.
    """

    reason: Reason
    again: bool


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Have Jupyter running on a machine that takes over from another, and let nobody in yet."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Close an old notebook, so that the last copy of its machine is the last."""

    asked_by: int


@dataclass(frozen=True, slots=True)
class Recheck:
    """Look whether an old machine is still as its last archive."""

    archive_id: str


@dataclass(frozen=True, slots=True)
class Thaw:
    """Open an old notebook again, because the move is given up."""

    why: str


@dataclass(frozen=True, slots=True)
class Release:
    reason: Reason
    detail: str = ""  # for people, where the reason does not say all


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
    | Seek
    | GiveUp
    | Rehearse
    | Freeze
    | Recheck
    | Thaw
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
    """This offer will not become a machine for certain; `why` where it is not merely gone."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The best offer that may stand in; `dearer` where it costs more than was agreed to."""

    offer: Offer
    dearer: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """A search that worked and found nothing that could stand in."""


@dataclass(frozen=True, slots=True)
class Started:
    """Jupyter runs, and its page does not come through the relay yet; `detail` says why."""

    detail: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What Vast, the host and the machine said about a failure."""

    words: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite no that no other offer would change; `detail` is for people."""

    detail: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Neither a yes nor a no; `contract` where an error named a machine all the same."""

    contract: ContractId | None = None
    detail: str = ""


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
class TooLarge:
    """Above what may be archived unasked, so nothing was begun; `detail` says how large."""

    detail: str


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
    | Found
    | Nothing
    | Started
    | Heard
    | Declined
    | InDoubt
    | Connected
    | Saved
    | TooLarge
    | Failed
    | Alive
    | Absent
    | Present
    | Trouble
)
