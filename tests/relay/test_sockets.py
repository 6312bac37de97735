"""WebSockets through the relay: bytes go both ways untouched, and it stays the owner's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from bot.relay import sockets
from tests.relay.books import RENTAL, SIBLING
from tests.relay.conftest import House, settled, until
from tests.relay.notebook import PIECE, SUBPROTOCOL, TOKEN

MB = 1024 * 1024
HELD_MB = 24

Sleep = Callable[[float], Awaitable[None]]


async def test_text_and_binary_go_there_and_back(house: House) -> None:
    """With the notebook's token on the handshake and without our cookie."""
    async with house.connect("/ws?session_id=1", await house.cookie()) as socket:
        await socket.send_str("héllo")
        assert await socket.receive_str() == "héllo"
        await socket.send_bytes(b"\x00\xff")
        assert await socket.receive_bytes() == b"\x00\xff"

    seen = house.notebook.seen[0]
    assert seen.raw_path == "/ws?session_id=1"
    assert seen.headers["Authorization"] == f"token {TOKEN}"
    assert "Cookie" not in seen.headers


async def test_subprotocols_and_compression_are_agreed_with_the_notebook(house: House) -> None:
    """The relay has no part in it, and compressed messages pass."""
    async with house.connect(
        "/ws", await house.cookie(), protocols=["other", SUBPROTOCOL], compress=15
    ) as socket:
        assert socket.protocol == SUBPROTOCOL
        assert socket.compress
        await socket.send_str("a" * 100_000)
        assert await socket.receive_str() == "a" * 100_000


async def test_a_message_of_8_mb_goes_there_and_back(house: House) -> None:
    """There is no limit of ours."""
    big = PIECE * 128
    async with house.connect("/ws", await house.cookie()) as socket:
        await socket.send_bytes(big)
        assert await socket.receive_bytes() == big


async def test_close_codes_pass_both_ways(house: House) -> None:
    """Jupyter uses them to say why."""
    cookie = await house.cookie()
    async with house.connect("/ws", cookie) as socket:
        await socket.send_str("close 4242")
        message = await socket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4242, "as asked")

    house.notebook.gone.clear()
    async with house.connect("/ws", cookie) as socket:
        await socket.close(code=4001)
    await until(house.notebook.gone.is_set)


async def test_pings_go_through_to_the_notebook(house: House) -> None:
    """It is the notebook that answers, so a dead one is noticed."""
    async with house.connect("/ws", await house.cookie(), autoping=False) as socket:
        await socket.ping(b"still there")
        message = await socket.receive()

    assert (message.type, message.data) == (WSMsgType.PONG, b"still there")


async def test_a_handshake_the_notebook_refuses_is_refused(house: House) -> None:
    """With its own status."""
    with pytest.raises(WSServerHandshakeError) as caught:
        await house.connect("/refused/channels", await house.cookie())

    assert caught.value.status == 404


@pytest.mark.parametrize(
    "given",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://df6789.localhost"},
        {"Origin": "null"},
        {"Cookie": "bellhop=forged"},
        {"Cookie": ""},
    ],
)
async def test_foreign_pages_and_strangers_get_no_socket(house: House, given) -> None:
    """Browsers let any page open a socket anywhere; Origin and cookie are all that stands there."""
    with pytest.raises(WSServerHandshakeError) as caught:
        await house.connect("/ws", {**await house.cookie(), **given})

    assert caught.value.status == 403
    assert house.notebook.seen == []


async def test_a_notebook_that_is_not_there_gets_no_socket(house: House) -> None:
    """JupyterLab tries again by itself."""
    cookie = await house.cookie()
    await house.notebook.stop()

    with pytest.raises(WSServerHandshakeError) as caught:
        await house.connect("/ws", cookie)

    assert caught.value.status == 503


async def test_revoking_closes_the_open_sockets(house: House) -> None:
    """At once, at both ends, and those of that rental only."""
    async with house.connect("/ws", await house.cookie()) as socket:
        await socket.send_str("hello")
        await socket.receive_str()
        await house.links.revoke(SIBLING)
        await socket.send_str("still here")
        assert await socket.receive_str() == "still here"

        await house.links.revoke(RENTAL)

        message = await asyncio.wait_for(socket.receive(), 30)
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1008)
    await until(house.notebook.gone.is_set)


async def test_a_notebook_that_dies_closes_the_browsers_socket(house: House) -> None:
    """And the other way round: a closed tab is noticed by the notebook."""
    cookie = await house.cookie()
    async with house.connect("/ws", cookie) as socket:
        house.notebook.seen[0].transport.abort()
        message = await asyncio.wait_for(socket.receive(), 30)
        assert message.type in (WSMsgType.CLOSED, WSMsgType.ERROR)

    house.notebook.gone.clear()
    async with house.connect("/ws", cookie) as socket:
        socket._response.connection.transport.abort()
        await until(house.notebook.gone.is_set)


