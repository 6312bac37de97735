"""Every error of the house, in one tree.

    BotError
    ├── Refused                    the person's to fix; said to them, not logged as a fault
    │   ├── BadInput               what was typed cannot be used
    │   ├── NotYours               only the owner or a lead may do this
    │   ├── NotFound               no such rental, offer or quote
    │   ├── NoOffer                nothing on the market fits the wish
    │   ├── OfferGone              rented by somebody else meanwhile
    │   ├── PriceRose              the next best costs more than was quoted
    │   ├── QuoteExpired           the quote is too old to be acted on
    │   ├── Limit                  there are as many machines as are allowed
    │   ├── OverBudget             a budget of the person, a role or the team is used up
    │   ├── LowCredit              the Vast account cannot pay for this
    │   ├── NotReady               the machine cannot be opened yet
    │   └── Busy                   somebody else is doing something with it that must end first
    ├── Provider                   Vast's doing
    │   ├── Down                   no usable answer; worth trying again
    │   ├── RateLimited            asked too often; says how long to wait
    │   ├── Denied                 the key is wrong, revoked or lacks a right
    │   ├── Nonsense               an answer that cannot be understood
    │   └── MayHaveRented          the renting call ended without a yes or a no
    ├── Machine                    the rented machine's doing
    │   ├── Unreachable            SSH is refused or silent; worth trying again
    │   ├── HostKeyChanged         another machine answers at this address
    │   ├── CommandFailed          a command on the machine failed
    │   ├── NotebookFailed         Jupyter cannot be installed or started
    │   ├── LacksTools             it has not what archiving takes
    │   ├── DiskFull               there is no room for what is restored
    │   └── RestoreFailed          what was restored is not what was archived
    ├── Place                      the archive store's doing
    │   ├── PlaceDown              it is away or refuses; worth trying again
    │   ├── Damaged                something in it is lost, cut short or altered
    │   └── Foreign                another installation wrote it
    ├── Chat                       Discord's doing
    │   ├── Unavailable            no usable answer; worth trying again
    │   └── Undeliverable          the channel is gone or closed to us; it will not get better
    ├── Backup                     a backup cannot be written, read or restored
    ├── Store                      the database's doing
    │   ├── Stale                  the row changed meanwhile; drop the result and look again
    │   └── Unreadable             altered, or sealed with another secret
    └── Config                     a setting is missing or wrong; names it

Adapters translate at the border and chain the cause. Each error carries `public`, a sentence that
is safe to show to a person, and may carry `hint`, the next step. `str(error)` is for the log. Only
the doors (`client.py`, `relay/pages.py`, `__main__.py`) turn errors into words.
"""

from __future__ import annotations

import os
from datetime import timedelta


def system_reason(error: OSError) -> str:
    """Why the system refused, in its own few words; asyncio puts a whole sentence around them."""
    known = error.errno is not None and error.errno > 0
    return os.strerror(error.errno) if known and error.errno else error.strerror or str(error)


class BotError(Exception):
    """The root. `public` and `hint` are shown to people; the message itself goes to the log."""

    public = "Something went wrong on our side."
    hint = ""

    def __init__(self, detail: str = "", *, public: str = "", hint: str = "") -> None:
        super().__init__(detail or public or self.public)
        if public:
            self.public = public
        if hint:
            self.hint = hint


class Refused(BotError):
    """A person asked for something that cannot be done as asked."""

    public = "That is not possible."


class BadInput(Refused):
    """What was typed cannot be used: an unknown GPU, a negative price, a malformed name."""

    public = "That input cannot be used."


class NotYours(Refused):
    """The rental belongs to somebody else and the actor is no lead."""

    public = "This machine belongs to somebody else."
    hint = "Ask its owner or a lead."


class NotFound(Refused):
    """No rental, quote or offer of that name is known."""

    public = "There is no such machine."
    hint = "See yours with /status."


class NoOffer(Refused):
    """No offer on the market fits; `hint` says which limit excludes most."""

    public = "No machine on the market fits that right now."


class OfferGone(Refused):
    """The offer was rented by somebody else between the quote and the renting call."""

    public = "That machine was rented by somebody else a moment ago."
    hint = "Choose another one with /offers."


class PriceRose(Refused):
    """The quoted offer is gone and the next best one costs more than was agreed to."""

    public = "That machine is gone, and the next best one costs more."


class QuoteExpired(Refused):
    """A Rent button was pressed on a quote that is too old."""

    public = "This quote is too old; prices may have changed."
    hint = "Ask again with /rent."


class Limit(Refused):
    """This person, or the team, has as many machines as the policy allows."""

    public = "You have as many machines as are allowed."
    hint = "End one of them first, or ask a lead to raise the limit."


class LowCredit(Refused):
    """The Vast account's credit does not cover the rental."""

    public = "The team's Vast credit is too low for this machine."
    hint = "A lead can add credit in the Vast console; then try again."


class OverBudget(Refused):
    """What was asked for does not fit into a budget; `over` is by how many micro-dollars."""

    public = "That does not fit into the budget."
    hint = "A lead can raise it with /budget set."

    def __init__(self, detail: str, *, over: int, public: str = "", hint: str = "") -> None:
        super().__init__(detail, public=public, hint=hint)
        self.over = over


