"""What a card is told of a start's pace, from the books."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.paces import Like, Pace
from bot.domain.rentals import ContractId, State
from bot.ports.books import Store
from bot.services.paces import KEEP, Paces
from tests.adapters.storage.test_starts import started
from tests.builders import SetClock, a_quote, an_offer, begun

S = timedelta(seconds=1)


async def test_a_new_installation_has_no_experience(store: Store, clock: SetClock) -> None:
    """The card says nothing of usual times then."""
    rental = await begun(store)

    assert await Paces(store=store, clock=clock).of(rental) == Pace(None, None)


async def test_a_team_learns_from_its_own_starts(store: Store, clock: SetClock) -> None:
    """Within a minute, as the starts are remembered for so long."""
    paces = Paces(store=store, clock=clock)
    quote = a_quote(offer=an_offer(machine_id=7))
    assert await paces.usual(quote) is None
    await started(store, clock)
    await started(store, clock)
    clock.turn(KEEP)

    found = await paces.usual(quote)

    assert found is not None
    assert (found.like, found.count, found.whole) == (Like.MACHINE, 2, 100 * S)


async def test_the_pace_of_a_start_knows_since_when_we_are_connected(
    store: Store, clock: SetClock
) -> None:
    """From the event that the reconciler wrote."""
    rental = await begun(store)
    made_at = clock.now()
    rental = replace(
        rental, state=State.BOOTING, contract=ContractId(5), created_at=made_at, machine_id=7
    )
    clock.turn(30 * S)
    rental = await store.apply(rental, event="connect: connected")

    pace = await Paces(store=store, clock=clock).of(rental)

    assert pace == Pace(made_at + 30 * S, None)


async def test_a_machine_that_is_up_has_no_pace(store: Store, clock: SetClock) -> None:
    """Its start is over."""
    assert await Paces(store=store, clock=clock).of(await started(store, clock)) is None
