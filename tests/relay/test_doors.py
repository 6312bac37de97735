"""The way in: tickets, cookies, and who is kept out."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta

import pytest

from bot.domain.rentals import Phase, Reason, RentalId, State
from bot.errors import Store
from bot.services.routes import Route
from tests.relay.books import OWNER, RENTAL, SIBLING, rental
from tests.relay.conftest import PAGE, House
from tests.relay.notebook import TOKEN
from tests.relay.wire import send, status


async def test_without_a_cookie_the_page_says_how_to_get_in(house: House) -> None:
    """It names neither the owner nor the machine, and the notebook hears nothing."""
    async with house.ask("/lab", PAGE) as answer:
        text = await answer.text()

    assert answer.status == 403
    assert "Type <code>/open</code> in Discord" in text
    assert "ana" not in text
    assert "secret plans" not in text
    assert house.notebook.seen == []


async def test_who_was_let_in_once_reads_that_it_is_over(house: House) -> None:
    """And how to come back; no name of anybody stands there, for the cookie may be anybody's."""
    cookie = await house.cookie()
    await house.links.revoke(RENTAL)

    async with house.ask("/lab", {**PAGE, **cookie}) as answer:
        text = await answer.text()

    assert answer.status == 403
    assert "You are signed out of this notebook" in text
    assert "A way in lasts 12 hours" in text
    assert "Type <code>/open</code> in Discord" in text
    assert OWNER.name not in text.replace("language", "")
    assert "secret plans" not in text


async def test_scripts_get_the_same_words_as_json(house: House) -> None:
    """JupyterLab shows `message` to the person."""
    async with house.ask("/api/contents", {"Accept": "text/html"}) as answer:
        said = await answer.json()

    assert answer.status == 403
    assert said["message"] == (
        "This notebook opens from Discord. "
        "Type /open in Discord. You get a button that lets you in, in this browser."
    )


async def test_looking_at_a_ticket_does_not_spend_it(house: House) -> None:
    """Link previews look, and look again."""
    path = await house.ticket()

    for method in ("GET", "HEAD", "GET"):
        async with house.ask(path, PAGE, method=method) as answer:
            text = await answer.text()
            assert answer.status == 200
            assert "Set-Cookie" not in answer.headers

    assert '<form method="post"><button>Open the notebook</button></form>' in text
    assert path.rpartition("/")[2] not in text


