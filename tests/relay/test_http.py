"""HTTP through the relay: what arrives, what comes back, and that nothing is held whole."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.relay.app import CLOSE_S
from bot.services.routes import Route
from tests.relay.books import RENTAL
from tests.relay.conftest import PAGE, House, settled, until
from tests.relay.notebook import PIECE, TOKEN, Notebook
from tests.relay.wire import crooked, says

MB = 1024 * 1024
BIG = 50
HELD_MB = 24
"""What may be on its way between two ends of which one does not read: sockets' own buffers, and
ours, which are small. It stays well below the 50 MB that are sent."""


async def test_the_token_goes_up_and_our_cookie_does_not(house: House) -> None:
    """The notebook sees its own token, the address as it was written, and no session."""
    cookie = await house.cookie()

    async with house.ask("/api/contents/%C3%BC%20a%2Fb?x=%2B&y", cookie) as answer:
        assert await answer.json() == {
            "path": "/api/contents/%C3%BC%20a%2Fb?x=%2B&y",
            "method": "GET",
        }

    seen = house.notebook.seen[0]
    assert seen.headers["Authorization"] == f"token {TOKEN}"
    assert seen.headers["Host"] == house.host()
    assert "Cookie" not in seen.headers


async def test_the_token_is_taken_out_of_jupyterlabs_page(house: House) -> None:
    """Also where it comes in two pieces; what only looks like its beginning stays."""
    cookie = await house.cookie()

    async with house.ask("/lab", {**PAGE, **cookie, "Accept-Encoding": "gzip"}) as answer:
        text = await answer.text()

    assert text == f'<html>{{"token": ""}} {TOKEN[:5]} </html>'
    assert house.notebook.seen[0].headers["Accept-Encoding"] == "identity"


async def test_the_notebook_cannot_set_our_cookie(house: House) -> None:
    """Under neither of its names; its own cookies pass."""
    async with house.ask("/cookies", await house.cookie()) as answer:
        assert answer.headers.getall("Set-Cookie") == ["ok=1"]


async def test_the_first_page_is_the_notebooks_own(house: House) -> None:
    """Redirects stay relative, and no banner shows."""
    async with house.ask("/", {**PAGE, **await house.cookie()}) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/lab?")
        assert answer.headers["Server"] == "bellhop"


@pytest.mark.parametrize("sized", ["", "?sized=1"])
async def test_a_big_download_arrives_whole(house: House, sized: str) -> None:
    """Chunked or with a length."""
    size = 0
    async with house.ask(f"/down/{BIG}{sized}", await house.cookie()) as answer:
        assert ("Content-Length" in answer.headers) is bool(sized)
        async for piece in answer.content.iter_any():
            size += len(piece)

    assert size == BIG * MB
    assert house.traffic.carried(RENTAL) == size


async def test_a_download_nobody_reads_stops_at_its_source(house: House) -> None:
    """The relay holds nothing, so memory stays flat whatever the size."""
    async with house.ask(f"/down/{BIG}", await house.cookie()):
        sent = await settled(lambda: house.notebook.carried)

    assert sent < HELD_MB * MB


@pytest.mark.parametrize("sized", [True, False])
async def test_a_big_upload_arrives_whole(house: House, sized: bool) -> None:
    """Chunked or with a length; Jupyter's own limit is the only one."""
    headers = {**await house.cookie(), **({"Content-Length": str(BIG * MB)} if sized else {})}

    async with house.ask("/up", headers, method="PUT", data=pieces(BIG)) as answer:
        assert await answer.json() == {"size": BIG * MB}

    assert ("Content-Length" in house.notebook.seen[0].headers) is sized


async def test_an_upload_nobody_takes_stops_at_its_source(house: House) -> None:
    """The browser is not read from while the notebook does not read."""
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        async for piece in pieces(BIG):
            yield piece
            sent += len(piece)

    cookie = await house.cookie()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(
            _read(house.ask("/up?wait=1", cookie, method="POST", data=body()))
        )
        await until(lambda: len(house.notebook.seen) == 1)
        held = await settled(lambda: sent)
        house.notebook.go_on.set()

    assert held < HELD_MB * MB
    assert asking.result() == (200, b'{"size": 52428800}')


async def test_a_compressed_upload_and_download_pass_as_they_are(house: House) -> None:
    """Nothing is unpacked on the way."""
    packed = gzip.compress(b"x" * 100_000)
    headers = {**await house.cookie(), "Content-Encoding": "gzip"}

    async with house.ask("/up", headers, method="POST", data=packed) as answer:
        assert await answer.json() == {"size": len(packed)}


