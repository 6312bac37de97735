"""Machines that fail before they are ready: given up with the reason, and replaced, over both
databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.access import Actor
from bot.domain.budgets import TEAM
from bot.domain.images import DEFAULT
from bot.domain.ledger import cost
from bot.domain.limits import Limits
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.omens import Sign
from bot.domain.rentals import ContractId, Phase, Reason, Rental, State, Status
from bot.errors import (
    Down,
    Limit,
    LowCredit,
    MayHaveRented,
    NotebookFailed,
    NotYours,
    OfferGone,
    OverBudget,
    QuoteExpired,
    Refused,
    Unreachable,
)
from bot.ports.books import Store
from bot.services.desk import Place
from tests.builders import CHANNEL, GUILD, OWNER, SetClock, an_instance, an_offer, some_rates
from tests.services.worlds import DictMarket, House

ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")
LINUS = Actor(id=OWNER + 1, guild_id=GUILD, name="linus")
LEAD = Actor(id=OWNER + 2, guild_id=GUILD, name="grace", lead=True)
PLACE = Place(GUILD, CHANNEL)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(store: Store, clock: SetClock) -> House:
    offers = [an_offer(id=number, machine_id=100 + number) for number in range(1, 6)]
    return House(store=store, market=DictMarket(offers=offers), clock=clock)


async def _asked(house: House, actor: Actor = ADA) -> Rental:
    quote = await house.desk.quote(actor, PLACE, Wish())
    return await house.desk.rent(actor, quote.id)


async def _row(house: House, rental: Rental) -> Rental:
    row = await house.store.rental(rental.id)
    assert row is not None
    return row


async def test_a_host_that_cannot_start_it_is_replaced(house: House) -> None:
    """Destroyed and seen gone, then the next best within the price; what it cost is kept."""
    house.market.bad_machines = {101}

    rental = await _asked(house)
    await house.passes(8)

    row = await _row(house, rental)
    assert row.state is State.READY
    assert [order.offer_id for order in house.market.orders] == [1, 2]
    assert house.market.destroyed == [9001]
    assert list(house.market.alive) == [9002]
    (tried,) = row.tries
    assert (tried.contract, tried.machine_id, tried.reason) == (9001, 101, Reason.FAILED_START)
    assert tried.storage > Usd(0)
    assert cost(row, house.clock.now()).storage > tried.storage


async def test_the_books_of_each_try_are_its_own_and_add_up(house: House) -> None:
    """Each machine has entries of its own, and all of them make the whole cost."""
    house.market.bad_machines = {101, 102}
    rental = await _asked(house)
    await house.passes(14)
    house.clock.turn(timedelta(hours=3))
    await house.desk.end(ADA, rental.id, discard=True)

    await house.passes(8)

    row = await _row(house, rental)
    booked = Usd.sum((await house.store.totals([rental.id]))[rental.id].values())
    assert row.state is State.CLOSED
    assert len(row.tries) == 2
    # Machines here were all born at one moment: their disks count from then, some seconds early.
    assert abs((booked - cost(row, house.clock.now()).total).micros) < 1_000
    machines = {contract for _, contract in await house.store.totals_by_machine([rental.id])}
    assert machines == {row.contract, *(one.contract for one in row.tries)}
    ends = [one.gone_at for one in row.tries]
    begins = [*(one.created_at for one in row.tries[1:]), row.created_at]
    assert all(gone <= began for gone, began in zip(ends, begins, strict=True) if gone and began)


async def test_a_failed_host_is_remembered_and_ranked_last_until_it_is_forgotten(
    house: House,
) -> None:
    """Machine, host, reason, when; after a week it is as good as any."""
    house.market.bad_machines = {101}
    await _asked(house)
    await house.passes(8)

    (grudge,) = await house.store.grudges(since=house.clock.now() - timedelta(days=1))
    order = [offer.id for offer in await house.offers.find(Wish(), DEFAULT)]
    house.clock.turn(timedelta(days=8))
    later = [offer.id for offer in await house.offers.find(Wish(), DEFAULT)]

    assert (grudge.machine_id, grudge.host_id, grudge.reason) == (101, 91236, Reason.FAILED_START)
    assert order == [2, 3, 4, 5, 1]
    assert later == [1, 2, 3, 4, 5]


async def test_after_so_many_failures_it_ends_with_its_reason(house: House) -> None:
    """Three machines failed: no fourth is paid for."""
    house.market.bad_machines = {101, 102, 103, 104, 105}

    rental = await _asked(house)
    await house.passes(20)

    row = await _row(house, rental)
    assert (row.state, row.reason) == (State.CLOSED, Reason.FAILED_START)
    assert len(house.market.orders) == 3
    assert house.market.alive == {}


async def test_after_so_many_dollars_no_other_is_tried(store: Store, clock: SetClock) -> None:
    """What tries may cost in all is a limit of its own."""
    offers = [an_offer(id=number, machine_id=100 + number) for number in range(1, 4)]
    market = DictMarket(offers=offers, status=Status.STARTING)
    house = House(
        store=store, market=market, clock=clock, limits=Limits(tries_cost=Usd.of("0.005"))
    )

    rental = await _asked(house)
    await house.passes(40, apart=MINUTE)

    assert (await _row(house, rental)).reason is Reason.TOO_SLOW
    assert len(house.market.orders) == 1


async def test_a_host_that_goes_offline_before_it_let_us_in_leaves_nothing_on_the_next(
    house: House,
) -> None:
    """It had loaded its image, so that is not what took too long; and it is not the next one's."""
    house.wires.refused = True
    rental = await _asked(house)
    await house.passes(2)
    house.market.turn(Status.LOST)
    await house.passes(2)
    before = await _row(house, rental)

    house.market.status = Status.UP
    house.wires.refused = False
    await house.passes(30, apart=MINUTE)

    row = await _row(house, rental)
    assert [one.sign for one in before.omens] == [Sign.OFFLINE]
    assert (row.state, row.omens) == (State.READY, ())
    assert [one.reason for one in row.tries] == [Reason.NO_SSH]


