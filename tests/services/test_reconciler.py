"""The reconciler over both databases: what a person's wish becomes, whatever goes wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.access import Actor
from bot.domain.archives import Excluded, Failure, LeftOut, Report
from bot.domain.archives import Trouble as ArchiveTrouble
from bot.domain.letters import Kind
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import Phase, Reason, Rental, State, Status
from bot.errors import (
    BadInput,
    Denied,
    DiskFull,
    Down,
    LowCredit,
    MayHaveRented,
    NoOffer,
    NotYours,
    OfferGone,
    QuoteExpired,
    RateLimited,
    Unreachable,
)
from bot.ports.books import Store
from bot.services.desk import Place
from tests.builders import CHANNEL, GUILD, OWNER, SetClock, an_instance, an_offer, some_rates
from tests.services.worlds import DictMarket, House

ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")
LINUS = Actor(id=OWNER + 1, guild_id=GUILD, name="linus")
GRACE = Actor(id=OWNER + 2, guild_id=GUILD, name="grace", lead=True)
PLACE = Place(GUILD, CHANNEL)
SECONDS = timedelta(seconds=3)


@pytest.fixture
def house(store: Store, clock: SetClock) -> House:
    return House(
        store=store, market=DictMarket(offers=[an_offer(id=1), an_offer(id=2)]), clock=clock
    )


async def _asked(house: House, wish: Wish | None = None) -> Rental:
    quote = await house.desk.quote(ADA, PLACE, wish or Wish())
    return await house.desk.rent(ADA, quote.id)


async def _row(house: House, rental: Rental) -> Rental:
    row = await house.store.rental(rental.id)
    assert row is not None
    return row


async def _ready(house: House) -> Rental:
    rental = await _asked(house)
    await house.passes(2)
    return await _row(house, rental)


async def test_a_wish_becomes_a_ready_notebook(house: House) -> None:
    """Requested, rented once, our key on the account before, connected, served."""
    rental = await _asked(house)

    await house.passes(2)

    row = await _row(house, rental)
    assert row.state is State.READY
    assert row.phase is Phase.REACHABLE
    assert row.host_key == "ssh-ed25519 AAAA"
    assert [order.label for order in house.market.orders] == [f"bellhop/{rental.id}"]
    assert house.market.keys == ["ssh-ed25519 OURS"]
    assert house.routes.get(rental.id) is not None


async def test_a_double_click_on_rent_is_one_rental(house: House) -> None:
    """The quote's id is the rental's; the second press gets the first one's rental."""
    quote = await house.desk.quote(ADA, PLACE, Wish())

    first = await house.desk.rent(ADA, quote.id)
    second = await house.desk.rent(ADA, quote.id)
    await house.passes(2)

    assert first.id == second.id
    assert len(house.market.orders) == 1


