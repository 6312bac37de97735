"""Other ports of a machine: origin, cookie and ticket of their own, nothing of Jupyter's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import WSCloseCode, web

from tests.relay.books import OTHER, OWNER, RENTAL
from tests.relay.conftest import PAGE, House, until
from tests.relay.notebook import TOKEN

PORT = 7860


@dataclass
class Program:
    """A person's own program: pages, a WebSocket as Streamlit has, posts and events as Gradio."""

    seen: list[web.Request] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        if request.path == "/join":
            return web.json_response({"event_id": len(await request.read())})
        if request.path == "/events":
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(b"data: begun\n\n")
            await self.go_on.wait()
            await response.write(b"data: done\n\n")
            return response
        if request.path == "/ws":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                await socket.send_str(f"echo {message.data}")
            return socket
        return web.Response(text="<p>mine</p>", content_type="text/html")


@pytest.fixture
async def program(house: House, tmp_path: Path) -> AsyncIterator[Program]:
    program = Program()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", program.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    path = str(tmp_path / "p.sock")
    await web.UnixSite(runner, path).start()
    house.ways.sockets[PORT] = path
    yield program
    await runner.cleanup()


def host(house: House, port: int = PORT) -> str:
    return house.links.address(f"{RENTAL}-{port}").partition("://")[2]


async def test_a_ticket_for_a_port_opens_that_origin_alone(house: House, program: Program) -> None:
    """The page, the button, the cookie: as for the notebook, and neither opens the other."""
    url = await house.links.issue(OWNER, RENTAL, port=PORT)
    path = url[url.index("/-/") :]
    assert url.startswith(f"http://{host(house)}/")

    async with house.ask(path, PAGE) as elsewhere:
        assert elsewhere.status == 410
    async with house.ask(path, PAGE, host=host(house, 6006)) as elsewhere:
        assert elsewhere.status == 410
    async with house.ask(path, PAGE, host=host(house)) as shown:
        assert "Open port 7860" in await shown.text()
    async with house.ask(path, PAGE, method="POST", host=host(house)) as pressed:
        cookie = {"Cookie": pressed.headers["Set-Cookie"].partition(";")[0]}
    async with house.ask("/app", {**PAGE, **cookie}, host=host(house)) as inside:
        assert await inside.text() == "<p>mine</p>"
    async with house.ask("/hello", cookie) as notebook:
        assert notebook.status == 403
    async with house.ask("/", {**PAGE, **await house.cookie()}, host=host(house)) as other:
        assert other.status == 403
    assert house.notebook.seen == []


async def test_nothing_of_ours_reaches_the_program(house: House, program: Program) -> None:
    """Neither token nor cookie; it learns the address it is at, and its own password passes."""
    given = {**await house.cookie(port=PORT), "Authorization": "Basic bWluZQ=="}
    given["X-Forwarded-For"] = "203.0.113.7"

    async with house.ask("/", given, host=host(house)):
        pass

    seen = program.seen[0].headers
    assert TOKEN not in str(seen)
    assert "Cookie" not in seen
    assert "X-Forwarded-For" not in seen
    assert seen["Authorization"] == "Basic bWluZQ=="
    assert (seen["X-Forwarded-Host"], seen["X-Forwarded-Proto"]) == (host(house), "http")


async def test_websockets_work_there_and_end_with_the_session(
    house: House, program: Program
) -> None:
    """Of this member only, at once."""
    house.books.share(OTHER.id)
    given = {**await house.cookie(by=OTHER, port=PORT), "Host": host(house)}
    given["Origin"] = f"http://{host(house)}"

    async with house.browser.ws_connect(house.url("/ws"), headers=given) as socket:
        await socket.send_str("hi")
        assert await socket.receive_str() == "echo hi"
        assert house.traffic.last_human(RENTAL) == house.clock.now()
        house.links.let_go(RENTAL, OTHER.id)
        assert (await socket.receive(timeout=5)).data == WSCloseCode.POLICY_VIOLATION


async def test_what_was_posted_is_told_of_by_events_as_they_come(
    house: House, program: Program
) -> None:
    """As Gradio runs a function: a post begins it, and a stream of events says how it goes."""
    given = {**await house.cookie(port=PORT), "Origin": f"http://{host(house)}"}
    body = b"x" * 300_000

    async with house.ask("/join", given, method="POST", data=body, host=host(house)) as joined:
        assert await joined.json() == {"event_id": len(body)}
    async with house.ask("/events", given, host=host(house)) as events:
        assert events.headers["Content-Type"] == "text/event-stream"
        first = await events.content.readuntil(b"\n\n")  # while the answer goes on
        program.go_on.set()
        rest = await events.content.read()

    assert (first, rest) == (b"data: begun\n\n", b"data: done\n\n")


async def test_another_site_gets_nothing_done(house: House, program: Program) -> None:
    """The machine's notebook is another site as well."""
    given = {**await house.cookie(port=PORT), "Origin": house.origin()}

    async with house.ask("/run", given, method="POST", host=host(house)) as answer:
        assert answer.status == 403
    assert program.seen == []


async def test_a_page_that_asks_by_itself_is_nobodys_doing(house: House, program: Program) -> None:
    """It goes like a clock; the first minute passes for a person's."""
    given = {**await house.cookie(port=PORT), "Origin": f"http://{host(house)}"}

    for _ in range(40):
        house.clock.turn(timedelta(seconds=5))
        async with house.ask("/poll", given, method="POST", host=host(house)):
            pass

    last = house.traffic.last_human(RENTAL)
    assert last is not None
    assert house.clock.now() - last > timedelta(seconds=60)


async def test_where_nothing_listens_the_page_says_so_and_reloads(house: House) -> None:
    """Until something does."""
    cookie = await house.cookie(port=6006)

    async with house.ask("/", {**PAGE, **cookie}, host=host(house, 6006)) as answer:
        text = await answer.text()

    assert answer.status == 502
    assert "Nothing answers on port 6006 yet" in text
    assert 'http-equiv="refresh"' in text


async def test_without_a_way_to_the_machine_it_says_that_instead(house: House) -> None:
    """The program may well be there."""
    cookie = await house.cookie(port=PORT)
    house.ways.down = True

    async with house.ask("/", {**PAGE, **cookie}, host=host(house)) as answer:
        assert "Connecting to your machine" in await answer.text()


async def test_revoking_the_machine_ends_its_ports(house: House, program: Program) -> None:
    """Destroy, or an end of all sessions."""
    cookie = await house.cookie(port=PORT)
    async with house.ask("/", cookie, host=host(house)) as before:
        assert before.status == 200

    await house.links.revoke(RENTAL)

    async with house.ask("/", cookie, host=host(house)) as after:
        assert after.status == 403
    await until(lambda: house.relay.busy(RENTAL) == 0)
