"""Who may enter another one's machine, who is in it now, and people's own SSH keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.rentals import Rental, RentalId
from bot.domain.shares import Ending, Share
from bot.domain.ssh_keys import OwnKey
from bot.ports.machines import Shell


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Somebody who is let in, in one browser."""

    rental_id: RentalId
    member_id: int
    port: int | None
    began_at: datetime
    expires_at: datetime


class Shares(Protocol):
    async def add_share(self, share: Share) -> Share | None:
        """Store a share; the one it takes the place of is ended with it, and returned.

        What was entered by that one is over, and no letter tells of it.
        """
        ...

    async def share(self, share_id: str) -> Share | None: ...

    async def end_share(
        self, share: Share, ending: Ending, now: datetime, *, by: int | None, tell: bool
    ) -> bool:
        """End it, with its sessions and tickets; False where it was ended before.

        With `tell` its letter is due.
        """
        ...

    async def open_shares(self, rental_ids: Sequence[RentalId] | None = None) -> list[Share]:
        """Those not ended, of these rentals or of all, oldest first; their time may be over."""
        ...

    async def shared_with(self, guild_id: int, member_id: int, now: datetime) -> list[Share]:
        """What a member may enter in this server at this moment."""
        ...

    async def shares_to_tell(self, now: datetime) -> list[Share]:
        """Those with a letter that is due."""
        ...

    async def share_told(self, share: Share, *, next_at: datetime | None, tries: int) -> None:
        """Their letter has arrived (None), or is to be tried again then.

        Nothing changes where the share has ended since it was read: another letter is due.
        """
        ...

    async def entered(
        self, now: datetime, rental_ids: Sequence[RentalId] | None = None
    ) -> list[Entered]:
        """The sessions that are good now, of these rentals or of all, oldest first."""
        ...


class Keys(Protocol):
    async def add_key(self, own: OwnKey, *, most: int) -> OwnKey | None:
        """Store a key; the one that is there under that fingerprint comes back, whose it may be.

        Raises Limit where this member has `most` already.
        """
        ...

    async def keys_of(self, member_ids: Sequence[int]) -> list[OwnKey]:
        """Oldest first."""
        ...

    async def remove_key(self, member_id: int, fingerprint: str) -> bool:
        """False where that member has no such key."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a server."""

    id: int
    name: str
    lead: bool


class Members(Protocol):
    async def member(self, guild_id: int, member_id: int) -> Member | None:
        """None where they are not in that server. Raises Unavailable where that is unknown."""
        ...


class Invitations(Protocol):
    """Letters about shares."""

    def ready(self) -> bool:
        """Whether anything can be sent now; before that, nothing counts as a try."""
        ...

    async def tell(self, share: Share, rental: Rental) -> None:
        """Tell the member, and the owner where somebody else did it, how it stands.

        Directly, or in the rental's channel where that is closed to us. Safe to repeat, by the
        share's `tries`. Raises Undeliverable for good and Unavailable for what may pass.
        """
        ...


class KeyCheck(Protocol):
    def __call__(self, line: str) -> None:
        """Raise BadInput unless this line is a public key that can be used."""
        ...


class KeyLists(Protocol):
    async def put(self, shell: Shell, lines: Sequence[str]) -> None:
        """Let these keys, and none that we put there before, log in on a machine.

        Others' lines stay as they are. Safe to repeat. Raises Unreachable, CommandFailed.
        """
        ...
