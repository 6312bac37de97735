"""The front desk: quotes, and rentals begun, as people ask for them.

Nothing here rents a machine. A wish is written on a row and the reconciler is woken.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from bot.domain.access import Action, Actor, demand
from bot.domain.archives import Archive
from bot.domain.forecasts import disk_needed_gb, restoring
from bot.domain.limits import Limits
from bot.domain.lookouts import Lookout
from bot.domain.money import Usd
from bot.domain.offers import Offer, Wish
from bot.domain.paces import Usual
from bot.domain.rentals import Quote, Reason, Rental, RentalId, State, new_id
from bot.domain.replacement import accept, held_against
from bot.errors import BadInput, LowCredit, NoQuote, NotReady, NotYours, OfferGone, QuoteExpired
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.services.allowance import allowance
from bot.services.budgets import Budgets
from bot.services.offers import Offers
from bot.services.prospects import look_ahead
from bot.services.shelf import Shelf
from bot.services.wishes import Wishes
from bot.tasks import Wake

log = logging.getLogger(__name__)

MAX_HOURS = 24 * 30
_NAME_LENGTH = 40
_MOST_OPEN = 1000  # as many as the policy may allow a team; what costs money is never left out


@dataclass(frozen=True, slots=True)
class Place:
    """Where in Discord somebody asked, and where the card will stand."""

    guild_id: int
    channel_id: int


class Desk(Wishes):
    """Quotes and rentals begun; with them the wishes about a rental that is there."""

    def __init__(
        self,
        *,
        store: Store,
        market: Market,
        offers: Offers,
        shelf: Shelf,
        budgets: Budgets,
        clock: Clock,
        wake: Wake,
        news: Wake,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(store=store, clock=clock, wake=wake, news=news)
        self._market = market
        self._offers = offers
        self._shelf = shelf
        self._limits = limits or Limits()
        self._budgets = budgets

    async def quote(
        self,
        actor: Actor,
        place: Place,
        wish: Wish,
        *,
        image: str | None = None,
        name: str | None = None,
        hours: int | None = None,
        restore: str | None = None,
    ) -> Quote:
        """The best offer for a wish, with a price that holds for ten minutes.

        `restore` is the archive to put onto the machine. Raises BadInput, NoOffer, NotFound and
        NotYours for an archive, and Provider when Vast cannot be asked.
        """
        if hours is not None and not 1 <= hours <= MAX_HOURS:
            raise BadInput(public=f"Choose between 1 and {MAX_HOURS} hours.")
        chosen = await self._offers.image(image)
        archive = await self._shelf.get(actor, restore) if restore else None
        if archive is not None:
            _demand_room(archive, wish)
        wish = await self._offers.checked(wish)
        offer = (await self._offers.find(wish, chosen))[0]
        quote = Quote(
            id=new_id(12),
            guild_id=place.guild_id,
            channel_id=place.channel_id,
            owner_id=actor.id,
            owner_name=actor.name,
            wish=wish,
            image=chosen,
            offer=offer,
            name=_tidy(name),
            hours=hours,
            made_at=self._clock.now(),
        )
        quote = await self.foreseen(actor, await self._bringing(archive, quote))
        await self._store.add_quote(quote)
        return quote

    async def foreseen(self, actor: Actor, quote: Quote) -> Quote:
        """The quote with what it is expected to cost, and to make of the month."""
        return replace(quote, prospect=await look_ahead(self._store, self._budgets, actor, quote))

    async def usual(self, quote: Quote) -> Usual | None:
        """How long the start of a quoted machine usually takes; None: too few were seen."""
        return await self._paces.usual(quote)

    async def rent(self, actor: Actor, quote_id: str) -> Rental:
        """Begin the rental of a quote; pressed twice, it is the same rental.

        It counts for the budgets of the actor and their roles. Raises NotFound, NotYours,
        QuoteExpired, LowCredit, Limit, OverBudget; Busy where the work of a move goes somewhere
        already.
        """
        quote = await self._store.quote(quote_id)
        if quote is None or quote.guild_id != actor.guild_id:
            raise NoQuote(f"no quote {quote_id[:20]!r}")
        if quote.owner_id != actor.id:
            raise NotYours(
                public="This quote was made for somebody else.", hint="Ask for your own with /rent."
            )
        begun = await self._store.begun_with(quote.id)
        if begun is not None and (rental := await self._store.rental(begun)) is not None:
            return rental  # however late, and whatever credit it has left for another
        if quote.expired(self._clock.now()):
            raise QuoteExpired(f"quote {quote.id} of {quote.made_at}")
        await self._afford(quote.per_hour, quote.hours)
        return await self._begin(actor, quote, RentalId(new_id()))

    async def fulfil(self, lookout: Lookout, offer: Offer | None) -> Rental:
        """Begin the rental of a wish that waited, as if its owner had pressed Rent on that offer.

        It bears the lookout's id, so it begins once; one that has begun comes back. Raises
        LowCredit, Limit, OverBudget, NotFound for an archive that was deleted meanwhile, and
        OfferGone where it has not begun and there is no offer.
        """
        begun = await self._store.rental(lookout.rental_id)
        if begun is not None:
            return begun
        if offer is None:
            raise OfferGone(f"nothing for lookout {lookout.id}")
        archive = None
        if lookout.restore_id is not None:  # that they may use it was seen when they wished
            archive = await self._shelf.kept(lookout.guild_id, lookout.restore_id)
        quote = Quote(
            id=new_id(12),
            guild_id=lookout.guild_id,
            channel_id=lookout.channel_id,
            owner_id=lookout.owner_id,
            owner_name=lookout.owner_name,
            wish=lookout.wish,
            image=lookout.image,
            offer=offer,
            name=_tidy(lookout.name),
            hours=lookout.hours,
            made_at=self._clock.now(),
        )
        await self._afford(quote.per_hour, quote.hours)
        owner = Actor(
            id=lookout.owner_id,
            guild_id=lookout.guild_id,
            name=lookout.owner_name,
            role_ids=lookout.role_ids,
        )
        quote = await self.foreseen(owner, await self._bringing(archive, quote))
        await self._store.add_quote(quote)
        return await self._begin(owner, quote, lookout.rental_id)

    async def quote_home(self, quote_id: str) -> int:
        """The server a quote belongs to, for a press in a direct message. Raises NotFound."""
        quote = await self._store.quote(quote_id)
        if quote is None:
            raise NoQuote(f"no quote {quote_id[:20]!r}")
        return quote.guild_id

    async def _bringing(self, archive: Archive | None, quote: Quote) -> Quote:
        """The quote for a machine that an archive is put onto; it opens at its earlier address."""
        if archive is None:
            return quote
        earlier = await self._store.rental(archive.rental_id)
        return replace(
            quote,
            name=quote.name or _tidy(archive.name),
            restore_id=archive.id,
            address=earlier.host_name if earlier is not None else None,
            forecast=restoring(archive.bytes, quote.offer),
        )

    async def _begin(self, actor: Actor, quote: Quote, rental_id: RentalId) -> Rental:
        now = self._clock.now()
        rental = await self._store.begin(
            Rental(
                id=rental_id,
                version=1,
                state=State.REQUESTED,
                guild_id=quote.guild_id,
                channel_id=quote.channel_id,
                message_id=None,
                owner_id=quote.owner_id,
                owner_name=quote.owner_name,
                name=quote.name,
                wish=quote.wish,
                image=quote.image,
                offer=quote.offer,
                agreed_per_hour=quote.per_hour,
                hours=quote.hours,
                restore_id=quote.restore_id,
                moves_from=quote.moves_from,
                address=quote.address,
                forecast=quote.forecast,
                prospect=quote.prospect,
                requested_at=now,
                phase_at=now,
            ),
            quote_id=quote.id,
            allowance=await allowance(self._store, self._limits, quote.owner_id),
            claim=await self._budgets.claim(actor.role_ids),
        )
        log.info("%s asked for rental %s: %s", actor.name, rental.id, rental.offer.title)
        self._wake.set()
        self._news.set()
        return rental

    async def agree(self, actor: Actor, rental_id: str, offer_id: int) -> Rental:
        """Say yes to a dearer machine; only its owner may, for it is their money.

        Safe to repeat; a yes to another machine than the one that waits changes nothing. Raises
        NotFound, NotYours, QuoteExpired when it is too late; LowCredit, OverBudget as for a new
        rental, with the question left open.
        """
        asked = await self.get(actor, rental_id, Action.OPEN)
        if asked.proposed_per_hour is not None:
            await self._afford(asked.proposed_per_hour, asked.hours)
        now = self._clock.now()

        def agreed(rental: Rental) -> Rental | None:
            if rental.proposal is None or rental.proposal.id != offer_id:
                return None
            late = rental.proposed_until is not None and now >= rental.proposed_until
            if late or rental.released_at is not None or rental.state is not State.REQUESTED:
                raise QuoteExpired(f"offer {offer_id} for {rental_id}")
            return accept(rental, now)

        event = f"offer {offer_id} agreed to by {actor.id}"
        claim = await self._budgets.claim(actor.role_ids)
        rental, _ = await self._write(actor, rental_id, Action.OPEN, agreed, event, claim)
        return rental

    async def another(self, actor: Actor, rental_id: str) -> Quote:
        """A quote for a machine in the place of one whose path is broken.

        With the newest archive of that rental, where there is one, and a disk with room for it. Its
        host is remembered, so that it comes last. The old machine stays until its owner ends it.
        Raises NotFound, NotYours for all but the owner, NotReady where there is nothing to replace,
        NoOffer, Provider.
        """
        rental = await self.get(actor, rental_id, Action.OPEN)
        if rental.state is not State.READY or rental.contract is None:
            raise NotReady(
                f"{rental_id} is {rental.state}",
                public="There is nothing to replace.",
                hint="/status says how your machines are.",
            )
        if rental.broken_since is not None:
            fault = held_against(rental, Reason.NO_PATH, self._clock.now())
            await self._store.hold_against(fault)
        archive = await self._newest(actor, rental)
        disk = max(rental.wish.disk_gb, disk_needed_gb(archive.bytes) if archive is not None else 0)
        # Without a highest price of before: a quote asks anyway.
        wish = replace(
            rental.wish, gpu=rental.offer.gpu_name, offer_id=None, max_price=None, disk_gb=disk
        )
        return await self.quote(
            actor,
            Place(rental.guild_id, rental.channel_id),
            wish,
            image=rental.image.name,
            name=rental.name,
            hours=rental.hours,
            restore=archive.id if archive is not None else None,
        )

    async def of(self, actor: Actor, member_id: int | None = None) -> list[Rental]:
        """The open rentals of a member, one's own by default. Raises NotYours."""
        owner = member_id or actor.id
        demand(actor, Action.SEE, owner_id=owner, guild_id=actor.guild_id)
        return await self._store.rentals_of(actor.guild_id, owner, only_open=True, limit=_MOST_OPEN)

    async def within_reach(self, actor: Actor) -> list[Rental]:
        """The open rentals this person may end: their own, for a lead everybody's."""
        owner = None if actor.lead else actor.id
        return await self._store.rentals_of(actor.guild_id, owner, only_open=True, limit=_MOST_OPEN)

    async def _newest(self, actor: Actor, rental: Rental) -> Archive | None:
        """The newest archive of one's rental that is still there, whatever it was made for."""
        own = await self._shelf.of(actor)
        return next((one for one in own if one.rental_id == rental.id), None)

    async def _afford(self, per_hour: Usd, planned_hours: int | None) -> None:
        """Raise LowCredit unless the account pays for the planned hours, or for one."""
        hours = planned_hours or 1
        needed = per_hour.times(hours)
        credit = (await self._market.account()).credit
        if credit < needed:
            raise LowCredit(
                f"credit {credit} below {needed}",
                public=f"The team's Vast credit is {credit}; this needs {needed} "
                f"for {hours} hour{'s' if hours > 1 else ''}.",
            )


def _demand_room(archive: Archive, wish: Wish) -> None:
    """Raise BadInput for a disk that the archive does not fit onto with room to go on."""
    needed = disk_needed_gb(archive.bytes)
    if wish.disk_gb < needed:
        raise BadInput(
            f"{archive.id} needs {needed} GB",
            public=f"This archive needs a disk of at least {needed} GB; you asked for "
            f"{wish.disk_gb} GB.",
            hint=f"Ask again with disk:{needed}.",
        )


def _tidy(name: str | None) -> str | None:
    """A name without line breaks and mark-up, or None."""
    if name is None:
        return None
    bare = "".join(char for char in name if char.isprintable() and char not in "`*_~|<>@#[]")
    return " ".join(bare.split())[:_NAME_LENGTH] or None
