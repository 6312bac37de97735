"""Another machine answers where the rented one was: nobody is let through to it, and it is said."""

from __future__ import annotations

import pytest

from bot.domain.rentals import State
from bot.errors import HostKeyChanged
from bot.ports.books import Store
from tests.builders import SetClock, an_offer
from tests.services.test_reconciler import _ready, _row
from tests.services.worlds import DictMarket, House, Wires


class Swapped(Wires):
    """From some moment on another host key is shown."""

    swapped = False

    async def connect(self, rental_id, addresses, *, host_key, patience_s) -> str:  # type: ignore[no-untyped-def]
        if self.swapped:
            raise HostKeyChanged("shows ssh-ed25519 BBBB, not ssh-ed25519 AAAA")
        return await super().connect(rental_id, addresses, host_key=host_key, patience_s=patience_s)


@pytest.fixture
def house(store: Store, clock: SetClock) -> House:
    market = DictMarket(offers=[an_offer(id=1), an_offer(id=2)])
    return House(store=store, market=market, clock=clock, wires=Swapped())


async def test_a_changed_host_key_ends_the_way_and_the_card_says_why(house: House) -> None:
    """Never connected to, never destroyed for it: the work may be on the right one."""
    rental = await _ready(house)
    assert isinstance(house.wires, Swapped)
    house.wires.swapped = True
    house.wires.up.clear()

    await house.passes(3)

    row = await _row(house, rental)
    assert row.state is State.READY
    assert row.host_key == "ssh-ed25519 AAAA"
    assert "Another machine answers at this machine's address" in row.detail
    assert "A lead should look at it in the Vast console." in row.detail
    assert house.routes.get(rental.id) is None
    assert house.market.alive
