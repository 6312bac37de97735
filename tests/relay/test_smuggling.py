"""Requests with two readings: the relay refuses them, or passes one on in its own words."""

from __future__ import annotations

import pytest

from tests.relay.conftest import House
from tests.relay.wire import send, status, statuses


async def head(house: House, line: str = "POST /up HTTP/1.1") -> str:
    """The beginning of a request of somebody who is in."""
    cookie = (await house.cookie())["Cookie"]
    return f"{line}\r\nHost: {house.host()}\r\nCookie: {cookie}\r\nConnection: close\r\n"


def paths(house: House) -> list[str]:
    """What the notebook heard."""
    return [request.raw_path for request in house.notebook.seen]


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4\r\nContent-Length: 4",
        "Content-Length: 4, 4",
        "Content-Length: +4",
        "Content-Length: -4",
        "Content-Length: 0x4",
        "Content-Length: 4 4",
        "Content-Length:",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "Content-Length : 4",
        "X: a\r\n Content-Length: 4",
        " X: a",
        "X: a\rContent-Length: 4",
        "X: a\x00b",
        "X\x00: a",
        "X y: a",
        ": a",
        "X",
        "(X): a",
    ],
)
async def test_two_readings_of_where_a_request_ends_are_refused(house: House, fields: str) -> None:
    """Whatever the proxy before us or the notebook behind us would make of it."""
    start = await head(house)

    answer = await send(house, f"{start}{fields}\r\n\r\nbody")

    assert status(answer) in (400, 431)
    assert paths(house) == []
    assert b"aiohttp" not in answer
    assert b"Content-Length: 4" not in answer


async def test_lines_that_end_in_a_bare_line_feed_are_no_second_request(house: House) -> None:
    """A proxy may take `LF LF` for the end of a head where another does not."""
    start = (await head(house, "GET /first HTTP/1.1")).replace("\r\n", "\n")

    answer = await send(house, f"{start}\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")

    assert "/smuggled" not in paths(house)
    assert statuses(answer)[0] in (200, 400)


@pytest.mark.parametrize(
    "body",
    [
        '4;ext="a\r\nb"\r\nbody\r\n0\r\n\r\n',
        "4\nbody\r\n0\r\n\r\n",
        "4\r\nbodyx\r\n0\r\n\r\n",
        "0x4\r\nbody\r\n0\r\n\r\n",
        "+4\r\nbody\r\n0\r\n\r\n",
        "-1\r\nbody\r\n0\r\n\r\n",
        "ffffffffffffffff1\r\nbody\r\n0\r\n\r\n",
        "4 \r\nbody\r\n0\r\n\r\n",
    ],
)
async def test_a_chunk_with_two_readings_ends_the_connection(house: House, body: str) -> None:
    """What follows it is never read as a request."""
    start = await head(house)
    after = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = await send(house, f"{start}Transfer-Encoding: chunked\r\n\r\n{body}{after}")

    assert "/smuggled" not in paths(house)
    assert 200 not in statuses(answer)[1:]


async def test_chunk_extensions_and_trailers_stay_behind(house: House) -> None:
    """A trailer is no header, and the notebook gets chunks of our making."""
    start = await head(house)
    body = "4;name=value\r\nbody\r\n0\r\nCookie: bellhop=trailer\r\nX-Trailer: 1\r\n\r\n"

    answer = await send(
        house, f"{start}Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n\r\n{body}"
    )

    assert status(answer) == 200
    assert house.notebook.carried == 4
    assert "X-Trailer" not in house.notebook.seen[0].headers
    assert "Trailer" not in house.notebook.seen[0].headers


async def test_requests_in_a_row_are_each_asked_for_their_cookie(house: House) -> None:
    """Who may enter is asked of every request, not of a connection."""
    cookie = (await house.cookie())["Cookie"]
    host = house.host()
    first = f"GET /first HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"
    second = f"GET /second HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"

    answer = await send(house, first + second)

    assert statuses(answer) == [200, 403]
    assert paths(house) == ["/first"]


