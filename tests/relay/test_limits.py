"""Too much, too slow, too many: refused, and nobody else is held up."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
import uvloop
from aiohttp import web

from bot.relay import http, server
from bot.relay.server import HEAD_BYTES, Server
from bot.relay.strangers import Strangers
from tests.relay.books import RENTAL
from tests.relay.conftest import House, until
from tests.relay.test_smuggling import head
from tests.relay.wire import send, status


async def test_a_head_that_never_ends_is_cut_short(house: House) -> None:
    """However it is divided into lines: nothing of it is held for long."""
    cookie = (await house.cookie())["Cookie"]
    line = f"X-{'a' * 50}: {'b' * 8000}\r\n"

    answer = await send(
        house,
        f"GET / HTTP/1.1\r\nHost: {house.host()}\r\nCookie: {cookie}\r\n"
        + line * (HEAD_BYTES // len(line) + 4),
    )

    assert status(answer) == 431
    assert house.notebook.seen == []


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("GET / HTTP/1.1", "X: " + "a" * 40_000),
        ("GET / HTTP/1.1", "a" * 40_000 + ": x"),
        ("GET /" + "a" * 40_000 + " HTTP/1.1", "X: x"),
        ("GET / HTTP/1.1", "\r\n".join(f"X-{n}: x" for n in range(500))),
    ],
)
async def test_an_address_or_a_header_that_is_too_long_is_refused(
    house: House, line: str, field: str
) -> None:
    """The answer is whole, and then the connection is closed."""
    answer = await send(house, f"{await head(house, line)}{field}\r\n\r\n")

    assert status(answer) in (400, 431)
    assert house.notebook.seen == []


async def test_a_cookie_bomb_gets_words_that_help(house: House) -> None:
    """A sibling machine's page can fill the jar of all; the person has to empty it."""
    answer = await send(
        house, f"{await head(house, 'GET / HTTP/1.1')}Cookie: {'a' * 40_000}\r\n\r\n"
    )

    assert status(answer) == 431
    assert b"Delete the cookies of this site" in answer


@pytest.mark.parametrize("start", ["", "GET /", "GET / HTTP/1.1\r\nHost: x\r\nX: "])
async def test_who_never_finishes_a_request_is_hung_up_on(house: House, start: str) -> None:
    """However busily single letters arrive."""
    house.server.head_s = 0.5
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(start.encode())

    async def drip() -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # the second is uvloop's
            while start:
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.02)

    dripping = asyncio.ensure_future(drip())
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 30) == b""
    await dripping
    writer.close()


def test_a_request_that_is_there_at_once_is_in_time() -> None:
    """On uvloop it is read before anybody waits for it: what takes long is not cut off."""

    async def answered(_: web.BaseRequest) -> web.Response:
        await asyncio.sleep(1)
        return web.Response(text="late")

    async def play() -> bytes:
        loop = asyncio.get_running_loop()
        serving = await loop.create_server(Server(answered, head_s=0.2), "127.0.0.1", 0)
        async with serving:
            with socket.create_connection(serving.sockets[0].getsockname(), timeout=5) as one:
                one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")  # before the loop accepts it
                one.setblocking(False)
                return await asyncio.wait_for(loop.sock_recv(one, 4096), 30)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(play()).endswith(b"late")


async def test_an_upload_that_stops_half_way_is_ended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notebook would wait for the rest as long as the browser stays."""
    monkeypatch.setattr(http, "STALL_S", 0.3)
    start = await head(house)

    with contextlib.suppress(ConnectionError):
        assert await send(house, f"{start}Content-Length: 1000\r\n\r\nhalf of it") == b""

    await until(lambda: house.relay.busy(RENTAL) == 0)
    assert len(house.notebook.seen) == 1


async def test_many_idle_strangers_keep_nobody_out(house: House) -> None:
    """Each new one pushes out the oldest of them, never somebody who is in."""
    cookie = (await house.cookie())["Cookie"]
    request = f"GET /hello HTTP/1.1\r\nHost: {house.host()}\r\nCookie: {cookie}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(request)
    await reader.readuntil(b"}")

    idle = [
        await asyncio.open_connection("127.0.0.1", house.port) for _ in range(server.STRANGERS + 50)
    ]

    await until(lambda: len(house.server.strangers) <= server.STRANGERS)
    writer.write(request)
    assert (await asyncio.wait_for(reader.readuntil(b"}"), 30)).startswith(b"HTTP/1.1 200")
    async with house.ask("/hello", {"Cookie": cookie}) as answer:
        assert answer.status == 200
    for _, one in idle:
        one.close()
    writer.close()


class Caller:
    """A connection that notes being hung up on."""

    def __init__(self, *, busy: bool = False) -> None:
        self.busy = busy
        self.gone = False

    def hang_up(self) -> None:
        self.gone = True


def test_the_longest_waiting_goes_first_and_who_is_served_stays() -> None:
    """Where all are being served the new one has to go."""
    strangers = Strangers(most=2)
    served, waits, new, late = Caller(busy=True), Caller(), Caller(busy=True), Caller()

    for one in (served, waits, new, late):
        strangers.come(one)

    assert [one.gone for one in (served, waits, new, late)] == [False, True, False, True]
    assert len(strangers) == 2
    strangers.leave(served)
    strangers.leave(served)
    assert len(strangers) == 1
