"""The relay's own count of what it does, and the page of metrics on its bare address."""

from __future__ import annotations

from tests.relay.books import RENTAL
from tests.relay.conftest import House, until


async def test_the_page_is_on_the_bare_address_only(house: House) -> None:
    """Below a notebook's name it does not exist, for whoever is in there."""
    cookie = await house.cookie()

    async with house.ask("/-/metrics", host=f"localhost:{house.port}") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert await answer.read() == b"bellhop_example 1\n"
    async with house.ask("/-/metrics", cookie) as answer:
        assert answer.status == 404
    async with house.ask("/-/metrics", host="elsewhere.example.org") as answer:
        assert answer.status >= 400
        assert b"bellhop_example" not in await answer.read()


async def test_requests_bytes_and_sockets_are_counted(house: House) -> None:
    """By kind and class of status; an open WebSocket is seen while it is open."""
    cookie = await house.cookie()
    async with house.ask("/api/contents/a", cookie) as answer:
        await answer.read()
    async with house.ask("/api/contents/a") as answer:
        assert answer.status >= 400
    async with house.connect("/api/kernels/k/channels?session_id=s", cookie) as socket:
        await until(lambda: house.relay.carried().open_sockets == 1)
        assert house.relay.carried().open_requests == 0
        await socket.close()
    await until(lambda: house.relay.carried().open_sockets == 0)
    await until(lambda: ("socket", "1xx") in house.relay.carried().requests)

    carried = house.relay.carried()

    assert carried.requests["request", "2xx"] == 1
    assert carried.requests["request", "4xx"] == 1
    assert carried.bytes > 0


async def test_a_socket_that_is_cut_was_answered_all_the_same(house: House) -> None:
    """It is counted once, when it ends, as what it was: a handshake that went well."""
    cookie = await house.cookie()
    async with house.connect("/api/kernels/k/channels?session_id=s", cookie):
        await until(lambda: house.relay.carried().open_sockets == 1)
        house.relay.drop(RENTAL)
        await until(lambda: house.relay.carried().open_sockets == 0)
        await until(lambda: house.relay.carried().requests == {("socket", "1xx"): 1})