async def test_ranges_heads_and_unchanged_files_work(house: House) -> None:
    """As a video in a notebook or a resumed download asks for them."""
    cookie = await house.cookie()

    async with house.ask("/file", {**cookie, "Range": "bytes=5-9"}) as part:
        assert part.status == 206
        assert await part.read() == b"56789"
        assert part.headers["Content-Range"] == f"bytes 5-9/{len(PIECE)}"
    async with house.ask("/file", cookie, method="HEAD") as head:
        assert head.headers["Content-Length"] == str(len(PIECE))
        assert await head.read() == b""
    async with house.ask("/file", {**cookie, "If-None-Match": head.headers["ETag"]}) as unchanged:
        assert (unchanged.status, await unchanged.read()) == (304, b"")


async def test_answers_without_a_body_leave_the_connection_usable(house: House) -> None:
    """204, an empty 200 and a small one, one after another on the same connection."""
    cookie = (await house.cookie())["Cookie"]
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)

    with closing(writer):
        for path, status in (("/nothing", b"204"), ("/empty", b"200"), ("/hello", b"200")):
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: {house.host()}\r\nCookie: {cookie}\r\n\r\n".encode()
            )
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            assert head.split()[1] == status
    assert b"Content-Length: 35" in head
    assert await reader.readexactly(35) == b'{"path": "/hello", "method": "GET"}'


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n<h1>hello</h1>", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nhi", "a/b"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", None),
    ],
)
async def test_what_has_no_type_is_left_to_the_browser(
    house: House, tmp_path: Path, head: bytes, kind: str | None
) -> None:
    """Small programs of one's own name none; Chromium shows what they say as the page it is."""
    async with crooked(str(tmp_path / "own.sock"), says(head)):
        house.routes.set(RENTAL, Route(str(tmp_path / "own.sock"), TOKEN))
        async with house.ask("/", await house.cookie()) as answer:
            assert answer.headers.get("Content-Type") == kind


async def test_events_arrive_when_they_happen(house: House) -> None:
    """A stream is not collected."""
    async with house.ask("/events", await house.cookie()) as answer:
        assert await answer.content.readline() == b"data: one\n"
        house.notebook.go_on.set()
        assert await answer.content.read() == b"\ndata: two\n\n"


async def test_the_notebook_learns_that_the_browser_left(house: House) -> None:
    """Else every closed tab would leave a request behind."""
    async with house.ask("/events", await house.cookie()) as answer:
        await answer.content.readline()
        answer.close()

    await until(house.notebook.gone.is_set)


async def test_revoking_ends_what_is_being_streamed(house: House) -> None:
    """A download that has begun is no way to stay."""
    async with house.ask("/events", await house.cookie()) as answer:
        await answer.content.readline()

        await house.links.revoke(RENTAL)

        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(answer.read(), 30)
    await until(house.notebook.gone.is_set)


async def test_a_client_that_waits_to_be_told_to_go_on_is_told(house: House) -> None:
    """`Expect: 100-continue`, as curl sends it with big files."""
    cookie = (await house.cookie())["Cookie"]
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)

    with closing(writer):
        writer.write(
            f"PUT /up HTTP/1.1\r\nHost: {house.host()}\r\nCookie: {cookie}\r\n"
            "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n".encode()
        )
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert house.notebook.carried == 4


@pytest.mark.parametrize("sized", ["", "?sized=1"])
async def test_an_answer_that_breaks_off_breaks_off_for_the_browser_too(
    house: House, sized: str
) -> None:
    """Half a file must not look like a whole one."""
    async with house.ask(f"/broken{sized}", await house.cookie()) as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_changes_something_is_sent_once(house: House, method: str) -> None:
    """Even when the notebook hangs up without a word: it may have been done."""
    cookie = await house.cookie()
    async with house.ask("/hello", cookie):
        pass  # so that there is a kept connection, which is what aiohttp repeats on
    house.notebook.seen.clear()

    async with house.ask("/hang-up", cookie, method=method) as answer:
        assert answer.status == 503

    assert len(house.notebook.seen) == 1


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_is_saved_goes_the_shared_way_when_the_lane_has_just_ended(
    house: House, method: str
) -> None:
    """Nothing was sent through it, so nothing can come twice."""

    class Ended:
        def lane(self, rental_id: object, carries: object) -> str:
            return "/nowhere/lane.sock"

    house.relay._upstreams._lanes = Ended()
    cookie = await house.cookie()

    async with house.ask("/up", cookie, method=method, data=pieces(1)) as answer:
        assert answer.status == 200
        assert (await answer.json())["size"] == len(PIECE) * 16


async def test_a_notebook_that_is_not_there_gets_a_page_that_says_since_when(
    house: House,
) -> None:
    """Shown while it lasts, and forgotten when the notebook is back."""
    cookie = {**PAGE, **await house.cookie()}
    await house.notebook.stop()
    async with house.ask("/lab", cookie) as answer:
        assert answer.status == 503
    house.clock.turn(timedelta(minutes=3))

    async with house.ask("/lab", cookie) as answer:
        text = await answer.text()
    assert "silent for 3 minutes" in text
    assert '<meta http-equiv="refresh" content="5">' in text
    assert house.notebook.path not in text

    await house.notebook.start()
    async with house.ask("/hello", cookie) as answer:
        assert answer.status == 200
    await house.notebook.stop()
    async with house.ask("/api/contents", cookie) as answer:
        assert answer.status == 503
        assert (await answer.json())["message"].startswith("Your machine is not answering. ")


