"""The short way to a notebook's socket: which connections are kept, and which are not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict

from bot.relay import direct
from bot.relay.direct import Answer, Direct, NoSocket
from tests.relay.conftest import until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GIVEN = CIMultiDict({"Host": "n", "X-Name": "üml"})


@dataclass
class Server:
    """Answers each request with `says`; counts connections, and those that are open."""

    path: str
    says: bytes = OK
    hang_up: bool = False
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.says)
                await writer.drain()
                if self.hang_up:
                    break
        writer.close()
        self.open -= 1


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(str(tmp_path / "n.sock"))
    listening = await asyncio.start_unix_server(server.serve, server.path)
    yield server
    listening.close()


@pytest.fixture
async def ways(server: Server) -> AsyncIterator[Direct]:
    ways = Direct(server.path)
    yield ways
    ways.close()


async def ask(ways: Direct, method: str = "GET", target: str = "/a?b=%20") -> bytes:
    async with await ways.ask(method, target, GIVEN, within_s=30) as answer:
        assert answer.status == 200
        return await answer.content.read()


async def test_one_connection_does_for_one_after_another(server: Server, ways: Direct) -> None:
    """What was asked goes as it is."""
    for _ in range(3):
        assert await ask(ways) == b"ok"

    assert server.connections == 1
    assert server.heads[0] == "GET /a?b=%20 HTTP/1.1\r\nHost: n\r\nX-Name: üml\r\n\r\n".encode()


async def test_a_head_alone_leaves_its_connection_free(server: Server, ways: Direct) -> None:
    """Its length says what a body would have."""
    server.says = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

    for _ in range(2):
        assert await ask(ways, "HEAD") == b""

    assert server.connections == 1


async def test_many_at_once_have_a_connection_each(server: Server, ways: Direct) -> None:
    """And leave them for the next."""
    for _ in range(2):
        await asyncio.gather(*(ask(ways) for _ in range(5)))

    assert server.connections == 5


async def test_a_connection_that_was_closed_meanwhile_is_made_anew(
    server: Server, ways: Direct
) -> None:
    """Once; a notebook that hangs up on a new one does not answer."""
    server.hang_up = True
    for _ in range(3):
        assert await ask(ways) == b"ok"
    server.says = b""

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask(ways)


@pytest.mark.parametrize(
    "says",
    [
        OK + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_with_more_in_it_is_not_used_again(
    server: Server, ways: Direct, says: bytes
) -> None:
    """What was not asked for is nobody's answer."""
    server.says = says

    for _ in range(2):
        assert await ask(ways) == b"ok"

    assert server.connections == 2


async def test_who_leaves_early_closes_the_connection(server: Server, ways: Direct) -> None:
    """The rest of an endless body is not for the next one."""
    server.says = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun"

    async with await ways.ask("GET", "/", GIVEN, within_s=30) as answer:
        assert await answer.content.readany() == b"begun"

    await until(lambda: server.open == 0)


async def test_a_body_that_breaks_off_is_told(server: Server, ways: Direct) -> None:
    """It is no whole one."""
    server.says = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun"
    server.hang_up = True

    with pytest.raises(aiohttp.ClientPayloadError):
        await ask(ways)


async def test_interim_answers_are_passed_by(server: Server, ways: Direct) -> None:
    """A few of them."""
    server.says = b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK

    assert await ask(ways) == b"ok"


async def test_what_is_not_used_is_closed_after_a_while(
    server: Server, ways: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a lane can end, and a machine has no connections of nobody."""
    monkeypatch.setattr(direct, "IDLE_S", 0.05)
    await asyncio.gather(*(ask(ways) for _ in range(3)))

    await until(lambda: server.open == 0)


async def test_closing_ends_what_is_kept_and_what_comes_back_later(
    server: Server, ways: Direct
) -> None:
    """As when a machine has moved."""
    await ask(ways)
    answer: Answer = await ways.ask("GET", "/", GIVEN, within_s=30)
    ways.close()

    assert await answer.content.read() == b"ok"
    await until(lambda: server.open == 0)


async def test_where_nothing_listens_nothing_is_sent(tmp_path: Path) -> None:
    """So that another way can be tried."""
    with pytest.raises(NoSocket):
        await Direct(str(tmp_path / "nowhere")).ask("GET", "/", GIVEN, within_s=30)


@pytest.mark.parametrize("value", ["a\r\nEvil: b", "a\nb", "a\rb", "a\0b"])
async def test_a_header_never_becomes_two(server: Server, ways: Direct, value: str) -> None:
    """Wherever it comes from."""
    with pytest.raises(ValueError, match="line break"):
        await ways.ask("GET", "/", CIMultiDict({"X": value}), within_s=30)

    assert server.heads == []


async def test_a_server_that_says_nothing_is_given_up_and_not_asked_again(
    server: Server, ways: Direct
) -> None:
    """Also on a connection that was kept, where a broken one would be tried on a new one."""
    assert await ask(ways) == b"ok"
    server.says = b""

    with pytest.raises(TimeoutError):
        await ways.ask("GET", "/slow", GIVEN, within_s=0.1)

    assert [head.split()[1] for head in server.heads] == [b"/a?b=%20", b"/slow"]
    async with asyncio.timeout(30):
        await until(lambda: server.open == 0)


async def test_a_body_may_take_longer_than_its_head(server: Server, ways: Direct) -> None:
    server.says = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhe"

    async with await ways.ask("GET", "/", GIVEN, within_s=0.1) as answer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await answer.content.readexactly(4)
        assert answer.content.exception() is None