async def test_a_machine_that_shuts_us_out_while_its_archive_is_put_back_is_replaced(
    house: House,
) -> None:
    """SSH has its deadline again: else it would be waited for, and paid, for ever."""
    house.shelf.restore_error = Unreachable("cut")
    rental = await _asked(house)
    await house.store.apply(replace(await _row(house, rental), restore_id="old-1"), event="wished")
    await house.passes(2)
    house.wires.up.clear()
    house.wires.refused = True
    await house.passes(2)
    shut_out = await _row(house, rental)

    await house.passes(8, apart=MINUTE)
    house.wires.refused = False
    house.shelf.restore_error = None
    await house.passes(6)

    row = await _row(house, rental)
    assert shut_out.phase is Phase.CONNECTING
    assert [one.reason for one in row.tries] == [Reason.NO_SSH]
    assert (row.state, house.shelf.restored) == (State.READY, ["old-1"])


@pytest.mark.parametrize("status", [Status.LOST, Status.UNCLEAR])
@pytest.mark.parametrize(("looks", "machines"), [(2, 1), (8, 2)])
async def test_one_odd_look_at_a_machine_that_ran_does_not_give_it_up(
    house: House, status: Status, looks: int, machines: int
) -> None:
    """A restore takes longer than the limit of loading; its host is given the minutes of SSH."""
    house.shelf.restore_error = Unreachable("cut")
    rental = await _asked(house)
    await house.store.apply(replace(await _row(house, rental), restore_id="old-1"), event="wished")
    await house.passes(2)
    house.clock.turn(30 * MINUTE)

    house.market.turn(status)
    house.market.alive = {
        key: replace(one, odd=("an unknown state",) if status is Status.UNCLEAR else ())
        for key, one in house.market.alive.items()
    }
    await house.passes(looks, apart=MINUTE)
    house.market.turn(Status.UP)
    house.shelf.restore_error = None
    await house.passes(6)

    assert (await _row(house, rental)).state is State.READY
    assert len(house.market.orders) == machines


