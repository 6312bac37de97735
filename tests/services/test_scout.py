"""Wishes that wait for a machine: told or rented once, within the quota, over both databases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.access import Actor
from bot.domain.budgets import Scope, Subject
from bot.domain.limits import Limits
from bot.domain.lookouts import DEFAULT_LIFE, Lookout, State
from bot.domain.money import Usd
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import State as RentalState
from bot.errors import BadInput, Limit, NotYours, QuoteExpired, RateLimited, Stale, Unavailable
from bot.ports.books import Store
from bot.services.desk import Place
from bot.services.lookouts import MOST_OPEN, Lookouts
from bot.services.scout import SEARCHES, Scout
from tests.builders import CHANNEL, GUILD, OWNER, SetClock, an_offer
from tests.services.sweeping import ready_rental
from tests.services.worlds import DictMarket, House

ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")
LINUS = Actor(id=OWNER + 1, guild_id=GUILD, name="linus")
PLACE = Place(GUILD, CHANNEL)
CHEAP = Wish(gpu="RTX A5000", max_price=Usd.of("0.40"))
MINUTE = timedelta(minutes=1)


class Searched(DictMarket):
    """Counts searches, and may refuse them."""

    searches: int = 0
    refusal: RateLimited | None = None

    async def search(self, wish: Wish, *, max_compute_cap: int | None = None) -> list[Offer]:
        if self.refusal is not None:
            raise self.refusal
        self.searches += 1
        return await super().search(wish)

    async def gpu_names(self) -> list[str]:
        return ["RTX A5000", "RTX 3090", "RTX 4090"]


@dataclass
class Letters:
    """Letters that arrive, or do not for now."""

    down: bool = False
    told: list[Lookout] = field(default_factory=list)

    async def tell(self, lookout: Lookout) -> None:
        if self.down:
            raise Unavailable("away")
        self.told.append(lookout)


@dataclass
class Post:
    house: House
    letters: Letters
    lookouts: Lookouts
    scout: Scout

    @property
    def market(self) -> Searched:
        assert isinstance(self.house.market, Searched)
        return self.house.market

    async def wish(self, actor: Actor = ADA, wish: Wish = CHEAP, *, rents: bool = True) -> Lookout:
        draft = await self.lookouts.draft(actor, PLACE, wish)
        return await self.lookouts.open(actor, draft.id, rents=rents)

    async def again(self, lookout: Lookout) -> Lookout:
        found = await self.house.store.lookout(lookout.id)
        assert found is not None
        return found


@pytest.fixture
def post(store: Store, clock: SetClock) -> Post:
    house = House(store=store, market=Searched(offers=[]), clock=clock)
    letters = Letters()
    lookouts = Lookouts(store=store, desk=house.desk, offers=house.offers, clock=clock)
    scout = Scout(store=store, desk=house.desk, offers=house.offers, tidings=letters, clock=clock)
    return Post(house, letters, lookouts, scout)


async def test_when_there_is_one_it_is_rented_once_and_its_owner_told(post: Post) -> None:
    """By the way every rental begins; the next pass finds nothing left to do."""
    lookout = await post.wish()
    await post.scout.pass_once()
    before = await post.again(lookout)
    post.market.offers = [an_offer(id=1), an_offer(id=2, machine_id=2)]

    for _ in range(3):
        await post.scout.pass_once()
        await post.scout.deliver()
    await post.house.passes(2)

    rental = await post.house.store.rental(lookout.rental_id)
    assert before.state is State.OPEN
    assert before.looked_at is not None
    assert rental is not None
    assert rental.state is RentalState.READY
    assert len(post.market.orders) == 1
    assert [one.state for one in post.letters.told] == [State.RENTED]


async def test_who_wants_to_be_told_is_told_and_nothing_is_rented(post: Post) -> None:
    """One letter, and a quote on demand."""
    lookout = await post.wish(rents=False)
    post.market.offers = [an_offer(id=1)]

    await post.scout.pass_once()
    await post.scout.deliver()
    await post.scout.deliver()
    quote = await post.lookouts.quote(ADA, lookout.id)

    assert [one.state for one in post.letters.told] == [State.TOLD]
    assert await post.house.store.open_rentals() == []
    assert quote.offer.id == 1


async def test_a_wish_is_not_rented_beyond_the_budget_of_its_owners_role(post: Post) -> None:
    """It counts for the roles of when it was asked for; it says why it waits, and rents later."""
    red = Subject(Scope.ROLE, 7)
    lead = replace(LINUS, lead=True)
    await post.house.budgets.set(lead, red, Usd.of("0.10"))
    lookout = await post.wish(replace(ADA, role_ids=(red.id,)))
    post.market.offers = [an_offer(id=1)]

    await post.scout.pass_once()
    waiting = await post.again(lookout)
    assert waiting.state is State.OPEN
    assert "There is one, but: The budget of a role is $0.10 a month" in waiting.note
    assert await post.house.store.open_rentals() == []
    await post.house.budgets.set(lead, red, Usd.of(50))
    await post.scout.pass_once()

    assert (await post.again(lookout)).state is State.RENTED
    assert await post.house.store.counted(GUILD, red) == [lookout.rental_id]


async def test_a_dearer_offer_is_none(post: Post) -> None:
    """The price is the wish; nothing above it is rented or told."""
    lookout = await post.wish(wish=replace(CHEAP, max_price=Usd.of("0.10")))
    post.market.offers = [an_offer(id=1)]

    await post.scout.pass_once()

    assert (await post.again(lookout)).state is State.OPEN


async def test_a_process_that_dies_between_renting_and_noting_it_rents_once(post: Post) -> None:
    """The rental bears the lookout's id: the next pass finds it, even with no offer left."""
    lookout = await post.wish()
    post.market.offers = [an_offer(id=1)]
    await post.house.desk.fulfil(lookout, post.market.offers[0])  # and here it died
    post.market.offers = []

    await post.scout.pass_once()
    await post.house.passes(1)

    assert (await post.again(lookout)).state is State.RENTED
    assert len(await post.house.store.open_rentals()) == 1