async def test_pressing_the_button_spends_the_ticket_once(house: House) -> None:
    """The first press lets in, the second one says that the link is spent."""
    path = await house.ticket()

    async with house.ask(path, PAGE, method="POST") as first:
        pass
    async with house.ask(path, PAGE, method="POST") as second:
        text = await second.text()

    assert first.status == 303
    assert first.headers["Location"] == "/"
    name, *attributes = first.headers["Set-Cookie"].split("; ")
    assert name.startswith("bellhop=")
    assert set(attributes) == {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Lax"}
    assert second.status == 410
    assert "This link no longer works" in text
    async with house.ask("/hello", {"Cookie": name}) as inside:
        assert await inside.json() == {"path": "/hello", "method": "GET"}


@pytest.mark.parametrize("house", ["https://{rental}.gpu.example.org"], indirect=True)
async def test_behind_tls_the_cookie_is_the_strictest_there_is(house: House) -> None:
    """Secure, and under a name that browsers take from this very origin only."""
    async with house.ask(await house.ticket(), PAGE, method="POST") as answer:
        cookie, *attributes = answer.headers["Set-Cookie"].split("; ")

    assert cookie.startswith("__Host-bellhop=")
    assert set(attributes) == {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Lax", "Secure"}
    async with house.ask("/hello", {"Cookie": cookie}) as inside:
        assert inside.status == 200
    async with house.ask("/hello", {"Cookie": cookie.removeprefix("__Host-")}) as outside:
        assert outside.status == 403


async def test_an_old_link_leads_whoever_is_in_already_to_the_notebook(house: House) -> None:
    """The back button and the bookmarked link are no errors."""
    path = await house.ticket()
    async with house.ask(path, PAGE, method="POST") as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]

    async with house.ask(path, {**PAGE, "Cookie": cookie}) as again:
        assert (again.status, again.headers["Location"]) == (303, "/")


async def test_an_expired_or_made_up_ticket_is_said_to_be_no_longer_good(house: House) -> None:
    """Which of the two it is, nobody learns."""
    path = await house.ticket()
    house.clock.turn(timedelta(minutes=5))

    for wrong in (path, "/-/ticket/made-up", "/-/ticket/", "/-/ticket/%ff", "/-/ticket/a/b"):
        for method in ("GET", "POST", "PUT"):
            async with house.ask(wrong, PAGE, method=method) as answer:
                assert answer.status == 410
                assert "This link no longer works" in await answer.text()


async def test_a_ticket_works_on_its_own_origin_only(house: House) -> None:
    """On a sibling's it is no good, and it is not spent by trying."""
    path = await house.ticket()

    async with house.ask(path, PAGE, method="POST", host=house.host(SIBLING)) as answer:
        assert answer.status == 410
    async with house.ask(path, PAGE, method="POST") as answer:
        assert answer.status == 303


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_the_button_is_pressed_on_our_page(house: House, given, status) -> None:
    """Another site's form spends nothing; our own says "null", for it sends no referrer."""
    path = await house.ticket()

    async with house.ask(path, {**PAGE, **given}, method="POST") as answer:
        assert answer.status == status


async def test_a_cookie_for_another_rental_is_refused(house: House) -> None:
    """Even though both belong to the same person."""
    cookie = await house.cookie(SIBLING)

    async with house.ask("/lab", {**PAGE, **cookie}) as answer:
        assert answer.status == 403
    assert house.notebook.seen == []


async def test_a_second_cookie_of_our_name_does_not_lock_out(house: House) -> None:
    """A sibling may put one beside ours; neither of them reaches the notebook."""
    cookie = (await house.cookie())["Cookie"]

    async with house.ask("/hello", {"Cookie": f"bellhop=tossed; {cookie}; a=b"}) as answer:
        assert answer.status == 200
    assert house.notebook.seen[0].headers["Cookie"] == "a=b"


async def test_a_jar_full_of_forged_cookies_costs_few_looks_into_the_books(house: House) -> None:
    """A page of the machine can put hundreds beside ours; only what looks like ours is tried."""
    cookie = (await house.cookie())["Cookie"]
    short = "; ".join(f"bellhop={n}" for n in range(1000))
    long = "; ".join(f"bellhop={n:043}" for n in range(200))
    house.books.asked = 0

    async with house.ask("/hello", {"Cookie": f"{short}; {cookie}; {long}"}) as answer:
        assert answer.status == 200
    async with house.ask("/hello", {"Cookie": long}) as answer:
        assert answer.status == 403

    assert house.books.asked < 50


async def test_of_two_who_press_at_the_same_moment_one_is_let_in(house: House) -> None:
    """A forwarded link, a double click: one session, and the other gets the page."""
    path = await house.ticket()

    async def press() -> int:
        async with house.ask(path, PAGE, method="POST") as answer:
            return answer.status

    assert sorted(await asyncio.gather(press(), press(), press())) == [303, 410, 410]
    assert len(house.books.sessions) == 1


async def test_a_ticket_to_a_machine_that_has_ended_opens_nothing(house: House) -> None:
    """It is ended with the sessions, spent or not."""
    path = await house.ticket()
    await house.links.revoke(RENTAL)
    house.books.rentals[RENTAL] = rental(state=State.CLOSED, reason=Reason.RELEASED)

    async with house.ask(path, PAGE, method="POST") as answer:
        assert answer.status == 410
        assert "Set-Cookie" not in answer.headers


async def test_after_the_ticket_the_address_is_clean_and_kept_nowhere(house: House) -> None:
    """See Other, to a path without it; neither stored nor told to the next page."""
    path = await house.ticket()

    async with house.ask(path, PAGE, method="POST") as answer:
        given = answer.headers
        assert answer.status == 303

    assert given["Location"] == "/"
    assert given["Cache-Control"] == "no-store"
    assert given["Referrer-Policy"] == "no-referrer"
    cookie = given["Set-Cookie"].partition(";")[0]
    referer = {"Referer": house.origin() + path}
    async with house.ask("/hello", {"Cookie": cookie, **referer}):
        pass
    assert "Referer" not in house.notebook.seen[0].headers


async def test_a_session_ends_after_twelve_hours(house: House) -> None:
    """Then the page says how to get in again."""
    cookie = await house.cookie()
    house.clock.turn(timedelta(hours=12))

    async with house.ask("/lab", {**PAGE, **cookie}) as answer:
        assert answer.status == 403


async def test_a_revoked_session_is_out_at_once(house: House) -> None:
    """Not when a cache says so."""
    cookie = await house.cookie()
    async with house.ask("/hello", cookie) as answer:
        assert answer.status == 200

    await house.links.revoke(RENTAL)

    async with house.ask("/hello", cookie) as answer:
        assert answer.status == 403


async def test_our_pages_leak_nothing_and_load_nothing(house: House) -> None:
    """Not kept, not framed, no referrer, no script, nothing fetched, no banner."""
    path = await house.ticket()

    for where in (path, "/lab", "/-/nothing"):
        async with house.ask(where, PAGE) as answer:
            text = await answer.text()
            given = answer.headers
        assert given["Cache-Control"] == "no-store"
        assert given["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in given["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in given["Content-Security-Policy"]
        assert given["Server"] == "bellhop"
        assert "<script" not in text
        assert "http://" not in text
        assert "https://" not in text


@pytest.mark.parametrize("host", ["evil.example", "bc2345.localhost", "a.bc2345.localhost:1"])
async def test_an_unknown_host_gets_one_plain_page(house: House, host: str) -> None:
    """With or without a cookie, whatever the path."""
    async with house.ask("/lab", {**PAGE, **await house.cookie()}, host=host) as answer:
        text = await answer.text()

    assert answer.status == 421
    assert "nothing at this address" in text


async def test_an_unknown_machine_is_said_to_be_unknown(house: House) -> None:
    """An address that was mistyped, or whose rental never was."""
    async with house.ask("/", PAGE, host=house.host(RentalId("zzz999"))) as answer:
        assert answer.status == 404
        assert "no machine at this address" in await answer.text()


@pytest.mark.parametrize("state", [State.REQUESTED, State.CREATING, State.BOOTING])
async def test_a_machine_that_starts_says_how_far_it_is_and_reloads(
    house: House, state: State
) -> None:
    """What Vast says is shown as text, whatever is in it."""
    house.books.rentals[SIBLING] = rental(
        SIBLING, state=state, phase=Phase.LOADING, detail="Pulling <b>layer</b> 3"
    )

    async with house.ask("/lab", PAGE, host=house.host(SIBLING)) as answer:
        text = await answer.text()

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "3"
    assert '<meta http-equiv="refresh" content="3">' in text
    assert '<li class="now" aria-current="step">Loading the image</li>' in text
    assert "Pulling &lt;b&gt;layer&lt;/b&gt; 3" in text


@pytest.mark.parametrize("reason", list(Reason))
async def test_a_machine_that_ended_says_why(house: House, reason: Reason) -> None:
    """Every reason has words, and the page does not reload."""
    house.books.rentals[SIBLING] = rental(SIBLING, state=State.CLOSED, reason=reason)

    async with house.ask("/lab", PAGE, host=house.host(SIBLING)) as answer:
        text = await answer.text()

    assert answer.status == 410
    assert "This machine has ended" in text
    assert text.count("<p>") == 2  # why, and what to do next
    assert "refresh" not in text


async def test_a_machine_that_was_archived_says_how_its_work_comes_back(house: House) -> None:
    """To a stranger, too, and without a name of anybody or anything."""
    house.books.rentals[SIBLING] = rental(
        SIBLING, state=State.CLOSED, reason=Reason.RELEASED, archive_id="qrstvwxz"
    )

    async with house.ask("/lab", PAGE, host=house.host(SIBLING)) as answer:
        text = await answer.text()

    assert answer.status == 410
    assert "This notebook is asleep" in text
    assert "<code>/archives restore</code>" in text
    assert "opens at this address again" in text
    assert "qrstvwxz" not in text
    assert "secret plans" not in text
    assert OWNER.name not in text.replace("language", "")


async def test_an_old_machine_whose_work_moves_says_so_and_reloads(house: House) -> None:
    """Closed for its last copy: the page waits for the new machine at this address."""
    cookie = await house.cookie()
    house.books.rentals[RENTAL] = rental(state=State.ARCHIVING, reason=Reason.MOVED)
    house.routes.drop(RENTAL)

    async with house.ask("/lab", {**PAGE, **cookie}) as answer:
        text = await answer.text()

    assert answer.status == 503
    assert "Your work is moving to another machine" in text
    assert "refresh" in text


async def test_an_address_that_went_over_leads_to_the_new_machine_only(house: House) -> None:
    """The new one answers under the old name: an old cookie does not open it, a new ticket does."""
    old = await house.cookie()
    async with house.ask("/api/status", old) as answer:
        assert answer.status == 200
    house.books.rentals[RENTAL] = rental(address="gone")
    house.books.rentals[SIBLING] = rental(SIBLING, address=RENTAL)
    house.routes.set(SIBLING, Route(house.notebook.path, TOKEN))
    house.clock.turn(timedelta(seconds=6))

    async with house.ask("/api/status", old) as answer:
        locked_out = answer.status
    url = await house.links.issue(OWNER, SIBLING)
    new = await house.links.spend(SIBLING, url.rpartition("/")[2])
    assert new is not None
    async with house.ask("/api/status", {"Cookie": f"bellhop={new.value}"}) as answer:
        let_in = answer.status

    assert url.startswith(house.origin(RENTAL))
    assert (locked_out, let_in) == (403, 200)


async def test_what_an_earlier_machine_left_in_the_browser_is_cleared(house: House) -> None:
    """At an address that went over its pages and stores are nobody's; at a new one are none."""
    house.books.rentals[RENTAL] = rental(address="gone")
    house.books.rentals[SIBLING] = rental(SIBLING, address=RENTAL)
    went_over = (await house.links.issue(OWNER, SIBLING)).removeprefix(house.origin(RENTAL))

    async with house.ask(went_over, PAGE, method="POST") as answer:
        assert answer.status == 303
        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'

    house.books.rentals[RENTAL] = rental()
    house.books.rentals[SIBLING] = rental(SIBLING)
    house.clock.turn(timedelta(seconds=6))
    async with house.ask(await house.ticket(), PAGE, method="POST") as answer:
        assert answer.status == 303
        assert "Clear-Site-Data" not in answer.headers


async def test_a_big_body_for_a_form_of_ours_is_not_waited_for(house: House) -> None:
    """The button sends nothing, so nothing is read; the answer comes, and then the end."""
    path = await house.ticket()

    answer = await send(
        house,
        f"POST {path} HTTP/1.1\r\nHost: {house.host()}\r\nContent-Length: 10000000000\r\n\r\n"
        + "a" * 100_000,
    )

    assert status(answer) == 303


async def test_a_machine_that_is_ending_says_so_to_whoever_was_in(house: House) -> None:
    """The route is gone, the session revoked, and the open tab learns what happened."""
    cookie = await house.cookie()
    house.books.rentals[RENTAL] = rental(state=State.DESTROYING, reason=Reason.RELEASED)
    house.routes.drop(RENTAL)
    await house.links.revoke(RENTAL)

    async with house.ask("/api/contents", cookie) as answer:
        said = await answer.json()

    assert answer.status == 410
    assert said["message"] == "This machine is ending. It was ended in Discord."


async def test_a_ready_machine_without_a_way_to_it_reloads_until_there_is_one(
    house: House,
) -> None:
    """As in the seconds after a restart of ours; what keeps us from it is said to who is in."""
    cookie = await house.cookie()
    house.books.rentals[RENTAL] = rental(detail="Another machine answers at its address.")
    house.routes.drop(RENTAL)

    async with house.ask("/lab", {**PAGE, **cookie}) as answer:
        assert answer.status == 503
        text = await answer.text()
    assert "Connecting to your machine" in text
    assert "Another machine answers at its address." in text
    async with house.ask("/lab", PAGE) as answer:
        assert "Another machine" not in await answer.text()


async def test_the_bare_address_has_health_and_a_plain_page_and_nothing_else(
    house: House,
) -> None:
    """By the relay's public name and by loopback, for whoever watches over it."""
    for host in (f"localhost:{house.port}", f"127.0.0.1:{house.port}"):
        async with house.ask("/-/healthz", host=host) as answer:
            assert (answer.status, await answer.json()) == (200, {"ok": True})
        async with house.ask("/", PAGE, host=host) as answer:
            assert answer.status == 200
            assert "/open" in await answer.text()
        async with house.ask("/lab", PAGE, host=host) as answer:
            assert answer.status == 404
    async with house.ask("/-/healthz") as answer:
        assert answer.status == 404


async def test_readiness_says_what_is_wrong(house: House) -> None:
    """By name, with 503 as soon as one thing is."""
    bare = f"localhost:{house.port}"
    async with house.ask("/-/readyz", host=bare) as answer:
        assert (answer.status, await answer.json()) == (
            200,
            {"ok": True, "checks": {"database": "ok"}},
        )

    house.checks["vast"] = "not answering"

    async with house.ask("/-/readyz", host=bare) as answer:
        assert (answer.status, await answer.json()) == (
            503,
            {"ok": False, "checks": {"database": "ok", "vast": "not answering"}},
        )


async def test_what_the_house_does_is_not_told_through_a_tunnel(house: House) -> None:
    """There the relay is its own front: credit and spending would be for everybody to read."""
    bare, ray = f"localhost:{house.port}", {"CF-Ray": "8a1b2c3d4e5f6789-FRA"}

    for path in ("/-/readyz", "/-/metrics"):
        async with house.ask(path, ray, host=bare) as answer:
            assert answer.status == 404
    async with house.ask("/-/healthz", ray, host=bare) as answer:
        assert answer.status == 200


async def test_a_database_that_is_away_is_said_in_its_own_words(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the detail, the page has the sentence."""

    async def away(*_: object) -> None:
        raise Store("could not connect to db.internal")

    monkeypatch.setattr(house.books, "ticket", away)

    async with house.ask("/-/ticket/x", PAGE) as answer:
        text = await answer.text()

    assert answer.status == 503
    assert "Our database is not answering." in text
    assert "db.internal" not in text


async def test_what_nobody_foresaw_gets_a_number_that_is_in_the_log(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing of what happened shows."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("inner workings")

    monkeypatch.setattr(house.books, "ticket", broken)

    async with house.ask("/-/ticket/x", PAGE) as answer:
        text = await answer.text()

    assert answer.status == 500
    assert "inner workings" not in text
    number = caplog.records[-1].getMessage().rpartition(" ")[2]
    assert number in text


async def test_no_ticket_cookie_or_token_is_ever_logged(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """At any level, whether it goes well or not."""
    caplog.set_level(logging.DEBUG)
    path = await house.ticket()

    async with house.ask(path, PAGE, method="POST") as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    async with house.ask("/lab", {"Cookie": cookie}) as answer:
        await answer.read()
    await house.notebook.stop()
    async with house.ask("/lab?token=abc", {"Cookie": cookie}) as answer:
        await answer.read()

    said = "\n".join([caplog.text, json.dumps([str(r.args) for r in caplog.records])])
    for secret in (path.rpartition("/")[2], cookie.partition("=")[2], "the-notebooks-own-token"):
        assert secret not in said
