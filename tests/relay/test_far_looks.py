"""The house's own look through relays elsewhere: one that leads there is enough."""

from __future__ import annotations

import pytest

from bot.errors import Store
from bot.ports.processes import Process
from bot.relay.far_looks import FarLooks
from bot.relay.hosts import Hosts
from tests.builders import NOW
from tests.relay.books import RENTAL
from tests.relay.conftest import House, free_port


class Roll:
    """Relays at these addresses. `away`: the books cannot be read."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.away = False

    async def there(self, role: str) -> list[Process]:
        assert role == "relay"
        if self.away:
            raise Store("away")
        return [
            Process(id=str(n), role=role, address=one, seen_at=NOW)
            for n, one in enumerate(self.addresses)
        ]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.relay.far_looks.WITHIN_S", 0.1)
    monkeypatch.setattr("bot.relay.far_looks._AGAIN_S", 0.01)


async def fault(house: House, roll: Roll, told: list[str] | None = None) -> str:
    async def ready() -> None:
        (told if told is not None else []).append("ready")

    looks = FarLooks(
        links=house.links,
        hosts=Hosts(relay_url=house.links.address("{rental}"), port=house.port),
        roll=roll,  # type: ignore[arg-type]
        ready=ready,
    )
    try:
        return await looks.fault(RENTAL, page=False)
    finally:
        await looks.close()


async def test_a_path_is_well_when_one_relay_leads_to_it(house: House) -> None:
    """Another may just have been killed; what the relays need is told first."""
    told: list[str] = []
    dead, good = f"127.0.0.1:{free_port()}", f"127.0.0.1:{house.port}"

    assert await fault(house, Roll(dead, good), told) == ""
    assert told == ["ready"]


async def test_a_path_that_no_relay_has_is_a_fault(house: House) -> None:
    """In words for the card."""
    house.routes.drop(RENTAL)

    said = await fault(house, Roll(f"127.0.0.1:{house.port}"))

    assert said == "The notebook's page is answered with 503."


async def test_where_no_relay_can_be_asked_nothing_is_concluded(house: House) -> None:
    """Else every notebook would be started anew because the relays are."""
    away = Roll(f"127.0.0.1:{house.port}")
    away.away = True
    house.routes.drop(RENTAL)

    assert await fault(house, Roll()) == ""
    assert await fault(house, Roll("")) == ""  # on the roll, and being stopped
    assert await fault(house, away) == ""
