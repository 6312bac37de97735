"""Notebooks shared with teammates: given, taken back, and ended when their time or reason is over.

Who is in, and why, is asked anew in rounds (`share_rounds.py`): a share ends with its time, with
its machine and when its member leaves the server, whose sessions end too. A look at the server
that fails tells nothing, and ends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.access import Action, Actor, may
from bot.domain.rentals import Rental, RentalId, new_id
from bot.domain.shares import HOUR, Ending, Share, demand_shareable, ending_of, may_end
from bot.errors import BotError, NotFound, NotYours
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.sharing import Entered, Members
from bot.services.links import Links
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

_ID_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Guests:
    """Whom a rental is shared with, and who is in."""

    shares: tuple[Share, ...] = ()
    entered: tuple[Entered, ...] = ()


class Sharing:
    """`changed` is set when somebody's way in has changed: SSH keys are then put right."""

    def __init__(
        self, *, store: Store, links: Links, clock: Clock, changed: Wake, wake: Wake
    ) -> None:
        self._store = store
        self._links = links
        self._clock = clock
        self._changed = changed
        self._wake = wake

    async def share(
        self,
        actor: Actor,
        rental_id: str,
        *,
        member_id: int,
        member_name: str,
        bot: bool = False,
        hours: int,
        view_only: bool,
    ) -> Share:
        """Let somebody in from now on, for so many hours; in place of an earlier share with them.

        Raises NotFound, NotYours, BadInput, NotReady.
        """
        rental = await self._rental(actor, rental_id)
        demand_shareable(actor, rental, member_id=member_id, bot=bot, hours=hours)
        now = self._clock.now()
        share = Share(
            id=new_id(_ID_LENGTH),
            rental_id=rental.id,
            guild_id=rental.guild_id,
            member_id=member_id,
            member_name=member_name,
            by_id=actor.id,
            view_only=view_only,
            made_at=now,
            until=now + hours * HOUR,
            tell_at=now,
        )
        if await self._store.add_share(share) is not None:
            self._links.let_go(rental.id, member_id)
        log.info("%s shared %s with %s until %s", actor.id, rental.id, member_id, share.until)
        self._hint()
        return share

    async def unshare(self, actor: Actor, share_id: str) -> Share:
        """Take a share back, at once; safe to repeat. Raises NotFound, NotYours."""
        share = await self.get(share_id)
        rental = await self.rental_of(share)
        if not may_end(actor, rental, share):
            raise NotYours(f"{actor.id} may not end share {share.id}")
        await self._end(share, Ending.REVOKED, by=actor.id)
        return share

    async def with_member(self, actor: Actor, rental_id: str, member_id: int) -> Share:
        """The share of a rental with a member. Raises NotFound, NotYours."""
        for share in await self.shares_of(actor, rental_id):
            if share.member_id == member_id:
                return share
        raise NotFound(
            f"{rental_id} is not shared with {member_id}",
            public="It is not shared with them.",
            hint="/status says whom your machines are shared with.",
        )

    async def shares_of(self, actor: Actor, rental_id: str) -> list[Share]:
        """The open shares of a rental that this person may end. Raises NotFound."""
        rental = await self._rental(actor, rental_id)
        now = self._clock.now()
        return [
            share
            for share in await self._store.open_shares([rental.id])
            if share.open(now) and may_end(actor, rental, share)
        ]

    async def guests(self, rentals: Sequence[Rental]) -> dict[RentalId, Guests]:
        """For each of these rentals, whom it is shared with and who is in now."""
        if not rentals:
            return {}
        now, ids = self._clock.now(), [rental.id for rental in rentals]
        shares = [one for one in await self._store.open_shares(ids) if one.open(now)]
        entered = await self._store.entered(now, ids)
        lent: dict[RentalId, list[Share]] = {}
        inside: dict[RentalId, list[Entered]] = {}
        for share in shares:
            lent.setdefault(share.rental_id, []).append(share)
        for one in entered:
            inside.setdefault(one.rental_id, []).append(one)
        return {key: Guests(tuple(lent.get(key, ())), tuple(inside.get(key, ()))) for key in ids}

    async def shared_with(self, actor: Actor) -> list[tuple[Rental, Share]]:
        """The open rentals of others that are shared with this person."""
        shares = await self._store.shared_with(actor.guild_id, actor.id, self._clock.now())

        async def look(share: Share) -> tuple[Rental | None, Share]:
            return await self._store.rental(share.rental_id), share

        found = await each(shares, look, of=lambda share: share.id, at_once=1)
        return [(rental, share) for rental, share in found if rental is not None and rental.open]

    async def entrances(self, actor: Actor, own: Sequence[Rental]) -> list[Rental]:
        """What a person may mean to enter: their own, and what is shared with them."""
        return [*own, *(rental for rental, _ in await self.shared_with(actor))]

    async def enterable(self, actor: Actor, rental_id: str) -> tuple[Rental, Share | None]:
        """A rental that this person may enter, and by which share. Raises NotFound, NotYours."""
        rental = await self._rental(actor, rental_id)
        if may(actor, Action.OPEN, owner_id=rental.owner_id, guild_id=rental.guild_id):
            return rental, None
        share = await self._store.open_share(rental.id, actor.id, self._clock.now())
        if share is None:
            raise NotYours(f"{actor.id} may not enter {rental.id}")
        return rental, share

    async def home(self, share_id: str) -> int:
        """The server a share belongs to, for a press that comes from elsewhere. NotFound."""
        return (await self.get(share_id)).guild_id

    async def get(self, share_id: str) -> Share:
        """Raises NotFound."""
        share = await self._store.share(share_id)
        if share is None:
            raise NotFound(f"no share {share_id[:20]!r}", public="There is no such share.")
        return share

    async def rental_of(self, share: Share) -> Rental:
        """Raises NotFound."""
        rental = await self._store.rental(share.rental_id)
        if rental is None:
            raise NotFound(f"no rental {share.rental_id}")
        return rental

    async def end_what_is_over(self) -> int:
        """End the shares whose time or machine is over; how many there were."""
        now = self._clock.now()

        async def look(share: Share) -> bool:
            ending = ending_of(share, await self._store.rental(share.rental_id), now)
            return ending is not None and await self._end(share, ending)

        shares = await self._store.open_shares()
        return sum(await each(shares, look, of=lambda share: share.id, at_once=1))

    async def end_for_those_who_left(self, members: Members) -> int:
        """End the sessions and shares of who is not in the server any more; how many people."""
        now, gone = self._clock.now(), 0
        shares = await self._store.open_shares()
        pairs = {(share.rental_id, share.member_id) for share in shares}
        pairs |= {(one.rental_id, one.member_id) for one in await self._store.entered(now)}
        for rental_id, member_id in sorted(pairs):
            try:
                gone += await self._look(rental_id, member_id, shares, members)
            except BotError as error:  # unknown, so nothing is concluded
                log.info("whether %s is in the server is unknown: %s", member_id, error)
        return gone

    async def _look(
        self, rental_id: RentalId, member_id: int, shares: Sequence[Share], members: Members
    ) -> bool:
        rental = await self._store.rental(rental_id)
        if rental is None:
            return False
        member = await members.member(rental.guild_id, member_id)
        held = [one for one in shares if (one.rental_id, one.member_id) == (rental_id, member_id)]
        if member is None:
            log.info("%s left the server: let go of in %s", member_id, rental_id)
            for share in held:
                await self._end(share, Ending.LEFT)
            await self._links.revoke_member(rental_id, member_id)
            return True
        for share in held:
            if share.by_id == share.member_id and not member.lead:
                await self._end(share, Ending.ROLE)
                return True
        return False

    async def _end(self, share: Share, ending: Ending, *, by: int | None = None) -> bool:
        now = self._clock.now()
        tell = ending is not Ending.LEFT
        ended = await self._store.end_share(share, ending, now, by=by, tell=tell)
        self._links.let_go(share.rental_id, share.member_id)
        if ended:
            log.info("share %s of %s ended: %s", share.id, share.rental_id, ending.value)
            self._hint()
        return ended

    async def _rental(self, actor: Actor, rental_id: str) -> Rental:
        rental = await self._store.rental(RentalId(rental_id))
        if rental is None or rental.guild_id != actor.guild_id:
            raise NotFound(f"no rental {rental_id[:20]!r}")
        return rental

    def _hint(self) -> None:
        self._changed.set()
        self._wake.set()