async def test_a_missed_deadline_is_explained_by_the_host_log(house: House) -> None:
    """Vast's message and the end of the log, without lines that may hold a secret."""
    house.market.status = Status.STARTING
    house.market.log = ["pulling layer 3", "2026-11-23T08:57:19Z disk quota exceeded", "token=abc"]

    rental = await _asked(house)
    await house.passes(30, apart=MINUTE)

    (tried,) = (await _row(house, rental)).tries
    assert tried.reason is Reason.TOO_SLOW
    assert tried.words.endswith("The host's log ends with: disk quota exceeded.")
    assert "abc" not in tried.words


async def test_a_log_that_does_not_come_holds_nothing_up(house: House) -> None:
    """The words are a help; the end does not wait for them."""
    house.market.bad_machines = {101}
    house.market.log = Down("no log")

    rental = await _asked(house)
    await house.passes(8)

    assert (await _row(house, rental)).state is State.READY


async def test_refused_ssh_says_what_ssh_said(house: House) -> None:
    """The deadline of SSH, from when the machine runs."""
    house.wires.refused = True

    rental = await _asked(house)
    await house.passes(40, apart=MINUTE / 4)

    tried = (await _row(house, rental)).tries[0]
    assert tried.reason is Reason.NO_SSH
    assert "SSH: refused." in tried.words


async def test_a_jupyter_that_does_not_start_says_what_its_script_said(house: House) -> None:
    """The deadline of Jupyter, with the script's own words."""
    house.books.broken = NotebookFailed("Jupyter could not be installed.\nNo space left on device")

    rental = await _asked(house)
    await house.passes(60, apart=MINUTE / 4)

    tried = (await _row(house, rental)).tries[0]
    assert tried.reason is Reason.NO_NOTEBOOK
    assert "No space left on device" in tried.words


async def test_ready_means_that_the_page_came_through_the_relay(house: House) -> None:
    """Jupyter answers on its socket and the page does not come: not ready, and in the end not."""
    house.way.trouble = "The notebook's page is answered with 502."

    rental = await _asked(house)
    await house.passes(3)
    waiting = await _row(house, rental)
    await house.passes(20, apart=MINUTE / 4)

    assert (waiting.state, waiting.phase) == (State.BOOTING, Phase.OPENING)
    assert waiting.detail == house.way.trouble
    tried = (await _row(house, rental)).tries[0]
    assert (tried.reason, house.way.trouble in tried.words) == (Reason.NO_PATH, True)


async def test_an_image_that_is_not_there_is_not_tried_elsewhere(house: House) -> None:
    """No other host would find it, and this one is not to blame."""
    house.market.status = Status.STARTING
    rental = await _asked(house)
    await house.passes(1)
    (contract,) = house.market.alive
    house.market.alive[contract] = an_instance(
        contract=contract,
        label=f"bellhop/{rental.id}",
        machine_id=101,
        status=Status.FAILED,
        message="Error response from daemon: manifest for x/y:z not found: manifest unknown",
    )

    await house.passes(8)

    row = await _row(house, rental)
    assert (row.state, row.reason) == (State.CLOSED, Reason.BAD_IMAGE)
    assert len(house.market.orders) == 1
    assert await house.store.grudges(since=house.clock.now() - timedelta(days=1)) == []


async def test_a_dearer_machine_is_asked_about_and_rented_after_a_yes(house: House) -> None:
    """Above the quoted price nothing is rented before its owner agrees; then at that price."""
    dear = some_rates(gpu_per_hour=Usd.of("0.40"))
    house.market.offers = [an_offer(id=1), an_offer(id=2, machine_id=102, rates=dear)]
    house.market.rent_errors = [OfferGone()]
    rental = await _asked(house)
    await house.passes(3)
    asked = await _row(house, rental)
    orders = len(house.market.orders)

    with pytest.raises(NotYours):
        await house.desk.agree(LEAD, rental.id, 2)
    unchanged = await house.desk.agree(ADA, rental.id, 77)
    await house.desk.agree(ADA, rental.id, 2)
    await house.desk.agree(ADA, rental.id, 2)
    await house.passes(4)

    row = await _row(house, rental)
    assert (asked.state, asked.proposal and asked.proposal.id) == (State.REQUESTED, 2)
    assert unchanged.proposal is not None
    assert orders == 1
    assert row.state is State.READY
    assert row.agreed_per_hour == row.per_hour
    assert [order.offer_id for order in house.market.orders] == [1, 2]


