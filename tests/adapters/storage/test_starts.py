"""Earlier starts, read from the rows and events that the reconciler has written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.images import DEFAULT, Image
from bot.domain.paces import Start
from bot.domain.rentals import Rental, State
from bot.ports.books import Store
from tests.builders import NOW, SetClock, a_quote, a_rental, an_offer

S = timedelta(seconds=1)
SINCE = NOW - timedelta(days=90)


async def started(store: Store, clock: SetClock, *, image: Image = DEFAULT, **facts: Any) -> Rental:
    """A rental that came up in 100 s and was let into after 70."""
    quote = a_quote(image=image)
    await store.add_quote(quote)
    rental = await store.begin(a_rental(quote), quote_id=quote.id)
    begun_at = clock.now()
    rental = replace(rental, created_at=begun_at, machine_id=7, **facts)
    clock.turn(70 * S)
    rental = await store.apply(
        replace(rental, state=State.BOOTING, running_at=begun_at + 60 * S),
        event="connect: connected",
    )
    clock.turn(10 * S)
    await store.apply(rental, event="connect: connected")  # again, after SSH broke
    rental = replace(rental, version=rental.version + 1)
    clock.turn(20 * S)
    return await store.apply(
        replace(rental, state=State.READY, ready_at=clock.now()), event="serve: done"
    )


async def test_a_start_is_read_with_its_first_connection(store: Store, clock: SetClock) -> None:
    """The first one of this machine: SSH may break and come back before Jupyter runs."""
    rental = await started(store, clock)

    assert await store.starts(DEFAULT.reference, since=SINCE, limit=9) == [
        Start(
            gpu_name="RTX A5000",
            machine_id=7,
            created_at=NOW,
            running_at=NOW + 60 * S,
            connected_at=NOW + 70 * S,
            ready_at=NOW + 100 * S,
        )
    ]
    assert await store.connected_at(rental.id, NOW) == NOW + 70 * S


async def test_the_connection_to_a_machine_tried_before_is_not_this_ones(
    store: Store, clock: SetClock
) -> None:
    """A rental may have had another machine first."""
    rental = await started(store, clock)

    assert await store.connected_at(rental.id, NOW + 90 * S) is None


async def test_only_starts_of_that_image_that_tell_something_are_read(
    store: Store, clock: SetClock
) -> None:
    """No other image, however alike its name; no move, nothing taken in, nothing too old."""
    strange = replace(DEFAULT, reference="a_b%c")
    await started(store, clock, image=strange)
    await started(store, clock, image=replace(DEFAULT, reference="axbyc"))
    await started(store, clock, moves_from="other")
    await started(store, clock, adopted_at=NOW)
    recent = clock.now()
    await started(store, clock)
    await started(store, clock)

    assert len(await store.starts("a_b%c", since=SINCE, limit=9)) == 1
    assert len(await store.starts(DEFAULT.reference, since=SINCE, limit=9)) == 2
    assert len(await store.starts(DEFAULT.reference, since=SINCE, limit=1)) == 1
    assert recent > NOW
    assert await store.starts(DEFAULT.reference, since=NOW + timedelta(days=1), limit=9) == []


async def test_a_machine_that_never_came_up_teaches_nothing(store: Store) -> None:
    """Only starts that went well."""
    quote = a_quote(offer=an_offer(gpu_name="H100"))
    await store.add_quote(quote)
    rental = await store.begin(a_rental(quote), quote_id=quote.id)
    await store.apply(replace(rental, created_at=NOW, state=State.BOOTING), event="create: rented")

    assert await store.starts(DEFAULT.reference, since=SINCE, limit=9) == []
    assert await store.connected_at(rental.id, NOW) is None
