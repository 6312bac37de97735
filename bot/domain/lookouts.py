"""Wishes that nothing on the market fits yet: looked for until one comes, or until it is too late.

A lookout either tells its owner that there is a machine now, or rents it. One that rents becomes
the rental of the same id, so it can become one only once, whatever happens in between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.images import Image
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import RentalId

DEFAULT_LIFE = timedelta(hours=24)
DRAFT_LIFE = timedelta(minutes=30)
"""How long the buttons below “nothing found” are good for."""


class State(StrEnum):
    """Where a lookout stands.

    draft -> open              somebody pressed “Tell me” or “Rent it”
    open -> told               there is a machine, and its owner was to be told only
    open -> rented             there was one, and it became a rental
    open -> expired            none came in time
    open -> cancelled          its owner or a lead took it back
    """

    DRAFT = "draft"
    OPEN = "open"
    TOLD = "told"
    RENTED = "rented"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookout:
    """A wish that waits. Times are aware UTC; `version` guards every change."""

    id: str
    version: int = 1
    state: State = State.DRAFT
    guild_id: int
    channel_id: int
    owner_id: int
    owner_name: str
    wish: Wish
    image: Image
    name: str | None = None
    hours: int | None = None
    restore_id: str | None = None
    rents: bool = False  # else its owner is told
    made_at: datetime
    until: datetime
    looked_at: datetime | None = None
    offer: Offer | None = None  # what was found
    ended_at: datetime | None = None
    note: str = ""  # what is in the way, though there is a machine
    tell_at: datetime | None = None  # a letter is due from then on
    tries: int = 0  # to deliver it
    role_ids: tuple[int, ...] = ()  # its owner's when they pressed: whose budgets it counts for

    @property
    def rental_id(self) -> RentalId:
        """The rental this becomes: the same id, so there is only one."""
        return RentalId(self.id)

    @property
    def may_rent(self) -> bool:
        """Renting without being asked again takes a price that was said beforehand."""
        return self.wish.max_price is not None


def opened(lookout: Lookout, *, rents: bool, now: datetime) -> Lookout:
    """From now on it is looked for. Pressed again it stays what it is."""
    if lookout.state is not State.DRAFT:
        return lookout
    return replace(
        lookout, state=State.OPEN, rents=rents, made_at=now, until=now + DEFAULT_LIFE, note=""
    )


def ended(lookout: Lookout, state: State, now: datetime, *, offer: Offer | None = None) -> Lookout:
    """It is over; a letter says so, unless its owner ended it and knows."""
    tell_at = None if state is State.CANCELLED else now
    return replace(lookout, state=state, ended_at=now, offer=offer, tell_at=tell_at, tries=0)


def in_turn(lookouts: list[Lookout], *, most: int) -> list[list[Lookout]]:
    """Whose turn it is: groups that one search answers, those first that waited longest.

    Vast counts searches, so only `most` of them are made at a time.
    """
    groups: dict[tuple[Wish, int | None], list[Lookout]] = {}
    for one in lookouts:
        groups.setdefault((one.wish, one.image.max_compute_cap), []).append(one)
    waited = sorted(groups.values(), key=lambda group: min(_last(one) for one in group))
    return waited[:most]


def _last(lookout: Lookout) -> datetime:
    return lookout.looked_at or lookout.made_at - DRAFT_LIFE