async def test_a_yes_beyond_the_budget_rents_nothing_and_may_be_said_again(house: House) -> None:
    """A dearer machine is paid for like any other: what the rental held so far is free for it."""
    dear = some_rates(gpu_per_hour=Usd.of("0.40"))
    house.market.offers = [an_offer(id=1), an_offer(id=2, machine_id=102, rates=dear)]
    house.market.rent_errors = [OfferGone()]
    rental = await _asked(house)
    await house.passes(3)

    price = (await _row(house, rental)).proposed_per_hour
    assert price is not None
    await house.budgets.set(LEAD, TEAM, Usd(price.micros - 1))

    with pytest.raises(OverBudget) as refused:
        await house.desk.agree(ADA, rental.id, 2)
    await house.passes(3)

    asked = await _row(house, rental)
    assert "The team's budget is $0.42 a month" in refused.value.public
    assert refused.value.over == 1
    assert (asked.state, asked.proposal and asked.proposal.id) == (State.REQUESTED, 2)
    assert len(house.market.orders) == 1
    await house.budgets.set(LEAD, TEAM, price)
    await house.desk.agree(ADA, rental.id, 2)
    await house.passes(4)
    assert (await _row(house, rental)).state is State.READY


async def test_a_yes_that_the_account_cannot_pay_rents_nothing(house: House) -> None:
    """The question stays open, for the moment when there is credit."""
    dear = some_rates(gpu_per_hour=Usd.of("0.40"))
    house.market.offers = [an_offer(id=1), an_offer(id=2, machine_id=102, rates=dear)]
    house.market.rent_errors = [OfferGone()]
    rental = await _asked(house)
    await house.passes(3)
    house.market.credit = Usd.of("0.40")

    with pytest.raises(LowCredit):
        await house.desk.agree(ADA, rental.id, 2)

    assert (await _row(house, rental)).proposal is not None


async def test_a_question_about_the_price_ends_unanswered(house: House) -> None:
    """Half an hour, then it is over; a late yes rents nothing."""
    dear = some_rates(gpu_per_hour=Usd.of("0.40"))
    house.market.offers = [an_offer(id=1), an_offer(id=2, machine_id=102, rates=dear)]
    house.market.rent_errors = [OfferGone()]
    rental = await _asked(house)
    await house.passes(3)
    house.clock.turn(timedelta(minutes=31))

    with pytest.raises(QuoteExpired):
        await house.desk.agree(ADA, rental.id, 2)
    await house.passes(3)

    row = await _row(house, rental)
    assert (row.state, row.reason) == (State.CLOSED, Reason.UNANSWERED)
    assert len(house.market.orders) == 1


async def test_cancelled_while_a_failed_machine_goes_no_other_is_rented(house: House) -> None:
    """The press comes between the failure and the next try."""
    house.market.bad_machines = {101}
    rental = await _asked(house)
    await house.passes(2)
    while not (await _row(house, rental)).replacing:
        await house.passes(1)

    await house.desk.end(ADA, rental.id)
    await house.passes(8)

    row = await _row(house, rental)
    assert (row.state, row.ended_by) == (State.CLOSED, ADA.id)
    assert len(house.market.orders) == 1
    assert house.market.alive == {}


async def test_a_machine_of_an_earlier_try_that_shows_again_is_removed(house: House) -> None:
    """It was never ready; a second one beside the present is nobody's."""
    house.market.bad_machines = {101}
    rental = await _asked(house)
    await house.passes(8)
    house.market.alive[ContractId(9001)] = an_instance(contract=9001, label=f"bellhop/{rental.id}")

    await house.passes(2)

    assert list(house.market.alive) == [9002]
    assert (await _row(house, rental)).state is State.READY