async def test_a_notebook_that_accepts_and_hangs_up_leaves_nobody_waiting(house: House) -> None:
    """However the end and the handshake cross each other."""
    cookie = await house.cookie()
    for _ in range(20):
        with contextlib.suppress(WSServerHandshakeError):
            async with asyncio.timeout(30), house.connect("/fickle", cookie) as socket:
                await socket.receive()
    await until(lambda: house.relay.busy(RENTAL) == 0)


async def test_frames_sent_right_behind_the_handshake_arrive(house: House) -> None:
    """A client need not wait for the answer, and the first frames must not be lost."""
    cookie = (await house.cookie())["Cookie"]
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    handshake = (
        f"GET /ws HTTP/1.1\r\nHost: {house.host()}\r\nOrigin: {house.origin()}\r\n"
        f"Cookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    writer.write(handshake.encode() + b"\x81\x82\x00\x00\x00\x00hi")

    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert await asyncio.wait_for(reader.readexactly(4), 30) == b"\x81\x02hi"
    writer.close()


async def test_a_browser_that_does_not_read_stops_the_notebook(house: House) -> None:
    """Nothing piles up in the relay."""
    async with house.connect("/deaf?send=1", await house.cookie()) as socket:
        transport = socket._response.connection.transport
        transport.pause_reading()
        sent = await settled(lambda: house.notebook.carried)
        transport.abort()

    assert 0 < sent < HELD_MB * MB


async def test_a_notebook_that_does_not_read_stops_the_browser(house: House) -> None:
    """And goes on where it stopped, with nothing lost."""
    sent = 0
    async with house.connect("/deaf", await house.cookie()) as socket:

        async def push() -> None:
            nonlocal sent
            for _ in range(64 * 16):
                await socket.send_bytes(PIECE)
                sent += len(PIECE)

        async with asyncio.TaskGroup() as group:
            group.create_task(push())
            held = await settled(lambda: sent)
            house.notebook.go_on.set()
        await until(lambda: house.notebook.carried == 64 * MB, within_s=20)

    assert held < HELD_MB * MB


async def test_typing_is_a_persons_sign_and_an_open_socket_is_not(house: House) -> None:
    """Data to kernels and terminals counts; pings, other sockets and answers do not."""
    cookie = await house.cookie()
    async with house.connect("/ws", cookie) as socket:
        await socket.send_str("news")
        await socket.receive()
    for path in ("/api/kernels/k/channels", "/terminals/websocket/1"):
        house.traffic.forget(RENTAL)
        async with house.connect(path, cookie, autoping=False) as socket:
            await socket.ping()
            await socket.receive()
            assert house.traffic.last_human(RENTAL) is None

            await socket.send_str("x")
            await socket.receive()

            assert house.traffic.last_human(RENTAL) == house.clock.now()
    assert house.traffic.carried(RENTAL) > 0


async def test_a_closed_socket_leaves_nothing_behind(house: House) -> None:
    """No task, no entry in the list of open sockets."""
    cookie = await house.cookie()
    async with house.connect("/ws", cookie):
        pass
    before = len(asyncio.all_tasks())

    for _ in range(5):
        async with house.connect("/ws", cookie):
            pass

    await until(lambda: house.relay.busy(RENTAL) == 0)
    await until(lambda: len(asyncio.all_tasks()) <= before)


async def test_a_stream_that_floods_one_rental_leaves_the_others_alone(house: House) -> None:
    """A socket at full speed does not keep a small request waiting."""
    cookie = await house.cookie()
    async with house.connect("/deaf?send=1", cookie) as socket:

        async def drain() -> None:
            while not socket.closed:
                await socket.receive()

        draining = asyncio.ensure_future(drain())
        async with asyncio.timeout(30):
            for _ in range(20):
                async with house.ask("/hello", cookie) as answer:
                    assert answer.status == 200
        draining.cancel()


async def test_who_sends_what_is_dear_to_read_rests_as_long_as_it_took(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, and the others have half of the time at least."""
    monkeypatch.setattr(sockets, "LONG_S", 0.0)
    rests: list[float] = []

    async def sleep(delay: float, _sleep: Sleep = asyncio.sleep) -> None:
        rests.append(delay)
        await _sleep(delay)

    async with house.connect("/terminals/websocket/1", await house.cookie()) as socket:
        with monkeypatch.context() as patched:
            patched.setattr("bot.relay.sockets.asyncio.sleep", sleep)
            for number in range(20):
                await socket.send_str(f"{number}")
                assert await socket.receive_str() == f"{number}"

    assert any(0 < rest < 1 for rest in rests)