class NotReady(Refused):
    """The rental has no notebook to open: it is starting, ending or gone."""

    public = "This machine is not ready yet."
    hint = "Its card says how far it is."


class Repeated(Refused):
    """Discord brought a command or a click a second time; the first one is being carried out."""

    public = "That is being done already."


class Busy(Refused):
    """An archive is being written, read or deleted, and the wish would get in its way."""

    public = "Something else is being done with it right now."
    hint = "Try again when that has ended."


class Provider(BotError):
    """Vast answered in a way that stops us, or did not answer."""

    public = "Vast.ai could not do that."
    hint = "Try again in a minute."


class Down(Provider):
    """No connection, a time-out, a 5xx or an HTML page: nothing is known, trying again is safe."""

    public = "Vast.ai is not answering right now."


class RateLimited(Provider):
    """Vast asked us to slow down. `retry_after` says for how long, if it said."""

    public = "Vast.ai asks us to slow down."

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: timedelta | None = None,
        public: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(detail, public=public, hint=hint)
        self.retry_after = retry_after


class Denied(Provider):
    """The key is wrong, revoked, lacks a right, or the account asks for a second factor."""

    public = "Vast.ai refuses our key."
    hint = "Whoever runs this bot must check VAST_API_KEY."


class Nonsense(Provider):
    """The answer is well-formed but cannot be understood; nothing is concluded from it."""

    public = "Vast.ai answered something we cannot understand."


class MayHaveRented(Provider):
    """The renting call ended without a definite yes or no.

    `contract` is set where the answer was an error that nevertheless names a contract: that
    machine exists and must be removed.
    """

    public = "Vast.ai did not say whether the machine was rented; we are finding out."
    hint = ""

    def __init__(self, detail: str = "", *, contract: int | None = None) -> None:
        super().__init__(detail)
        self.contract = contract


class Machine(BotError):
    """The rented machine itself is in the way."""

    public = "The machine is not answering as it should."


class Unreachable(Machine):
    """SSH is refused, times out or breaks; worth trying again until the deadline."""

    public = "The machine cannot be reached."
    hint = "We keep trying; the card says since when."


class HostKeyChanged(Machine):
    """The address answers with another host key than the pinned one. Never connected to."""

    public = "Another machine answers at this machine's address, so we do not connect."
    hint = "A lead should look at it in the Vast console."


class CommandFailed(Machine):
    """A command on the machine ended with a status other than 0."""

    public = "A command on the machine failed."

    def __init__(self, detail: str, *, status: int, stderr: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.stderr = stderr


class NotebookFailed(Machine):
    """Jupyter is not there and cannot be installed, or does not start."""

    public = "Jupyter could not be started on the machine."


class LacksTools(Machine):
    """The machine has not what archiving takes: GNU find and tar, coreutils, zstd or gzip."""

    public = "This machine lacks the tools to archive its files."
    hint = "Copy your files away by hand, or install what is missing and try again."


class DiskFull(Machine):
    """There is not enough room on the machine for what is restored."""

    public = "The machine's disk is too small for this archive."
    hint = "Rent one with a larger disk; the archive is untouched."


class RestoreFailed(Machine):
    """After a restore the machine does not hold what the manifest says. The archive is whole."""

    public = "The files on the machine are not what was archived."
    hint = "The archive is untouched: restore again, or onto another machine."


class Place(BotError):
    """The place where archives lie is in the way."""

    public = "The archive store is not answering as it should."


class PlaceDown(Place):
    """No connection, a time-out, no right, no room, a wrong bucket: nothing is known, try again."""

    public = "The archive store cannot be used right now."
    hint = "A lead should check BELLHOP_ARCHIVE_URL; `bellhop check` says what is wrong."


class Damaged(Place):
    """Something in the place is lost, cut short or altered. Nothing of it is handed out."""

    public = "This archive is damaged: a part of it is lost or was changed."
    hint = "A lead should look at the archive store; an older archive may be whole."


class Foreign(Place):
    """Written by an installation with another secret, so it cannot be read here."""

    public = "This archive was written by another Bellhop, and cannot be read with our secret."
    hint = "A lead can restore the BELLHOP_SECRET it was written with."


class Chat(BotError):
    """Discord did not take a message of ours."""

    public = "Discord did not take our message."


class Unavailable(Chat):
    """A time-out, a 5xx or a rate limit: worth trying again."""


class Undeliverable(Chat):
    """The channel is deleted, or we may not write there. Trying again is pointless."""

    public = "We may not write in that channel."
    hint = "A lead can give the bot the right to send messages there."


class Backup(BotError):
    """A backup cannot be written, read or restored; nothing was changed by the attempt."""

    public = "That backup cannot be used."


class Store(BotError):
    """The database refused or is away."""

    public = "Our database is not answering."
    hint = "Try again in a minute."


class Unreadable(Store):
    """Something in it was altered, or sealed with another secret. It is of no use any more."""

    public = "Something in our database cannot be read with our secret."
    hint = "A lead can restore the BELLHOP_SECRET it was written with."


class Stale(Store):
    """The row is no longer as it was read: somebody else moved it. Drop the result."""

    public = "This machine has just changed."
    hint = "Look at its card and try again."


class Config(BotError):
    """A setting is missing or wrong. `name` is the variable, the message says what to do."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}", public=f"{name}: {detail}")
        self.name = name
