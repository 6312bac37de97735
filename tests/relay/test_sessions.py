"""What goes on under a session ends with it, however it ends."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from bot.domain.rentals import Reason, RentalId, State
from bot.errors import Store
from bot.services.routes import Route
from tests.relay.books import OTHER, OWNER, RENTAL, SIBLING, rental
from tests.relay.conftest import PAGE, House, until
from tests.relay.notebook import TOKEN


async def let_in(house: House, member_id: int) -> dict[str, str]:
    """The cookie of a member who came in by whatever way."""
    secret = (await house.ticket()).rpartition("/")[2]
    digest = hashlib.sha256(secret.encode()).hexdigest()
    house.books.tickets[digest] = replace(house.books.tickets[digest], member_id=member_id)
    session = await house.links.spend(RENTAL, secret)
    assert session is not None
    return {"Cookie": f"bellhop={session.value}"}


async def closed(socket: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    """The code and the words with which the relay closes a socket."""
    said = await asyncio.wait_for(socket.receive(), 30)
    return socket.close_code, str(said.extra or "")


@pytest.mark.parametrize(
    "path", ["/ws", "/api/kernels/k/channels?session_id=s", "/terminals/websocket/1"]
)
async def test_a_revoked_session_closes_its_sockets_and_says_why(house: House, path: str) -> None:
    """With a close code, so that a page need not guess what happened."""
    async with house.connect(path, await house.cookie()) as socket:
        await socket.send_str("hello")
        assert (await socket.receive()).data == "hello"

        await house.links.revoke(RENTAL)

        assert await closed(socket) == (1008, "This session has ended")
    await until(lambda: house.relay.busy(RENTAL) == 0)


async def test_at_its_hour_a_session_ends_in_the_middle(house: House) -> None:
    """Sockets and streams that began in time end too; nobody stays in by never asking again."""
    cookie = await house.cookie()
    async with house.connect("/ws", cookie) as socket, house.ask("/events", cookie) as stream:
        await stream.content.readline()
        await house.relay.close_time()
        assert house.relay.busy(RENTAL) == 2

        house.clock.turn(timedelta(hours=12))
        await house.relay.close_time()

        assert await closed(socket) == (1008, "This session has ended")
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(stream.read(), 30)
    await until(house.notebook.gone.is_set)


async def test_what_another_process_revoked_ends_here_too(house: House) -> None:
    """A relay of its own hears of nothing: it looks into the books."""
    async with house.connect("/ws", await house.cookie()) as socket:
        house.books.sessions.clear()

        await house.relay.close_time()

        assert (await closed(socket))[0] == 1008


async def test_books_that_are_away_throw_nobody_out_before_the_hour(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not known is not over; but the hour is known without them."""

    async def away(*_: object) -> None:
        raise Store("no connection")

    async with house.connect("/ws", await house.cookie()) as socket:
        monkeypatch.setattr(house.books, "session", away)

        await house.relay.close_time()
        await socket.send_str("still here")
        assert (await socket.receive()).data == "still here"

        house.clock.turn(timedelta(hours=12))
        await house.relay.close_time()
        assert (await closed(socket))[0] == 1008


async def test_one_member_is_put_out_and_the_other_stays(house: House) -> None:
    """In the middle of what both are doing."""
    owner, guest = await let_in(house, OWNER.id), await let_in(house, OTHER.id)
    async with house.connect("/ws", owner) as stays, house.connect("/ws", guest) as goes:
        await house.links.revoke_member(RENTAL, OTHER.id)

        assert (await closed(goes))[0] == 1008
        await stays.send_str("mine")
        assert (await stays.receive()).data == "mine"
    async with house.ask("/hello", guest) as answer:
        assert answer.status == 403
    async with house.ask("/hello", owner) as answer:
        assert answer.status == 200


async def test_the_machine_knows_a_visitor_by_a_made_up_name_only(house: House) -> None:
    """The same at each visit, another for everybody and on every machine; nobody chooses it."""
    house.routes.set(SIBLING, Route(house.notebook.path, TOKEN))
    owner, again, guest = [await let_in(house, one) for one in (OWNER.id, OWNER.id, OTHER.id)]
    elsewhere = await house.cookie(SIBLING)

    for cookie in (owner, again, guest, {**guest, "X-Bellhop-Visitor": "forged"}):
        async with house.ask("/hello", cookie):
            pass
    async with house.connect("/ws", owner):
        pass
    async with house.ask("/hello", elsewhere, host=house.host(SIBLING)):
        pass

    named = [one.headers.getall("X-Bellhop-Visitor") for one in house.notebook.seen]
    first, second, third, forged, socket, sibling = [name for (name,) in named]
    assert first == second == socket
    assert third == forged
    assert len({first, third, sibling}) == 3


async def test_a_way_that_is_gone_is_no_fault_of_the_session(house: House) -> None:
    """As when the machine is lost: another code, and the cookie goes on being good."""
    cookie = await house.cookie()
    async with house.connect("/ws", cookie) as socket:
        house.routes.drop(RENTAL)

        assert (await closed(socket))[0] == 1001
    async with house.ask("/lab", {**PAGE, **cookie}) as answer:
        assert answer.status == 503


async def test_a_browser_that_does_not_read_is_put_out_all_the_same(house: House) -> None:
    """It need not take the goodbye."""
    cookie = await house.cookie()
    async with house.connect("/deaf?send=1", cookie):
        await until(lambda: house.notebook.carried > 0)

        await house.links.revoke(RENTAL)

        await until(lambda: house.relay.busy(RENTAL) == 0, within_s=30)


async def test_the_owners_open_tab_learns_the_archives_name_and_nobody_else(house: House) -> None:
    """By the cookie of a session that is over: it opens nothing, but tells who asks."""
    owner, guest = await let_in(house, OWNER.id), await let_in(house, OTHER.id)
    house.books.rentals[RENTAL] = rental(
        state=State.CLOSED, reason=Reason.IDLE, archive_id="qrstvwxz"
    )
    await house.links.revoke(RENTAL)
    house.routes.drop(RENTAL)

    async def page(cookie: dict[str, str]) -> str:
        async with house.ask("/lab", {**PAGE, **cookie}) as answer:
            assert answer.status == 410
            return await answer.text()

    assert "qrstvwxz" in await page(owner)
    for other in (guest, {}, {"Cookie": "bellhop=" + "x" * 43}):
        assert "qrstvwxz" not in await page(other)


async def test_a_cookie_from_before_a_destroy_opens_nothing_at_any_address(house: House) -> None:
    """Neither the ended machine's nor that of the one which got its place."""
    old = await house.cookie()
    await house.links.revoke(RENTAL)
    house.books.rentals[RENTAL] = rental(state=State.CLOSED, reason=Reason.RELEASED)

    async with house.ask("/lab", {**PAGE, **old}) as ended:
        assert ended.status == 410
    async with house.ask("/lab", {**PAGE, **old}, host=house.host(SIBLING)) as other:
        assert other.status == 403
    house.books.rentals[RENTAL] = rental(address="gone")
    house.books.rentals[RentalId("new234")] = rental(RentalId("new234"), address=RENTAL)
    house.clock.turn(timedelta(seconds=6))
    async with house.ask("/lab", {**PAGE, **old}) as restored:
        assert restored.status == 403
