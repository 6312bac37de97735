"""The house's own look at a notebook: the same way as a browser's, and nobody's work."""

from __future__ import annotations

import pytest

from bot.domain.rentals import RentalId
from tests.relay.books import RENTAL, SIBLING
from tests.relay.conftest import House
from tests.relay.notebook import TOKEN


async def test_a_page_that_comes_is_no_fault_and_nobodys_work(house: House) -> None:
    """In at the front door with the rental's own name; not counted, and our pass stays with us."""
    assert await house.relay.fault(RENTAL) == ""

    (request, *_) = house.notebook.seen
    assert request.headers["Host"] == house.host()
    assert request.headers["Authorization"] == f"token {TOKEN}"
    assert house.links.own_pass(RENTAL) not in str(request.headers)
    assert house.traffic.carried(RENTAL) == 0
    assert house.traffic.last_human(RENTAL) is None


async def test_a_silent_notebook_is_a_fault_in_words(house: House) -> None:
    """Never raises; what it says may stand on a card."""
    await house.notebook.stop()

    fault = await house.relay.fault(RENTAL)

    assert fault.startswith("The notebook's page is answered with 50")


async def test_without_a_route_the_path_is_broken(house: House) -> None:
    """The relay itself answers then, and that is not the notebook's page."""
    house.routes.drop(RENTAL)

    assert await house.relay.fault(RENTAL) != ""
    assert await house.relay.fault(RENTAL, page=False) != ""


@pytest.mark.parametrize("house", ["https://{rental}.gpu.example.org"], indirect=True)
async def test_behind_tls_the_look_bears_the_public_name(house: House) -> None:
    """What the proxy before us would pass on: the public host, and the cookie of a safe origin."""
    assert await house.relay.fault(RENTAL) == ""
    assert house.notebook.seen[0].headers["Host"] == f"{RENTAL}.gpu.example.org"


async def test_our_pass_is_for_one_rental_and_for_looking_only(house: House) -> None:
    """It opens no other notebook and changes nothing in its own."""
    own = {"Cookie": f"bellhop={house.links.own_pass(RENTAL)}"}
    other = {"Cookie": f"bellhop={house.links.own_pass(SIBLING)}"}

    async with house.ask("/tree", own) as looked:
        assert looked.status == 200
    async with house.ask("/tree", other) as elsewhere:
        assert elsewhere.status != 200
    async with house.ask("/api/contents", own, method="POST") as changed:
        assert changed.status != 200


async def test_a_look_while_the_relay_stops_is_a_fault_in_words(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks round goes on until the end; a stop leaves no trace in the log."""
    looks = house.relay._looks
    headers = looks._headers

    def midway(rental_id: RentalId) -> dict[str, str]:
        """The relay is closed after the look has begun."""
        looks._base = ""
        return headers(rental_id)

    await house.relay.fault(RENTAL)  # so that there is a session
    assert looks._session is not None
    await looks._session.close()
    with pytest.raises(RuntimeError):
        await looks.fault(RENTAL)  # a fault of ours, while nobody stops it
    monkeypatch.setattr(looks, "_headers", midway)

    assert await looks.fault(RENTAL) == "The relay is being stopped."
    await looks.close()
    assert await looks.fault(RENTAL) == "The relay is not listening."