@pytest.mark.parametrize("upgrade", ["h2c", "h2c, websocket", "websocket/13", "TLS/1.0"])
async def test_no_other_protocol_is_switched_to(house: House, upgrade: str) -> None:
    """An upgrade that only one side understands would let anything through behind it."""
    cookie = (await house.cookie())["Cookie"]
    request = (
        f"GET /first HTTP/1.1\r\nHost: {house.host()}\r\nCookie: {cookie}\r\n"
        f"Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n"
        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
    )

    answer = await send(house, request + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

    assert 101 not in statuses(answer)
    assert all("Upgrade" not in seen.headers for seen in house.notebook.seen)
    assert all("HTTP2-Settings" not in seen.headers for seen in house.notebook.seen)
    assert set(paths(house)) <= {"/first"}


async def test_a_header_named_by_connection_cannot_take_ours_away(house: House) -> None:
    """`Connection: authorization` asks a proxy to drop what it has put on."""
    cookie = (await house.cookie())["Cookie"]
    request = (
        f"GET /first HTTP/1.1\r\nHost: {house.host()}\r\nCookie: {cookie}; a=b\r\n"
        "Connection: close, authorization, cookie, x-kept\r\nX-Kept: 1\r\n\r\n"
    )

    answer = await send(house, request)

    assert status(answer) == 200
    seen = house.notebook.seen[0].headers
    assert seen.getall("Authorization")[0].startswith("token ")
    assert "X-Kept" not in seen
    assert "bellhop" not in seen.get("Cookie", "")


@pytest.mark.parametrize(
    "line",
    [
        "GET http://bc2345.localhost/ HTTP/1.1",
        "GET //evil.example/%2f.. HTTP/1.1",
        "GET /\\evil.example HTTP/1.1",
        "GET * HTTP/1.1",
        "GET bc2345.localhost:80 HTTP/1.1",
        "CONNECT 127.0.0.1:22 HTTP/1.1",
        "TRACE / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /\tb HTTP/1.1",
        "GET / HTTP/3.0",
        "GET / HTTP/1.1 ",
        "GET / ",
        "PRI * HTTP/2.0",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_a_request_line_of_another_kind_is_refused(house: House, line: str) -> None:
    """Only a path of this host, in a method that notebooks know; nothing is quoted back."""
    answer = await send(house, await head(house, line) + "\r\n")

    assert status(answer) in (400, 404, 405, 421)
    assert b"evil" not in answer
    assert b"aiohttp" not in answer
    assert paths(house) == []


async def test_http_1_0_gets_a_whole_answer_without_chunks(house: House) -> None:
    """An old client would take chunk sizes for content."""
    cookie = (await house.cookie())["Cookie"]

    answer = await send(
        house, f"GET /down/1 HTTP/1.0\r\nHost: {house.host()}\r\nCookie: {cookie}\r\n\r\n"
    )

    top, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in top.lower()
    assert len(body) == 1024 * 1024


@pytest.mark.parametrize(
    "path",
    [
        "/-/ticket/a%0d%0aSet-Cookie:%20bellhop=forged",
        "/%0d%0aX-Injected:%201",
        "/lab?x=%0d%0aX-Injected:%201",
    ],
)
async def test_line_breaks_in_an_address_never_become_headers(house: House, path: str) -> None:
    """Neither of our answer nor of what goes up."""
    answer = await send(house, await head(house, f"GET {path} HTTP/1.1") + "\r\n")

    top = answer.partition(b"\r\n\r\n")[0].lower()
    assert b"\r\nx-injected" not in top
    assert b"forged" not in top
    assert all("X-Injected" not in seen.headers for seen in house.notebook.seen)


async def test_bytes_that_are_no_utf_8_pass_and_are_no_fault_of_ours(house: House) -> None:
    """An old program writes Latin-1 into a header."""
    start = await head(house, "GET /first HTTP/1.1")

    answer = await send(house, f"{start}X-Name: \xfcber\r\n\r\n".encode("latin-1"))

    assert status(answer) == 200
    assert house.notebook.seen[0].headers["X-Name"] == "über"