async def test_two_that_wish_the_same_share_a_search_and_get_a_machine_each(post: Post) -> None:
    """Searches are counted by Vast; machines are not shared."""
    first, second = await post.wish(), await post.wish(LINUS)
    post.market.offers = [an_offer(id=1), an_offer(id=2, machine_id=2)]

    await post.scout.pass_once()

    rentals = await post.house.store.open_rentals()
    assert {one.id for one in rentals} == {first.id, second.id}
    assert {one.offer.id for one in rentals} == {1, 2}


async def test_a_tick_makes_a_few_searches_and_those_that_waited_longest_come_first(
    post: Post,
) -> None:
    """More wishes than searches: the others come with the next tick."""
    wishes = [replace(CHEAP, disk_gb=10 + number) for number in range(SEARCHES + 2)]
    mine = []
    for wish in wishes:
        mine.append(await post.wish(wish=wish))
        post.house.clock.turn(MINUTE)

    await post.scout.pass_once()
    first = post.market.searches
    looked = [(await post.again(one)).looked_at is not None for one in mine]
    post.house.clock.turn(MINUTE)
    await post.scout.pass_once()
    then = [(await post.again(one)).looked_at is not None for one in mine]

    assert first == SEARCHES
    assert looked == [True] * SEARCHES + [False] * 2
    assert all(then)


async def test_a_spent_quota_stops_the_searches_until_it_is_there_again(post: Post) -> None:
    """Vast said for how long."""
    await post.wish()
    post.market.refusal = RateLimited("quota", retry_after=timedelta(hours=2))
    await post.scout.pass_once()
    post.market.refusal = None

    post.house.clock.turn(timedelta(hours=1))
    await post.scout.pass_once()
    early = post.market.searches
    post.house.clock.turn(timedelta(hours=1))
    await post.scout.pass_once()

    assert (early, post.market.searches) == (0, 1)


async def test_a_wish_ends_when_its_time_is_up_and_says_so(post: Post) -> None:
    """A day; a machine that comes later is not rented."""
    lookout = await post.wish()
    post.house.clock.turn(DEFAULT_LIFE)
    post.market.offers = [an_offer(id=1)]

    await post.scout.pass_once()
    await post.scout.deliver()

    assert (await post.again(lookout)).state is State.EXPIRED
    assert [one.state for one in post.letters.told] == [State.EXPIRED]
    assert await post.house.store.open_rentals() == []


async def test_a_limit_holds_for_what_is_rented_by_itself(store: Store, clock: SetClock) -> None:
    """It waits, and says what is in the way."""
    house = House(
        store=store,
        market=Searched(offers=[an_offer(id=1), an_offer(id=2, machine_id=2)]),
        clock=clock,
        limits=Limits(member_machines=1),
    )
    quote = await house.desk.quote(ADA, PLACE, CHEAP)
    await house.desk.rent(ADA, quote.id)
    lookouts = Lookouts(store=store, desk=house.desk, offers=house.offers, clock=clock)
    letters = Letters()
    scout = Scout(store=store, desk=house.desk, offers=house.offers, tidings=letters, clock=clock)
    draft = await lookouts.draft(ADA, PLACE, CHEAP)
    await lookouts.open(ADA, draft.id, rents=True)

    await scout.pass_once()

    (waiting,) = await lookouts.of(ADA)
    assert "You may have 1 machine at a time" in waiting.note
    assert len(await store.open_rentals()) == 1


async def test_a_letter_that_does_not_arrive_is_sent_again(post: Post) -> None:
    """With growing pauses, until it has."""
    await post.wish(rents=False)
    post.market.offers = [an_offer(id=1)]
    await post.scout.pass_once()
    post.letters.down = True

    await post.scout.deliver()
    post.letters.down = False
    at_once = await post.scout.deliver()
    post.house.clock.turn(MINUTE)
    later = await post.scout.deliver()

    assert (at_once, later) == (0, 1)
    assert post.letters.told[0].tries == 1