async def test_an_offer_that_vast_declines_for_its_own_reason_is_passed_over(house: House) -> None:
    """A definite no to this offer in words: the next one, and the words are kept."""
    house.market.rent_errors = [Refused(public="Vast.ai did not rent this machine: too small.")]

    rental = await _asked(house)
    await house.passes(4)

    row = await _row(house, rental)
    assert row.state is State.READY
    assert [one.words for one in row.tries] == ["Vast.ai did not rent this machine: too small."]


async def test_an_error_that_names_a_contract_ends_that_contract_and_tries_another(
    house: House,
) -> None:
    """A bid below the floor leaves a stopped machine that bills storage (dstack 4036)."""
    house.market.rent_errors = [MayHaveRented("low bid", contract=9001)]
    house.market.rents_though_it_fails = True

    rental = await _asked(house)
    await house.passes(8)

    row = await _row(house, rental)
    assert house.market.destroyed == [9001]
    assert list(house.market.alive) == [9002]
    assert (row.state, row.tries[0].contract) == (State.READY, 9001)


async def test_a_broken_path_says_since_when_and_ends_with_the_repair(house: House) -> None:
    """While ready: the row knows since when; when it works again that is over."""
    rental = await _asked(house)
    await house.passes(2)
    house.routes.drop(rental.id)
    house.way.trouble = "The notebook's page is answered with 502."

    await house.passes(1)
    broken = await _row(house, rental)
    await house.passes(3)
    still = await _row(house, rental)
    house.way.trouble = ""
    house.clock.turn(MINUTE)
    await house.passes(2)

    assert broken.broken_since is not None
    assert still.broken_since == broken.broken_since
    assert (await _row(house, rental)).broken_since is None


async def test_a_jupyter_that_died_is_started_again_and_the_card_says_what_is_lost(
    house: House,
) -> None:
    """Files stay, kernels do not."""
    rental = await _asked(house)
    await house.passes(2)
    first = (await _row(house, rental)).note
    house.routes.drop(rental.id)
    house.books.dead = True

    await house.passes(2)

    assert first == ""
    assert "its kernels' memory is lost" in (await _row(house, rental)).note
    assert house.routes.get(rental.id) is not None


async def test_replace_quotes_another_machine_and_leaves_the_old_one(house: House) -> None:
    """Its host comes last; the old machine is ended by its owner only."""
    rental = await _asked(house)
    await house.passes(2)
    house.routes.drop(rental.id)
    house.way.trouble = "silent"
    await house.passes(2)

    quote = await house.desk.another(ADA, rental.id)
    with pytest.raises(NotYours):
        await house.desk.another(LINUS, rental.id)

    assert quote.offer.machine_id != 101
    assert quote.restore_id is None
    assert (await _row(house, rental)).state is State.READY
    assert house.market.destroyed == []


async def test_a_person_has_as_many_machines_as_the_policy_allows(house: House) -> None:
    """The next one is refused, naming what runs; others are not held up."""
    await house.store.change_policy({"member_machines": "1"}, by=None)
    first = await _asked(house)
    quote = await house.desk.quote(ADA, PLACE, Wish())

    with pytest.raises(Limit, match="1 of 1") as caught:
        await house.desk.rent(ADA, quote.id)
    other = await _asked(house, LINUS)

    assert first.title in caught.value.public
    assert other.state is State.REQUESTED


async def test_a_team_has_as_many_machines_as_the_policy_allows(house: House) -> None:
    """Counted over everybody; a second press on one's own quote is no second machine."""
    await house.store.change_policy({"team_machines": "1"}, by=None)
    quote = await house.desk.quote(ADA, PLACE, Wish())
    first = await house.desk.rent(ADA, quote.id)

    again = await house.desk.rent(ADA, quote.id)
    with pytest.raises(Limit):
        await _asked(house, LINUS)

    assert again.id == first.id
