"""What a row alone lets one reckon, and which machines of a rental were tries that failed."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.ledger import NO_CONTRACT, Cost, Kind, cost, failed_try
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, State
from tests.domain.facts import NOW, rental

ONE, OTHER = ContractId(1), ContractId(2)


def test_gpu_time_is_free_while_the_image_loads_and_storage_is_not() -> None:
    """Storage counts from creation, the GPU from running (reference vast-api, 4.2)."""
    loading = rental(created_at=NOW)
    running = rental(created_at=NOW, running_at=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)

    assert cost(loading, later).gpu == Usd()
    assert cost(loading, later).storage == Usd.of("0.01388")
    assert cost(running, later).gpu == Usd.of("0.297")
    assert cost(rental(), later).total == Usd()


def test_the_parts_of_a_cost_add_up() -> None:
    """A correction takes back."""
    kinds = {Kind.GPU: Usd(5), Kind.STORAGE: Usd(4), Kind.DOWNLOAD: Usd(3), Kind.UPLOAD: Usd(1)}
    both = Cost.of(kinds | {Kind.ADJUSTMENT: Usd(-2)}) + Cost(Usd(1))

    assert both == Cost(Usd(6), Usd(4), Usd(3), Usd(1), Usd(-2))
    assert both.total == Usd(12)


def test_a_machine_that_was_never_used_is_a_failed_try() -> None:
    """Replaced, or the rental ended before anybody could work; not while it is on its way up."""
    ready = rental(contract=OTHER, ready_at=NOW, state=State.READY)
    never = rental(contract=ONE, state=State.CLOSED)
    coming = rental(contract=ONE, state=State.BOOTING)

    assert failed_try(ready, ONE)
    assert not failed_try(ready, OTHER)
    assert not failed_try(ready, NO_CONTRACT)
    assert failed_try(never, ONE)
    assert not failed_try(coming, ONE)