async def test_only_its_owner_or_a_lead_takes_a_wish_back(post: Post) -> None:
    """Taken back it is not looked for; a second press changes nothing."""
    lookout = await post.wish()

    with pytest.raises(NotYours):
        await post.lookouts.cancel(LINUS, lookout.id)
    await post.lookouts.cancel(ADA, lookout.id)
    again = await post.lookouts.cancel(ADA, lookout.id)
    post.market.offers = [an_offer(id=1)]
    await post.scout.pass_once()

    assert again.state is State.CANCELLED
    assert await post.house.store.open_rentals() == []


async def test_taken_back_while_it_is_being_rented_it_is_ended(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The press comes between the search and the note; no machine is rented for it."""
    lookout = await post.wish()
    post.market.offers = [an_offer(id=1)]
    fulfil = post.house.desk.fulfil

    async def meanwhile(one: Lookout, offer: Offer | None) -> object:
        await post.lookouts.cancel(ADA, one.id)
        return await fulfil(one, offer)

    monkeypatch.setattr(post.house.desk, "fulfil", meanwhile)
    await post.scout.pass_once()
    await post.house.passes(3)

    assert (await post.again(lookout)).state is State.CANCELLED
    assert post.market.orders == []
    assert await post.house.store.open_rentals() == []


async def test_renting_unasked_takes_a_price(post: Post) -> None:
    """Without a highest price only telling is possible."""
    draft = await post.lookouts.draft(ADA, PLACE, Wish(gpu="RTX A5000"))

    with pytest.raises(BadInput):
        await post.lookouts.open(ADA, draft.id, rents=True)
    opened = await post.lookouts.open(ADA, draft.id, rents=False)

    assert opened.state is State.OPEN


async def test_old_buttons_and_too_many_wishes_are_refused(post: Post) -> None:
    """Half an hour for the buttons; ten wishes for a person."""
    old = await post.lookouts.draft(ADA, PLACE, CHEAP)
    post.house.clock.turn(timedelta(hours=1))
    for _ in range(MOST_OPEN):
        await post.wish()
    draft = await post.lookouts.draft(ADA, PLACE, CHEAP)

    with pytest.raises(QuoteExpired):
        await post.lookouts.open(ADA, old.id, rents=True)
    with pytest.raises(Limit):
        await post.lookouts.open(ADA, draft.id, rents=True)


async def test_a_lookout_is_stored_whole_and_guarded(post: Post) -> None:
    """Every field comes back; who comes second is told so."""
    lookout = await post.wish()
    full = replace(
        lookout,
        name="lesson",
        hours=3,
        restore_id="a1",
        looked_at=lookout.made_at,
        offer=an_offer(),
        note="There is one, but: no credit.",
        ended_at=lookout.made_at,
        tell_at=lookout.made_at,
        tries=2,
    )

    written = await post.house.store.keep_lookout(full)
    with pytest.raises(Stale):
        await post.house.store.keep_lookout(full)

    assert await post.again(lookout) == written == replace(full, version=full.version + 1)


async def test_a_wish_to_restore_opens_at_the_earlier_address(post: Post) -> None:
    """As if its owner had pressed Rent: address, name and forecast are those of the archive."""
    post.market.offers = [an_offer(id=1)]
    earlier = await ready_rental(post.house)
    await post.house.desk.end(ADA, earlier.id)
    await post.house.passes(6)
    (archive,) = post.house.shelf.proofs
    post.market.offers = []
    draft = await post.lookouts.draft(ADA, PLACE, CHEAP, restore=archive.id)
    lookout = await post.lookouts.open(ADA, draft.id, rents=True)
    post.market.offers = [an_offer(id=2)]

    await post.scout.pass_once()

    rental = await post.house.store.rental(lookout.rental_id)
    assert rental is not None
    assert (rental.address, rental.restore_id) == (earlier.id, archive.id)
    assert rental.forecast is not None


async def test_a_wish_to_restore_what_was_deleted_rents_nothing(post: Post) -> None:
    """It says what is in the way; a machine would only be paid to be given back."""
    draft = await post.lookouts.draft(ADA, PLACE, CHEAP, restore="gone-1")
    lookout = await post.lookouts.open(ADA, draft.id, rents=True)
    post.market.offers = [an_offer(id=1)]

    await post.scout.pass_once()

    assert (await post.again(lookout)).note == "There is one, but: There is no such archive."
    assert await post.house.store.open_rentals() == []


async def test_a_letter_that_hangs_holds_up_no_other(post: Post) -> None:
    """The others arrive while it waits."""
    first, second = await post.wish(rents=False), await post.wish(LINUS, rents=False)
    post.market.offers = [an_offer(id=1)]
    await post.scout.pass_once()
    arrived, let = asyncio.Event(), asyncio.Event()

    async def tell(lookout: Lookout) -> None:
        if lookout.id == first.id:
            await let.wait()
        else:
            arrived.set()

    post.letters.tell = tell  # type: ignore[method-assign]

    delivering = asyncio.ensure_future(post.scout.deliver())
    await asyncio.wait_for(arrived.wait(), 10)
    let.set()

    assert await delivering == 2
    assert (await post.again(second)).tell_at is None
