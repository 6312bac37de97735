"""A machine that answers as badly as it can: its own visitors get a page, everybody else nothing.

Each attack is real bytes behind the real relay, while a second machine is being served.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.relay import http
from bot.services.routes import Route
from tests.relay.books import OTHER, OWNER, RENTAL, SIBLING
from tests.relay.conftest import PAGE, House, until
from tests.relay.notebook import TOKEN
from tests.relay.wire import Reply, crooked, repeats, says, send, status

MB = 1024 * 1024
ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.fixture
async def sibling(house: House) -> AsyncIterator[dict[str, str]]:
    """Somebody on an honest machine, who is served during the whole test and after it."""
    house.routes.set(SIBLING, Route(house.notebook.path, TOKEN))
    cookie = await house.cookie(SIBLING)
    await served(house, cookie)
    yield cookie
    await served(house, cookie)


async def served(house: House, sibling: dict[str, str]) -> None:
    """The neighbour's small request is answered while the attack goes on."""
    async with (
        asyncio.timeout(30),
        house.ask("/hello", sibling, host=house.host(SIBLING)) as answer,
    ):
        assert answer.status == 200
        await answer.read()


@contextlib.asynccontextmanager
async def machine(house: House, folder: Path, reply: Reply) -> AsyncIterator[list[bytes]]:
    """RENTAL's notebook is a crooked one."""
    path = str(folder / "crooked.sock")
    async with crooked(path, reply) as heads:
        house.routes.set(RENTAL, Route(path, TOKEN))
        yield heads
        house.routes.drop(RENTAL)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nX\x00: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(400)) + b"\r\n",
        b"HTTP/1.1 200 " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI *",
        b"\x16\x03\x03\x00\x00",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
async def test_broken_http_is_a_machine_that_does_not_answer(
    house: House, tmp_path: Path, sibling: dict[str, str], answer: bytes
) -> None:
    """One page for whoever asked, with nothing of it on the page."""
    async with machine(house, tmp_path, says(answer)):
        cookie = await house.cookie()
        async with asyncio.timeout(30), house.ask("/lab", {**PAGE, **cookie}) as page:
            text = await page.text()
        await served(house, sibling)

    assert page.status == 503
    assert "Your machine is not answering" in text
    assert "nonsense" not in text


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhalf\r\n",
    ],
)
async def test_a_body_of_the_wrong_length_breaks_off(
    house: House, tmp_path: Path, sibling: dict[str, str], answer: bytes
) -> None:
    """It is never made to look whole."""
    async with machine(house, tmp_path, says(answer)):
        cookie = await house.cookie()
        whole = False
        with contextlib.suppress(aiohttp.ClientError):
            async with asyncio.timeout(30), house.ask("/file", cookie) as part:
                await part.read()
                whole = part.status == 200
        await served(house, sibling)

    assert not whole


async def test_what_follows_an_answer_is_nobodys(
    house: House, tmp_path: Path, sibling: dict[str, str]
) -> None:
    """A second answer that nobody asked for does not wait for the next request."""
    two = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    )
    async with machine(house, tmp_path, says(two)) as heads:
        cookie = await house.cookie()
        for _ in range(2):
            async with asyncio.timeout(30), house.ask("/file", cookie) as answer:
                assert await answer.text() == "first"

    assert len(heads) == 2


async def test_interim_answers_for_ever_are_hung_up_on(
    house: House, tmp_path: Path, sibling: dict[str, str]
) -> None:
    """No browser's slowness would hold them back."""
    flood = repeats(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100, size=1000 * MB)
    async with machine(house, tmp_path, flood):
        cookie = await house.cookie()
        for method, data in (("GET", None), ("PUT", b"x" * 100)):
            async with (
                asyncio.timeout(30),
                house.ask("/a", {**PAGE, **cookie}, method=method, data=data) as answer,
            ):
                assert answer.status == 503
        await served(house, sibling)


async def test_a_head_that_never_ends_is_hung_up_on(
    house: House, tmp_path: Path, sibling: dict[str, str]
) -> None:
    """After so many lines, and none of it is kept."""
    flood = repeats(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 1000 + b"\r\n", size=1000 * MB)
    async with machine(house, tmp_path, flood):
        cookie = await house.cookie()
        async with asyncio.timeout(30), house.ask("/lab", {**PAGE, **cookie}) as answer:
            assert answer.status == 503
        await served(house, sibling)


