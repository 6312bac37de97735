"""Names that are not ours, however they are written: one plain page, and nothing of anybody's."""

from __future__ import annotations

import pytest

from tests.relay.books import SIBLING
from tests.relay.conftest import House
from tests.relay.wire import send, status

NAMES = [
    # Whoever rebinds a name of theirs to our address still says that name.
    "evil.example",
    "evil.example:{port}",
    "bc2345.evil.example:{port}",
    "bc2345.localhost.evil.example:{port}",
    # Addresses in every notation.
    "127.0.0.2:{port}",
    "127.1:{port}",
    "2130706433:{port}",
    "0x7f000001:{port}",
    "[::1]",
    "[::ffff:127.0.0.1]:{port}",
    "192.168.0.1:{port}",
    "0.0.0.0:{port}",
    # The right name, written in a way no browser of ours does.
    "bc2345.localhost.:{port}",
    "bc2345..localhost:{port}",
    ".localhost:{port}",
    "bc2345.localhost:{port}0",
    "bc2345.localhost:0{port}",
    "bc2345.localhost:",
    "bc2345.localhost",
    "bc2345.localhost:80",
    "bc2345.localhost:{port}:{port}",
    "bc2345.localhost:{port}@evil.example",
    "evil.example@bc2345.localhost:{port}",
    "bc2345.localhost:{port}/x",
    "bc2345.localhost:{port}, evil.example",
    "bc_2345.localhost:{port}",
    "-bc2345.localhost:{port}",
    "*.localhost:{port}",
    "a.bc2345.localhost:{port}",
    "\u0131\xfc.localhost:{port}",
    "bc2345\uff0elocalhost:{port}",
    "%62c2345.localhost:{port}",
    "",
    " ",
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_that_is_not_ours_gets_one_plain_page(house: House, name: str) -> None:
    """With a good cookie or without, for whatever path; no cookie is set and nothing is passed."""
    cookie = (await house.cookie())["Cookie"]
    host = name.format(port=house.port)
    bodies = set()

    for path in ("/lab", "/-/ticket/abc", "/-/healthz"):
        answer = await send(
            house,
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n"
            "Accept: text/html\r\nConnection: close\r\n\r\n".encode(),
        )
        bodies.add(answer.partition(b"\r\n\r\n")[2])
        assert status(answer) in (400, 421)
        assert b"Set-Cookie" not in answer
        assert b"Location" not in answer
        assert b"evil" not in answer

    assert len(bodies) == 1
    assert house.notebook.seen == []


@pytest.mark.parametrize(
    "hosts",
    [
        "",
        "Host: {host}\r\nHost: {host}\r\n",
        "Host: {host}\r\nHost: evil.example\r\n",
        "Host: evil.example\r\nHost: {host}\r\n",
        "Host: {sibling}\r\nhost: {host}\r\n",
        "X-Forwarded-Host: {host}\r\nHost: evil.example\r\n",
        "X-Forwarded-Host: {host}\r\n",
    ],
)
async def test_a_host_that_is_missing_doubled_or_said_otherwise_is_nobodys(
    house: House, hosts: str
) -> None:
    """Only the one Host header counts."""
    cookie = (await house.cookie())["Cookie"]
    given = hosts.format(host=house.host(), sibling=house.host(SIBLING))

    for version in ("HTTP/1.1", "HTTP/1.0"):
        answer = await send(
            house, f"GET /lab {version}\r\n{given}Cookie: {cookie}\r\nConnection: close\r\n\r\n"
        )
        assert status(answer) in (400, 421)

    assert house.notebook.seen == []


async def test_a_host_in_capitals_is_the_same_one(house: House) -> None:
    """Names know no case."""
    cookie = (await house.cookie())["Cookie"]

    answer = await send(
        house,
        f"GET /hello HTTP/1.1\r\nHost: {house.host().upper()}\r\nCookie: {cookie}\r\n"
        "Connection: close\r\n\r\n",
    )

    assert status(answer) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/-/ticket/x?next=//evil.example",
        "/-/ticket/x?next=https://evil.example",
        "/-/ticket/..%2f..%2f%2fevil.example",
        "/-/ticket/%5c%5cevil.example",
        "/?next=//evil.example",
        "/-/?url=//evil.example",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nothing_of_ours_leads_to_another_site(house: House, path: str, method: str) -> None:
    """Where a person lands is never taken from an address; with a good ticket it is `/`."""
    async with house.ask(path, method=method) as answer:
        assert "evil" not in answer.headers.get("Location", "")
        assert "evil" not in await answer.text()

    good = await house.ticket()
    async with house.ask(f"{good}?next=//evil.example", method="POST") as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")