async def test_requests_of_other_sites_are_not_passed_on(house: House) -> None:
    """Though the browser sent the cookie along, as it does between siblings."""
    cookie = await house.cookie()

    for given in ({"Origin": "http://df6789.localhost"}, {"Sec-Fetch-Site": "same-site"}):
        async with house.ask("/api/kernels", {**cookie, **given}, method="POST") as answer:
            assert answer.status == 403
    assert house.notebook.seen == []


@pytest.mark.parametrize(
    "line",
    [
        "GET http://evil.example/ HTTP/1.1",
        "CONNECT evil.example:80 HTTP/1.1",
        "TRACE / HTTP/1.1",
        "GET /\xff HTTP/1.1",
        "PROPFIND / HTTP/1.1",
    ],
)
async def test_requests_for_something_else_than_a_path_are_refused(house: House, line: str) -> None:
    """The relay is no open proxy."""
    answer = await _raw(house, f"{line}\r\nHost: {house.host()}\r\n\r\n")

    assert b" 400 " in answer
    assert b"evil" not in answer
    assert b"aiohttp" not in answer


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Content-Length: +4\r\n",
        "X: a\rb\r\n",
        "X : a\r\n",
    ],
)
async def test_requests_with_two_readings_are_refused(house: House, headers: str) -> None:
    """Smuggling needs two parsers that disagree; ours stops before the notebook's begins."""
    cookie = (await house.cookie())["Cookie"]

    answer = await _raw(
        house, f"POST /up HTTP/1.1\r\nHost: {house.host()}\r\nCookie: {cookie}\r\n{headers}\r\nbody"
    )

    assert b" 400 " in answer
    assert house.notebook.seen == []


@pytest.mark.parametrize(("method", "length"), [("GET", None), ("POST", "40")])
async def test_no_second_request_hides_behind_an_upgrade(
    house: House, method: str, length: str | None
) -> None:
    """Where an upgrade has no body a length must not go up: it would eat the next request."""
    cookie = (await house.cookie())["Cookie"]
    hidden = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n....."
    assert len(hidden) == 40

    await _raw(
        house,
        f"{method} /hello HTTP/1.1\r\nHost: {house.host()}\r\nCookie: {cookie}\r\n"
        f"Origin: {house.origin()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Content-Length: 40\r\n\r\n{hidden}",
    )

    assert [request.raw_path for request in house.notebook.seen] == ["/hello"]
    assert house.notebook.seen[0].headers.get("Content-Length") == length


async def test_two_host_headers_are_nobodys(house: House) -> None:
    """Which one counts is not guessed."""
    answer = await _raw(
        house, f"GET / HTTP/1.1\r\nHost: {house.host()}\r\nHost: evil.example\r\n\r\n"
    )

    assert b" 400 " in answer


async def test_a_person_is_noticed_and_a_tab_is_not(house: House) -> None:
    """What changes contents or kernels is somebody's doing; polling is not."""
    cookie = await house.cookie()
    for path, method in (("/api/kernels", "GET"), ("/lab/api/workspaces/default", "PUT")):
        async with house.ask(path, cookie, method=method):
            pass
    assert house.traffic.last_human(RENTAL) is None

    async with house.ask("/api/contents/a.ipynb", cookie, method="PUT", data=b"{}"):
        pass

    assert house.traffic.last_human(RENTAL) == house.clock.now()


async def test_a_moved_notebook_is_found_at_its_new_place(house: House, tmp_path) -> None:
    """The same address in the browser, another socket behind it."""
    cookie = await house.cookie()
    async with house.ask("/hello", cookie) as answer:
        assert answer.status == 200
    (tmp_path / "other").mkdir()
    other = Notebook(tmp_path / "other")
    await other.start()

    house.routes.set(RENTAL, Route(other.path, TOKEN))

    async with house.ask("/hello", cookie) as answer:
        assert answer.status == 200
    assert len(other.seen) == 1
    await other.stop()


async def test_closing_ends_everything_in_time(house: House) -> None:
    """Streams that never end are ended."""
    loop = asyncio.get_running_loop()
    cookie = await house.cookie()
    async with house.ask("/events", cookie) as answer, house.connect("/ws", cookie):
        await answer.content.readline()
        start = loop.time()

        await house.relay.close()

    assert loop.time() - start < 2 * CLOSE_S + 1


async def pieces(mb: int) -> AsyncIterator[bytes]:
    for _ in range(mb * 16):
        yield PIECE


async def _read(asking) -> tuple[int, bytes]:
    async with asking as answer:
        return answer.status, await answer.read()


async def _raw(house: House, text: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    with closing(writer):
        writer.write(text.encode("latin-1"))
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