async def test_a_notebook_that_accepts_and_says_nothing_gets_its_page(
    house: House, tmp_path: Path, sibling: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is slow to start; the page reloads by itself."""
    monkeypatch.setattr(http, "ANSWER_S", 0.3)
    silent = asyncio.Event()

    async def reply(*_: object) -> None:
        await silent.wait()

    async with machine(house, tmp_path, reply):
        cookie = await house.cookie()
        async with asyncio.timeout(30), house.ask("/lab", {**PAGE, **cookie}) as answer:
            assert answer.status == 503
            assert "This page reloads by itself" in await answer.text()
        await served(house, sibling)
        silent.set()


async def test_a_body_without_end_is_held_back_by_its_reader(
    house: House, tmp_path: Path, sibling: dict[str, str]
) -> None:
    """It goes as fast as somebody reads, and ends with them; nothing of it stays here."""
    before = resident()
    endless = repeats(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65_536, size=100_000 * MB)
    async with machine(house, tmp_path, endless):
        cookie = await house.cookie()
        async with house.ask("/file", cookie) as answer:
            read = 0
            while read < 128 * MB:
                read += len(await answer.content.readany())
            for _ in range(5):
                await served(house, sibling)
            held = resident() - before
        await until(lambda: house.relay.busy(RENTAL) == 0)

    assert held < 64 * MB


async def test_what_is_packed_is_not_unpacked_here(
    house: House, tmp_path: Path, sibling: dict[str, str]
) -> None:
    """A few kB that would become many MB pass as they are, also on a page."""
    bomb = zlib.compress(b"\0" * (200 * MB), 9)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: deflate\r\n"
    sized = b"Content-Length: %d\r\n\r\n" % len(bomb)
    before = resident()
    async with machine(house, tmp_path, says(head + sized + bomb)):
        cookie = await house.cookie()
        async with asyncio.timeout(30), house.ask("/lab", {**PAGE, **cookie}) as answer:
            assert await answer.read() == bomb
        await served(house, sibling)

    assert resident() - before < 64 * MB


@pytest.mark.parametrize(
    ("first", "again"),
    [
        # One frame of 2^62 bytes, and a message of fragments without end.
        (b"\x82\x7f\x40\0\0\0\0\0\0\0", b"a" * 65_536),
        (b"\x02\x01a", b"\x00\x7e\x80\x00" + b"a" * 32_768),
        # Bytes that are no frames at all.
        (b"", b"\xff" * 65_536),
    ],
)
async def test_websocket_frames_without_end_are_not_collected(
    house: House, tmp_path: Path, sibling: dict[str, str], first: bytes, again: bytes
) -> None:
    """Also on the socket of a kernel, whose messages we read while a cell runs."""
    before = resident()
    read = 0
    cookie = (await house.cookie())["Cookie"]
    async with machine(house, tmp_path, repeats(ACCEPT + first, again, size=100_000 * MB)):
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(
            f"GET /api/kernels/k/channels?session_id=s HTTP/1.1\r\nHost: {house.host()}\r\n"
            f"Cookie: {cookie}\r\nOrigin: {house.origin()}\r\n{WEBSOCKET}\r\n".encode()
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(asked_to_run())
        async with asyncio.timeout(60):
            while read < 96 * MB:
                read += len(await reader.read(MB))
        held = resident() - before
        await served(house, sibling)
        house.routes.drop(RENTAL)
        writer.close()
        await until(lambda: house.relay.busy(RENTAL) == 0, within_s=30)

    assert held < 64 * MB


@pytest.mark.parametrize("seen", ["a cell runs", "idle", "to look at"])
@pytest.mark.parametrize("ping", [b"\x89\x00", b"\x8a\x7d" + b"a" * 125], ids=["ping", "pong"])
async def test_pings_without_end_are_hung_up_on(
    house: House, tmp_path: Path, sibling: dict[str, str], ping: bytes, seen: str
) -> None:
    """Each costs time to read and says nothing; a notebook sends a few in a minute."""
    by = OWNER
    if seen == "to look at":
        house.books.share(OTHER.id, view_only=True)
        by = OTHER
    cookie = (await house.cookie(by=by))["Cookie"]

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await repeats(accepting(heads[-1]), ping * 2000, size=100_000 * MB)(reader, writer)

    async with machine(house, tmp_path, reply) as heads:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(
            f"GET /api/kernels/k/channels?session_id=s HTTP/1.1\r\nHost: {house.host()}\r\n"
            f"Cookie: {cookie}\r\nOrigin: {house.origin()}\r\n{WEBSOCKET}\r\n".encode()
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        if seen == "a cell runs":
            writer.write(asked_to_run())
        async with asyncio.timeout(30):
            while data := await reader.read(MB):
                if seen == "to look at" and data.startswith(b"\x88"):
                    break  # a goodbye, which waits for ours
        writer.close()
        await served(house, sibling)
        await until(lambda: house.relay.busy(RENTAL) == 0, within_s=30)


async def test_a_compression_nobody_offered_is_the_browsers_to_refuse(
    house: House, tmp_path: Path, sibling: dict[str, str]
) -> None:
    """What a kernel's socket carries is passed on as it is; we unpack nothing."""
    packed = ACCEPT.replace(
        b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    bomb = zlib.compress(b"\0" * (50 * MB), 9)
    frame = b"\xc2\x7f" + len(bomb).to_bytes(8, "big") + bomb
    cookie = (await house.cookie())["Cookie"]
    before = resident()
    async with machine(house, tmp_path, says(packed + frame)) as heads:
        answer = await send(
            house,
            f"GET /api/kernels/k/channels HTTP/1.1\r\nHost: {house.host()}\r\n"
            f"Cookie: {cookie}\r\nOrigin: {house.origin()}\r\n{WEBSOCKET}"
            "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        )

    assert status(answer) == 101
    assert b"Sec-WebSocket-Extensions" not in heads[0]
    assert resident() - before < 32 * MB


async def test_headers_that_would_outlive_the_machine_stay_behind(
    house: House, tmp_path: Path
) -> None:
    """Through the whole relay: none of them reaches a browser, nor does a cookie like ours."""
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
        b'Clear-Site-Data: "*"\r\nService-Worker-Allowed: /\r\nAlt-Svc: h3=":443"\r\n'
        b"Strict-Transport-Security: max-age=0\r\nPublic-Key-Pins: x\r\nReport-To: {}\r\n"
        b"NEL: {}\r\nRefresh: 0;url=https://evil.example/\r\nServer: Evil/1.0\r\n"
        b"X-Accel-Redirect: /etc/passwd\r\nX-Sendfile: /etc/passwd\r\n"
        b"Set-Cookie: bellhop=forged\r\nSet-Cookie: =bellhop=forged\r\n"
        b"Set-Cookie: a=b; Domain=localhost; Path=/\r\n\r\n"
    )
    cookie = await house.cookie()
    async with machine(house, tmp_path, says(answer)), house.ask("/lab", cookie) as page:
        given = page.headers

    assert set(given) <= {"Content-Length", "Server", "Set-Cookie", "Date", "Content-Type"}
    assert given["Server"] == "bellhop"
    assert given.getall("Set-Cookie") == ["a=b; Path=/"]


async def test_a_header_that_is_no_utf_8_is_no_fault_of_ours(house: House, tmp_path: Path) -> None:
    """As the name of a file in Latin-1."""
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
        b"Content-Disposition: attachment; filename=\xfcber.txt\r\n\r\nok"
    )
    cookie = await house.cookie()
    async with machine(house, tmp_path, says(answer)), house.ask("/files/a", cookie) as page:
        assert page.headers["Content-Disposition"] == "attachment; filename=über.txt"
        assert await page.text() == "ok"


@pytest.mark.parametrize("path", ["/lab", "/broken-page"])
async def test_the_token_in_a_page_or_a_redirect_stays_behind(
    house: House, tmp_path: Path, path: str
) -> None:
    """On pages of errors too, which JupyterLab makes of the same template."""
    page = f"<body data-token='{TOKEN}'>".encode()
    head = (
        f"HTTP/1.1 500 No\r\nContent-Type: text/html; charset=utf-8\r\nLocation: /a?token={TOKEN}"
        f"\r\nContent-Length: {len(page)}\r\n\r\n"
    )
    asking = {**PAGE, **await house.cookie()}
    async with (
        machine(house, tmp_path, says(head.encode() + page)),
        house.ask(path, asking) as answer,
    ):
        text = await answer.text()

    assert text == "<body data-token=''>"
    assert answer.headers["Location"] == "/a?token="


async def test_a_worker_that_would_outlive_the_machine_is_not_installed(house: House) -> None:
    """Its script is refused whoever asks, so no browser registers it."""
    cookie = await house.cookie()

    async with house.ask("/sw.js", {**cookie, "Service-Worker": "script"}) as answer:
        assert answer.status == 403

    assert house.notebook.seen == []


def accepting(head: bytes) -> bytes:
    """A machine's answer to this handshake."""
    key = head.lower().partition(b"sec-websocket-key: ")[2].partition(b"\r\n")[0]
    begin = head.lower().index(key)
    magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    digest = hashlib.sha1(head[begin : begin + len(key)] + magic).digest()
    line = ACCEPT.partition(b"Sec-WebSocket-Accept: ")[0]
    return line + b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"


def resident() -> int:
    """How much memory this process has, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def asked_to_run() -> bytes:
    """A browser asks for a run, so that what the kernel says is listened to."""
    text = (
        b'{"header":{"msg_id":"m","msg_type":"execute_request","session":"s"},"parent_header":{},'
        b'"metadata":{"cellId":"c"},"content":{"code":"1","silent":false},"channel":"shell"}'
    )
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text
