"""A machine's notebook shared with a teammate: for how long, how far, and why that ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.access import Action, Actor, may
from bot.domain.rentals import Rental, RentalId, State
from bot.errors import BadInput, NotReady, NotYours

MAX_SHARE = timedelta(days=30)
HOUR = timedelta(hours=1)

_SHAREABLE = (State.REQUESTED, State.CREATING, State.BOOTING, State.READY, State.ARCHIVING)


class Ending(StrEnum):
    """Why a share ended before its time, or at it."""

    REVOKED = "revoked"  # its owner or a lead took it back, or its member gave it back
    EXPIRED = "expired"
    OVER = "over"  # the machine ends, or has ended
    LEFT = "left"  # the member is not in the server any more
    ROLE = "role"  # a lead had let themselves in, and is no lead any more
    REPLACED = "replaced"  # shared anew with the same member


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Somebody may enter another one's machine until then. All times aware UTC."""

    id: str
    rental_id: RentalId
    guild_id: int
    member_id: int
    member_name: str
    by_id: int
    view_only: bool
    made_at: datetime
    until: datetime
    ended_at: datetime | None = None
    ended_by: int | None = None
    ending: Ending | None = None
    tell_at: datetime | None = None  # when its letter is due; None: told
    tries: int = 0  # to send that letter

    def open(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.until


def demand_shareable(
    actor: Actor, rental: Rental, *, member_id: int, bot: bool, hours: int
) -> None:
    """Raise NotYours, BadInput or NotReady unless the actor may share it so."""
    if not may(actor, Action.SHARE, owner_id=rental.owner_id, guild_id=rental.guild_id):
        raise NotYours(f"{actor.id} may not share {rental.id}")
    if member_id == rental.owner_id:
        raise BadInput(
            public="It is their own machine.", hint="Its owner enters with /open at any time."
        )
    if bot:
        raise BadInput(public="Bots cannot enter a notebook.", hint="Choose a person.")
    if not 1 <= hours <= MAX_SHARE // HOUR:
        raise BadInput(public=f"Share it for 1 to {MAX_SHARE // HOUR} hours.")
    if rental.state not in _SHAREABLE or rental.reason is not None:
        raise NotReady(
            f"{rental.id} is {rental.state}",
            public="This machine is ending, so it cannot be shared.",
            hint="/rent gets a new one.",
        )


def may_end(actor: Actor, rental: Rental, share: Share) -> bool:
    """Its owner and leads may, and the member may give it back."""
    if actor.guild_id != rental.guild_id:
        return False
    return actor.id == share.member_id or may(
        actor, Action.SHARE, owner_id=rental.owner_id, guild_id=rental.guild_id
    )


def ending_of(share: Share, rental: Rental | None, now: datetime) -> Ending | None:
    """Why an open share is over by now; None while it is not."""
    if rental is None or rental.state in (State.DESTROYING, State.CLOSED):
        return Ending.OVER
    return Ending.EXPIRED if now >= share.until else None


def inherited(shares: Iterable[Share], heir: RentalId, now: datetime) -> list[Share]:
    """Those of one address that go over to the machine that has the work now.

    Of each member the newest decides: one that was taken back is not undone by an older one. What
    ended only with its machine holds on until its own end.
    """
    newest: dict[int, Share] = {}
    for share in sorted(shares, key=lambda one: (one.made_at, one.id)):
        newest[share.member_id] = share
    return [
        share
        for share in newest.values()
        if share.rental_id != heir
        and now < share.until
        and (share.ended_at is None or share.ending is Ending.OVER)
    ]