async def test_an_order_that_would_leave_late_is_not_sent(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long a lost one is waited for counts from its trace on: it must leave soon after that."""

    async def slow(public_key: str) -> bool:
        house.clock.turn(timedelta(seconds=60))
        return True

    monkeypatch.setattr(house.market, "register_key", slow)
    rental = await _asked(house)

    await house.passes(1)
    late, sent = await _row(house, rental), len(house.market.orders)
    house.clock.turn(timedelta(seconds=10))
    await house.passes(2)

    assert (late.state, late.sent_at, sent) == (State.CREATING, None, 0)
    assert (await _row(house, rental)).state is State.READY
    assert len(house.market.orders) == 1


async def test_destroy_ends_with_the_machine_seen_gone_and_the_books_closed(house: House) -> None:
    """Released, destroyed, absent from the list and twice by number, then closed and booked."""
    rental = await _ready(house)
    house.clock.turn(timedelta(hours=2))

    await house.desk.end(ADA, rental.id, discard=True)
    await house.passes(4)

    row = await _row(house, rental)
    assert row.state is State.CLOSED
    assert row.reason is Reason.RELEASED
    assert row.waived_by == ADA.id
    assert house.market.alive == {}
    booked = (await house.store.totals([rental.id]))[rental.id]
    assert Usd.sum(booked.values()) > Usd.of("0.59")
    assert house.routes.get(rental.id) is None


async def test_an_offer_that_is_gone_is_replaced_within_the_quoted_price(house: House) -> None:
    """The next best of the same model at the agreed price, not one cent above."""
    house.market.rent_errors = [OfferGone()]

    rental = await _asked(house)
    await house.passes(3)

    row = await _row(house, rental)
    assert row.state is State.READY
    assert [order.offer_id for order in house.market.orders] == [1, 2]
    assert row.tried == (1,)


async def test_a_lost_answer_is_found_by_its_label_and_not_rented_twice(house: House) -> None:
    """In doubt: the machine shows by its label and is adopted."""
    house.market.rent_errors = [MayHaveRented("cut")]
    house.market.rents_though_it_fails = True

    rental = await _asked(house)
    await house.passes(3)

    row = await _row(house, rental)
    assert row.state is State.READY
    assert len(house.market.orders) == 1


async def test_a_request_that_never_arrived_is_repeated_only_after_the_list_lag(
    house: House,
) -> None:
    """In doubt and nothing shows: the same offer again, not before 120 s have passed."""
    house.market.rent_errors = [MayHaveRented("cut")]

    rental = await _asked(house)
    await house.passes(20)
    early = len(house.market.orders)
    await house.passes(10)

    assert early == 1
    assert [order.offer_id for order in house.market.orders] == [1, 1]
    assert (await _row(house, rental)).state is State.READY


@pytest.mark.parametrize("error", [LowCredit(), Denied()])
async def test_a_definite_no_ends_the_rental_with_its_reason(
    house: House, error: LowCredit | Denied
) -> None:
    """No other offer would change it; the card says what Vast said, and nothing is alive."""
    house.market.rent_errors = [error]

    rental = await _asked(house)
    await house.passes(3)

    row = await _row(house, rental)
    assert row.state is State.CLOSED
    assert row.reason is Reason.REFUSED
    assert row.detail == f"{error.public} {error.hint}"


@pytest.mark.parametrize("error", [RateLimited(), Down()])
async def test_a_call_that_was_never_sent_is_tried_again(
    house: House, error: RateLimited | Down
) -> None:
    """Not a doubt: the same offer a little later."""
    house.market.rent_errors = [error]

    rental = await _asked(house)
    await house.passes(4)

    assert (await _row(house, rental)).state is State.READY
    assert len(house.market.orders) == 2


async def test_a_process_that_dies_while_renting_adopts_its_machine(house: House) -> None:
    """The try was on the row; the machine is found by its label after the restart."""
    house.market.rent_errors = [MayHaveRented("died")]
    house.market.rents_though_it_fails = True
    rental = await _asked(house)
    await house.passes(1)

    house.start()
    await house.passes(3)

    assert (await _row(house, rental)).state is State.READY
    assert len(house.market.orders) == 1


async def test_a_restart_finds_its_notebooks_again(house: House) -> None:
    """After a restart the connection and the route are made anew, without a new machine."""
    rental = await _ready(house)

    house.start()
    await house.passes(2)

    assert house.routes.get(rental.id) is not None
    assert len(house.market.orders) == 1


async def test_a_machine_that_never_lets_ssh_in_is_given_back(house: House) -> None:
    """A clear end within the limit, and nothing left alive."""
    house.wires.refused = True

    rental = await _asked(house)
    await house.passes(100)

    row = await _row(house, rental)
    assert row.state is State.CLOSED
    assert row.reason is Reason.NO_SSH
    assert house.market.alive == {}


async def test_a_machine_that_never_stops_loading_is_given_back(house: House) -> None:
    """Twenty minutes, then destroyed."""
    house.market.status = Status.STARTING

    rental = await _asked(house)
    await house.passes(30, apart=timedelta(minutes=1))

    row = await _row(house, rental)
    assert (row.state, row.reason) == (State.CLOSED, Reason.TOO_SLOW)
    assert house.market.alive == {}


async def test_a_contract_dearer_than_the_quote_is_given_back(house: House) -> None:
    """The price of the contract is held against the agreed one before anybody uses it."""
    house.market.status = Status.STARTING
    rental = await _asked(house)
    await house.passes(1)
    contract = next(iter(house.market.alive))
    house.market.alive[contract] = an_instance(
        contract=contract,
        label=f"bellhop/{rental.id}",
        status=Status.STARTING,
        rates=some_rates(gpu_per_hour=Usd.of("0.9")),
    )

    await house.passes(5)

    assert (await _row(house, rental)).reason is Reason.PRICE_ROSE
    assert house.market.alive == {}


async def test_a_failed_list_is_not_an_empty_one(house: House) -> None:
    """For an hour Vast cannot be listed; the machine is neither lost nor destroyed."""
    rental = await _ready(house)
    house.market.unlisted = True

    await house.passes(60, apart=timedelta(minutes=1))

    assert (await _row(house, rental)).state is State.READY
    assert house.market.destroyed == []


async def test_an_unknown_state_concludes_nothing(house: House) -> None:
    """A ready machine whose state we do not know stays what it is."""
    rental = await _ready(house)
    house.market.turn(Status.UNCLEAR)

    await house.passes(20, apart=timedelta(minutes=1))

    assert (await _row(house, rental)).state is State.READY


async def test_a_second_machine_with_our_label_is_removed(house: House) -> None:
    """Two bear the label: the recorded one stays."""
    rental = await _ready(house)
    stray = an_instance(contract=9999, label=f"bellhop/{rental.id}")
    house.market.alive[stray.contract] = stray

    await house.passes(2)

    assert house.market.destroyed == [9999]
    assert (await _row(house, rental)).contract in house.market.alive


async def test_machines_of_others_are_never_touched(house: House) -> None:
    """Another label on the same account is not ours."""
    other = an_instance(contract=7777, label="someone/else")
    house.market.alive[other.contract] = other
    rental = await _ready(house)

    await house.desk.end(ADA, rental.id, discard=True)
    await house.passes(4)

    assert list(house.market.alive) == [7777]


async def test_a_rental_cancelled_before_it_was_rented_rents_nothing(house: House) -> None:
    """Destroy pressed before the first pass: no call is made."""
    rental = await _asked(house)

    await house.desk.end(ADA, rental.id, discard=True)
    await house.passes(2)

    assert (await _row(house, rental)).reason is Reason.CANCELLED
    assert house.market.orders == []


async def test_a_team_key_is_attached_to_each_machine(house: House) -> None:
    """Where the account takes no key of ours, the instance gets it."""
    house.market.team_key = True

    rental = await _ready(house)

    assert house.market.attached == [rental.contract]


@pytest.mark.parametrize("fault", [Down("cut"), RateLimited("slow", retry_after=SECONDS)])
async def test_a_key_that_could_not_be_attached_is_attached_later(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """With a team key nothing else lets us in: one bad answer of Vast's costs no machine."""
    house.market.team_key = True
    attach, connect = house.market.attach_key, house.wires.connect
    faults = [fault]

    async def troubled(*about: Any) -> None:
        if faults:
            raise faults.pop()
        await attach(*about)

    async def locked(*where: Any, **how: Any) -> str:
        if not house.market.attached:
            raise Unreachable("Permission denied")
        return await connect(*where, **how)

    monkeypatch.setattr(house.market, "attach_key", troubled)
    monkeypatch.setattr(house.wires, "connect", locked)
    rental = await _asked(house)

    await house.passes(6)

    assert (await _row(house, rental)).state is State.READY
    assert len(house.market.attached) == 1


async def test_only_the_owner_or_a_lead_may_end_a_machine(house: House) -> None:
    """Checked by the desk, whatever the door showed."""
    rental = await _ready(house)

    with pytest.raises(NotYours):
        await house.desk.end(LINUS, rental.id)
    await house.desk.end(GRACE, rental.id, discard=True)

    assert (await _row(house, rental)).ended_by == GRACE.id


async def test_rent_pressed_again_much_later_is_still_the_same_rental(house: House) -> None:
    """Where the first press got no answer, “this price has expired” would have somebody rent a
    second machine."""
    quote = await house.desk.quote(ADA, PLACE, Wish())
    first = await house.desk.rent(ADA, quote.id)
    house.clock.turn(timedelta(hours=1))
    house.market.credit = Usd()

    again = await house.desk.rent(ADA, quote.id)

    assert again.id == first.id


async def test_a_quote_is_good_for_ten_minutes_and_for_its_owner(house: House) -> None:
    """Prices change; an old button rents nothing, and neither does somebody else's."""
    quote = await house.desk.quote(ADA, PLACE, Wish())

    with pytest.raises(NotYours):
        await house.desk.rent(LINUS, quote.id)
    house.clock.turn(timedelta(minutes=11))
    with pytest.raises(QuoteExpired):
        await house.desk.rent(ADA, quote.id)


async def test_renting_beyond_the_credit_is_refused_with_both_sums(house: House) -> None:
    """Vast would stop everything at zero."""
    house.market.credit = Usd.of("1.00")
    quote = await house.desk.quote(ADA, PLACE, Wish(), hours=24)

    with pytest.raises(LowCredit) as refusal:
        await house.desk.rent(ADA, quote.id)

    assert "$1.00" in refusal.value.public
    assert "24 hours" in refusal.value.public


async def test_an_unknown_gpu_brings_near_ones_and_an_impossible_wish_its_limit(
    house: House,
) -> None:
    """What was meant, or what to loosen."""
    with pytest.raises(BadInput) as unknown:
        await house.desk.quote(ADA, PLACE, Wish(gpu="RTX A500"))
    with pytest.raises(NoOffer) as nothing:
        await house.desk.quote(ADA, PLACE, Wish(min_vram_gb=80))

    assert "RTX A5000" in unknown.value.hint
    assert "at least 80 GB of VRAM" in nothing.value.hint


async def _wish(house: House, rental: Rental, **wish: object) -> None:
    await house.store.apply(replace(await _row(house, rental), **wish), event="wished by a test")


async def test_an_end_waits_for_a_proven_archive(house: House) -> None:
    """Archived, proven, and only then destroyed; the row says by which archive."""
    rental = await _ready(house)

    await _wish(house, rental, released_at=house.clock.now(), ended_by=ADA.id)
    await house.passes(6)

    row = await _row(house, rental)
    assert house.shelf.ran_for == [rental.id]
    assert (row.state, row.reason, row.archive_id) == (
        State.CLOSED,
        Reason.RELEASED,
        f"{rental.id}-1",
    )
    assert house.market.alive == {}


@pytest.mark.parametrize("trouble", [ArchiveTrouble.IN_USE, ArchiveTrouble.NO_TOOLS])
async def test_without_a_proof_the_machine_stays(house: House, trouble: ArchiveTrouble) -> None:
    """Back to ready, the owner is told why, nothing is destroyed; the wish stands."""
    rental = await _ready(house)
    house.shelf.failures = [Failure(trouble=trouble, words="Files kept changing.")]

    await _wish(house, rental, released_at=house.clock.now(), ended_by=ADA.id)
    await house.passes(6)

    row = await _row(house, rental)
    assert (row.state, row.ended_by, row.save_fails) == (State.READY, ADA.id, 1)
    assert row.released_at is not None
    assert row.save_next_at is not None
    assert "Files kept changing." in row.note
    assert house.market.destroyed == []
    told = await house.store.letters_of(rental.id)
    assert [one.kind for one in told] == [Kind.SAVE_FAILED]


async def test_what_could_not_be_read_keeps_the_machine(house: House) -> None:
    """An archive that lacks work is no reason to destroy; its owner reads what it is."""
    rental = await _ready(house)
    house.shelf.loses_work = True
    left = LeftOut(path=b"model.pt", reason="it cannot be read", lost=True)
    house.shelf.report = Report(unarchivable=(left,))

    await _wish(house, rental, released_at=house.clock.now(), ended_by=ADA.id)
    await house.passes(6)

    row = await _row(house, rental)
    assert row.state is State.READY
    assert "model.pt" in row.note
    assert house.market.destroyed == []


async def test_what_the_rules_left_out_is_said(house: House) -> None:
    """With sizes, on the card and in the last message."""
    rental = await _ready(house)
    venv = Excluded(path=b"venv/lib", rule="Python environment", bytes=4 * 10**9, entries=9)
    house.shelf.report = Report(excluded=(venv,))

    await _wish(house, rental, released_at=house.clock.now(), ended_by=ADA.id)
    await house.passes(6)

    row = await _row(house, rental)
    assert row.state is State.CLOSED
    assert row.note == "Left out: venv/lib (Python environment, 4.0 GB)."


async def test_a_save_that_breaks_off_is_begun_again(house: House) -> None:
    """The connection broke twice; the third time it is proven."""
    rental = await _ready(house)
    broke = Failure(trouble=ArchiveTrouble.MACHINE, words="The machine cannot be reached.")
    house.shelf.failures = [broke, broke]

    await _wish(house, rental, released_at=house.clock.now(), ended_by=ADA.id)
    await house.passes(12, apart=timedelta(seconds=20))

    assert (await _row(house, rental)).state is State.CLOSED


async def test_a_store_that_stays_away_is_told_after_some_tries(house: House) -> None:
    """Not for ever in silence: back to ready with the reason."""
    rental = await _ready(house)
    away = Failure(trouble=ArchiveTrouble.PLACE, words="The archive store cannot be used.")
    house.shelf.failures = [away] * 10

    await _wish(house, rental, released_at=house.clock.now(), ended_by=ADA.id)
    await house.passes(12, apart=timedelta(seconds=40))

    row = await _row(house, rental)
    assert row.state is State.READY
    assert "archive store" in row.note


async def test_an_idle_machine_is_looked_at_once_more_before_its_end(house: House) -> None:
    """Nobody asked for it: any sign of life after the archive keeps it."""
    rental = await _ready(house)
    house.verdicts.alive = True

    await _wish(house, rental, released_at=house.clock.now(), reason=Reason.IDLE)
    await house.passes(6)

    row = await _row(house, rental)
    assert (row.state, row.released_at, row.reason) == (State.READY, None, None)
    assert row.archive_id is not None
    assert house.market.destroyed == []


async def test_an_idle_machine_is_archived_and_ended(house: House) -> None:
    """Nothing on it, no answer: archived, proven, looked at, destroyed."""
    rental = await _ready(house)

    await _wish(house, rental, released_at=house.clock.now(), reason=Reason.IDLE)
    await house.passes(6)

    row = await _row(house, rental)
    assert (row.state, row.reason) == (State.CLOSED, Reason.IDLE)
    assert house.market.alive == {}


async def test_an_end_that_is_asked_for_after_an_idle_one_is_archived_anew(house: House) -> None:
    """The proof for nobody's asking is from before: somebody may have come back meanwhile."""
    rental = await _ready(house)
    idle_at = house.clock.now()
    archived = replace(
        await _row(house, rental),
        state=State.ARCHIVING,
        released_at=idle_at,
        reason=Reason.IDLE,
        archive_id="idle-1",
        proven_at=idle_at + timedelta(minutes=1),
        phase_at=idle_at + timedelta(minutes=1),
    )
    await house.store.apply(archived, event="archived; the last look is in trouble")
    house.clock.turn(timedelta(minutes=3))

    await house.desk.end(ADA, rental.id)
    await house.passes(6)

    row = await _row(house, rental)
    assert (row.state, row.reason) == (State.CLOSED, Reason.RELEASED)
    assert house.shelf.ran_for == [rental.id]
    assert row.proven_at is not None
    assert row.proven_at >= idle_at + timedelta(minutes=3)


async def test_a_keep_while_it_is_archived_keeps_it(house: House) -> None:
    """The wish is taken back before the proof: the archive stays, and so does the machine."""
    rental = await _ready(house)
    await _wish(house, rental, state=State.ARCHIVING)

    await house.passes(2)

    assert (await _row(house, rental)).state is State.READY
    assert house.shelf.ran_for == []


async def test_a_wish_to_save_keeps_the_machine_running(house: House) -> None:
    """`/save`: proven, and ready again."""
    rental = await _ready(house)

    await _wish(house, rental, save_asked_at=house.clock.now())
    await house.passes(3)

    row = await _row(house, rental)
    assert (row.state, row.save_asked_at, row.archive_id) == (State.READY, None, f"{rental.id}-1")


async def test_a_restart_in_the_middle_of_a_save_goes_on(house: House) -> None:
    """Killed while archiving: saved after the restart, then ended."""
    rental = await _ready(house)
    await _wish(
        house,
        rental,
        state=State.ARCHIVING,
        released_at=house.clock.now(),
        ended_by=ADA.id,
    )

    house.start()
    await house.passes(8)

    assert (await _row(house, rental)).state is State.CLOSED
    assert house.shelf.ran_for == [rental.id]


async def test_an_archive_is_put_back_before_the_notebook_opens(house: House) -> None:
    """Connected, restored, served; in that order."""
    rental = await _asked(house)
    await _wish(house, rental, restore_id="old-1")

    await house.passes(3)

    row = await _row(house, rental)
    assert row.state is State.READY
    assert row.restored_at is not None
    assert house.shelf.restored == ["old-1"]


async def test_a_restore_that_fails_gives_the_machine_back(house: House) -> None:
    """With the reason; the archive is not touched."""
    house.shelf.restore_error = DiskFull()
    rental = await _asked(house)
    await _wish(house, rental, restore_id="old-1")

    await house.passes(8)

    row = await _row(house, rental)
    assert (row.state, row.reason) == (State.CLOSED, Reason.NOT_RESTORED)
    assert "too small" in row.detail
    assert house.market.alive == {}


@pytest.mark.parametrize("ready", [True, False])
async def test_giving_a_machine_up_breaks_off_what_takes_hours(
    house: House, monkeypatch: pytest.MonkeyPatch, *, ready: bool
) -> None:
    """An archive that is not wanted any more, or a restore: the machine goes, and costs no more."""
    began = asyncio.Event()

    async def endless(*_: object, **__: object) -> None:
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(house.shelf, "save", endless)
    monkeypatch.setattr(house.shelf, "restore", endless)
    if ready:
        rental = await _ready(house)
        await house.desk.end(ADA, rental.id)
    else:
        rental = await _asked(house)
        await _wish(house, rental, restore_id="old-1")
    for _ in range(3):
        await house.reconciler.pass_once()
        await asyncio.sleep(0.1)
    await asyncio.wait_for(began.wait(), 30)
    assert house.market.destroyed == []

    await house.desk.end(ADA, rental.id, discard=ready)
    await house.passes(6)

    row = await _row(house, rental)
    assert (row.state, house.market.alive) == (State.CLOSED, {})


async def test_an_end_that_wants_the_archive_leaves_it_running(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only work that was given up is not waited for."""
    began, done = asyncio.Event(), asyncio.Event()
    save = house.shelf.save

    async def slow(rental: Rental, shell: object, **caps: Any) -> object:
        began.set()
        await done.wait()
        return await save(rental, shell, **caps)

    monkeypatch.setattr(house.shelf, "save", slow)
    rental = await _ready(house)
    await house.desk.save(ADA, rental.id)
    await house.reconciler.pass_once()
    await asyncio.wait_for(began.wait(), 30)

    await house.desk.end(ADA, rental.id)
    await house.reconciler.pass_once()
    await asyncio.sleep(0.1)
    assert (await _row(house, rental)).state is State.ARCHIVING
    done.set()
    await house.passes(6)

    assert house.shelf.ran_for == [rental.id] * 2
    assert (await _row(house, rental)).state is State.CLOSED


@pytest.mark.parametrize("ignored", [True, False])
async def test_a_clock_that_is_set_back_leaves_no_machine_running(
    house: House, monkeypatch: pytest.MonkeyPatch, *, ignored: bool
) -> None:
    """What was to be tried again in seconds is not tried again in hours."""
    rental = await _ready(house)
    destroy = house.market.destroy

    async def in_vain(contract: object) -> None:
        if not ignored:
            raise Down("not sent")

    monkeypatch.setattr(house.market, "destroy", in_vain)
    await house.desk.end(ADA, rental.id, discard=True)
    await house.passes(1)
    monkeypatch.setattr(house.market, "destroy", destroy)

    house.clock.turn(-timedelta(hours=3))
    await house.passes(6)

    assert house.market.alive == {}
    assert (await _row(house, rental)).state is State.CLOSED
