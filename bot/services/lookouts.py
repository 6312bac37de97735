"""Wishes that wait for a machine, as people make them and take them back. `scout.py` looks."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.access import Action, Actor, demand
from bot.domain.lookouts import DRAFT_LIFE, Lookout, State, ended, opened
from bot.domain.offers import Wish
from bot.domain.rentals import Quote, new_id
from bot.errors import BadInput, Limit, NotReady, NoWish, QuoteExpired, Stale
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.services.desk import Desk, Place
from bot.services.offers import Offers

MOST_OPEN = 10  # of one person


class Lookouts:
    def __init__(self, *, store: Store, desk: Desk, offers: Offers, clock: Clock) -> None:
        self._store = store
        self._desk = desk
        self._offers = offers
        self._clock = clock

    async def draft(
        self,
        actor: Actor,
        place: Place,
        wish: Wish,
        *,
        image: str | None = None,
        name: str | None = None,
        hours: int | None = None,
        restore: str | None = None,
    ) -> Lookout:
        """Note a wish for which nothing was found, so that its buttons can carry it.

        Raises BadInput for a GPU or an image that there is not, or that the team does not allow.
        """
        now = self._clock.now()
        lookout = Lookout(
            id=new_id(),
            guild_id=place.guild_id,
            channel_id=place.channel_id,
            owner_id=actor.id,
            owner_name=actor.name,
            wish=await self._offers.checked(wish),
            image=await self._offers.image(image),
            name=name,
            hours=hours,
            restore_id=restore,
            made_at=now,
            until=now + DRAFT_LIFE,
        )
        await self._store.add_lookout(lookout)
        return lookout

    async def open(self, actor: Actor, lookout_id: str, *, rents: bool) -> Lookout:
        """From now on it is looked for; pressed again it stays as it is.

        Raises NotFound, NotYours, QuoteExpired, Limit, and BadInput for renting without a price.
        """
        lookout = await self._own(actor, lookout_id)
        now = self._clock.now()
        if lookout.state is not State.DRAFT:
            return lookout
        if now >= lookout.until:
            raise QuoteExpired(f"draft {lookout_id} of {lookout.made_at}")
        if rents and not lookout.may_rent:
            raise BadInput(public="Say a highest price, so that it can be rented for you.")
        waiting = await self._store.open_lookouts(guild_id=actor.guild_id, owner_id=actor.id)
        if len(waiting) >= MOST_OPEN:
            raise Limit(
                f"{actor.id} has {len(waiting)} lookouts",
                public=f"{len(waiting)} of your wishes are being looked for already.",
                hint="Take one back in /status first.",
            )
        mine = replace(lookout, role_ids=actor.role_ids)
        return await self._store.keep_lookout(opened(mine, rents=rents, now=now))

    async def cancel(self, actor: Actor, lookout_id: str) -> Lookout:
        """Take a wish back; one that is over already comes back as it is. NotFound, NotYours."""
        for _ in range(5):
            lookout = await self._own(actor, lookout_id, Action.DESTROY)
            if lookout.state not in (State.DRAFT, State.OPEN):
                return lookout
            try:
                gone = ended(lookout, State.CANCELLED, self._clock.now())
                return await self._store.keep_lookout(gone)
            except Stale:
                continue  # it was just looked for
        raise Stale(f"lookout {lookout_id} kept changing")

    async def of(self, actor: Actor, member_id: int | None = None) -> list[Lookout]:
        """The wishes of a member that are being looked for, one's own by default. NotYours."""
        owner = member_id or actor.id
        demand(actor, Action.SEE, owner_id=owner, guild_id=actor.guild_id)
        return await self._store.open_lookouts(guild_id=actor.guild_id, owner_id=owner)

    async def home(self, lookout_id: str) -> int:
        """The server a wish belongs to, for a press in a direct message. Raises NotFound."""
        lookout = await self._store.lookout(lookout_id)
        if lookout is None:
            raise NoWish(f"no lookout {lookout_id[:20]!r}")
        return lookout.guild_id

    async def quote(self, actor: Actor, lookout_id: str) -> Quote:
        """What its machine costs now. Raises NotFound, NotYours, NoOffer, Provider."""
        lookout = await self._own(actor, lookout_id)
        if lookout.state is State.DRAFT:
            raise NotReady(f"lookout {lookout_id} is a draft")
        return await self._desk.quote(
            actor,
            Place(lookout.guild_id, lookout.channel_id),
            lookout.wish,
            image=lookout.image.name,
            name=lookout.name,
            hours=lookout.hours,
            restore=lookout.restore_id,
        )

    async def _own(self, actor: Actor, lookout_id: str, action: Action = Action.OPEN) -> Lookout:
        lookout = await self._store.lookout(lookout_id)
        if lookout is None or lookout.guild_id != actor.guild_id:
            raise NoWish(f"no lookout {lookout_id[:20]!r}")
        demand(actor, action, owner_id=lookout.owner_id, guild_id=lookout.guild_id)
        return lookout
