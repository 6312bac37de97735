"""Signing in with Discord: the bookmarked address alone is enough, for who may enter."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from playwright.async_api import expect

from bot.adapters.discord.oauth import DiscordIdentities
from bot.errors import Unavailable
from bot.ports.sharing import Member
from bot.relay.app import Relay
from bot.services.links import Links
from bot.services.routes import Route, Routes, Traffic
from bot.services.sign_in import LIFE, SignIn
from tests.browser import chromium
from tests.relay.books import OTHER, OWNER, RENTAL, SIBLING, Books, Hands, rental
from tests.relay.conftest import PAGE, free_port
from tests.relay.notebook import TOKEN, Notebook
from tests.relay.oauth_server import CLIENT_ID, CLIENT_SECRET, OAuthServer


@dataclass
class Server:
    gone: set[int] = field(default_factory=set)
    silent: bool = False

    async def member(self, guild_id: int, member_id: int) -> Member | None:
        if self.silent:
            raise Unavailable("no answer")
        return None if member_id in self.gone else Member(member_id, "Ana", False)


class ReadableBooks(Books):
    async def readable_rentals(self):
        return [one for one in self.rentals.values() if one.open]


@dataclass
class Door:
    """A relay where signing in is set up, Discord behind it, and one person's browser."""

    port: int
    books: Books
    clock: Hands
    server: Server
    discord: OAuthServer
    browser: aiohttp.ClientSession
    jar: dict[str, str] = field(default_factory=dict)

    @property
    def bare(self) -> str:
        return f"localhost:{self.port}"

    def host(self, name: str = RENTAL) -> str:
        return f"{name}.localhost:{self.port}"

    async def get(self, url: str, host: str = "") -> tuple[aiohttp.ClientResponse, str]:
        """A page; whatever cookie it sets is kept for its host."""
        host = host or re.sub(r"^https?://([^/]+).*", r"\1", url)
        path = re.sub(r"^https?://[^/]+", "", url) or "/"
        where = url if host.startswith("127.") else f"http://127.0.0.1:{self.port}{path}"
        cookie = {"Cookie": self.jar[host]} if host in self.jar else {}
        given = {**PAGE, **cookie, "Host": host}
        async with self.browser.get(where, headers=given, allow_redirects=False) as answer:
            text = await answer.text()
        if "Set-Cookie" in answer.headers:
            self.jar[host] = answer.headers["Set-Cookie"].partition(";")[0]
        return answer, text

    async def begin(self, name: str = RENTAL) -> str:
        """From the notebook's address to Discord; the address one comes back to."""
        _, page = await self.get("/", self.host(name) if name else self.bare)
        found = re.search(r'href="([^"]*/-/login[^"]*)"', page)
        assert found, page
        sent, _ = await self.get(found[1])
        back, _ = await self.get(sent.headers["Location"])
        return back.headers["Location"]


@pytest.fixture
async def door(tmp_path) -> AsyncIterator[Door]:
    clock, routes, port = Hands(), Routes(), free_port()
    books = ReadableBooks(rental(), rental(SIBLING))
    url = f"http://{{rental}}.localhost:{port}"
    links = Links(store=books, clock=clock, relay_url=url)
    back = f"http://localhost:{port}/-/login/back"
    discord = OAuthServer(back)
    await discord.start()
    identities = DiscordIdentities(
        client_id=CLIENT_ID, client_secret=CLIENT_SECRET, back=back, base=discord.url
    )
    server = Server()

    async def health() -> dict[str, str]:
        return {}

    relay = Relay(
        host="127.0.0.1",
        port=port,
        relay_url=url,
        links=links,
        routes=routes,
        traffic=Traffic(),
        rentals=books,
        health=health,
        clock=clock,
        sign_in=SignIn(
            identities=identities, members=server, links=links, store=books, clock=clock
        ),
    )
    notebook = Notebook(tmp_path)
    await notebook.start()
    routes.set(RENTAL, Route(notebook.path, TOKEN))
    await relay.start()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        yield Door(port, books, clock, server, discord, browser)
    await relay.close()
    await notebook.stop()
    await discord.stop()


async def test_the_bookmarked_address_leads_through_discord_into_the_notebook(door: Door) -> None:
    """With a ticket like any other; what Discord handed out is given back."""
    back = await door.begin()
    on, _ = await door.get(back)
    ticket = on.headers["Location"]
    shown, page = await door.get(ticket)

    assert on.status == 303
    assert ticket.startswith(f"http://{door.host()}/-/ticket/")
    assert (shown.status, "Open the notebook" in page) == (200, True)
    assert door.discord.tokens == set()
    assert len(door.discord.given_back) == 1
    assert door.discord.asked[0]["scope"] == "identify"
    assert "code_verifier" not in door.discord.asked[0]
    assert [one.member_id for one in door.books.tickets.values()] == [OWNER.id]


@pytest.mark.e2e
@pytest.mark.browser
async def test_a_real_browser_signs_in_from_the_bookmark(door: Door) -> None:
    """Over three hosts and back, with the cookies and the origins that a browser really sends."""
    async with chromium() as browser:
        page = await (await browser.new_context()).new_page()
        await page.goto(f"http://{door.host()}/")
        await page.get_by_role("link", name="Sign in with Discord").click()
        await page.get_by_role("button", name="Open the notebook").click()
        await page.wait_for_url(f"http://{door.host()}/lab*")
        shown = await page.content()
        await page.goto(f"http://{door.host()}/hello")
        await expect(page.locator("body")).to_contain_text("/hello")

        door.discord.person = OTHER.id
        other = await (await browser.new_context()).new_page()
        await other.goto(f"http://{door.host()}/")
        await other.get_by_role("link", name="Sign in with Discord").click()
        await expect(other.locator("body")).to_contain_text("belongs to somebody else")

    assert TOKEN not in shown
    assert door.discord.tokens == set()
    assert len(door.discord.given_back) == 2


async def test_the_bare_address_shows_what_one_may_enter(door: Door) -> None:
    """Own notebooks and shared ones; each button lets in once."""
    door.discord.person = OTHER.id
    door.books.share(OTHER.id)
    shared, _ = await door.get(await door.begin(""))
    door.discord.person = OWNER.id
    door.jar.clear()
    mine, page = await door.get(await door.begin(""))

    assert shared.headers["Location"].startswith(f"http://{door.host()}/-/ticket/")
    assert mine.status == 200
    assert page.count("/-/ticket/") == 2
    assert 'href="http://' in page


async def test_who_may_not_enter_is_told_so(door: Door) -> None:
    """Somebody else, and an owner who has left the server; no ticket is made for either."""
    door.discord.person = OTHER.id
    other, _ = await door.get(await door.begin())
    door.discord.person = OWNER.id
    door.server.gone = {OWNER.id}
    left, page = await door.get(await door.begin())

    assert (other.status, left.status) == (403, 403)
    assert "a team you are not in" in page
    assert door.books.tickets == {}


async def test_a_sign_in_is_finished_in_the_browser_it_was_begun_in(door: Door) -> None:
    """Else somebody could be made to enter as another person; and a state is good once."""
    back = await door.begin()
    mine = door.jar.pop(door.bare)
    stolen, page = await door.get(back)
    door.jar[door.bare] = mine
    again, _ = await door.get(back)

    assert (stolen.status, again.status) == (403, 403)
    assert "begun in another browser" in page
    assert door.books.tickets == {}


@pytest.mark.parametrize(
    "path",
    [
        "/-/login/back?state=made-up&code=x",
        "/-/login/back?code=x",
        "/-/login/back?state=x",
        "/-/login/back?error=access_denied",
        "/-/login/back",
    ],
)
async def test_what_was_not_begun_here_leads_nowhere(door: Door, path: str) -> None:
    """No redirect, and Discord is not asked."""
    answer, _ = await door.get(path, door.bare)

    assert answer.status == 403
    assert "Location" not in answer.headers
    assert door.discord.given_back == []


@pytest.mark.parametrize("to", ["evil.example", "//evil.example", "https://evil", "a/b", "A", "@x"])
async def test_nobody_chooses_where_it_leads(door: Door, to: str) -> None:
    """Only a name of ours is taken, and it must lead to a rental one may enter."""
    answer, _ = await door.get(f"/-/login?to={to}", door.bare)

    assert answer.status == 404
    assert "Location" not in answer.headers


async def test_a_sign_in_does_not_wait_for_ever(door: Door) -> None:
    """Ten minutes, and it is begun anew."""
    back = await door.begin()
    door.clock.turn(LIFE)

    answer, _ = await door.get(back)

    assert answer.status == 403


async def test_saying_no_at_discord_is_no_fault(door: Door) -> None:
    """The page says what else there is."""
    door.discord.person = None

    answer, page = await door.get(await door.begin())

    assert answer.status == 403
    assert "You did not sign in" in page


async def test_discord_that_fails_lets_in_nobody(door: Door) -> None:
    """A broken answer, a refused client, a server that cannot say who is in it."""
    door.discord.fault = 500
    broken, _ = await door.get(await door.begin())
    door.discord.fault = 401
    refused, _ = await door.get(await door.begin())
    door.discord.fault, door.server.silent = None, True
    unknown, _ = await door.get(await door.begin())

    assert (broken.status, refused.status, unknown.status) == (503, 503, 503)
    assert door.books.tickets == {}


async def test_what_was_begun_does_not_fill_the_memory(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of too many the oldest is dropped, and is begun anew."""
    monkeypatch.setattr("bot.services.sign_in.AT_MOST", 2)
    back = await door.begin()
    mine = door.jar[door.bare]
    for _ in range(2):
        await door.get("/-/login", door.bare)
    door.jar[door.bare] = mine

    answer, _ = await door.get(back)

    assert answer.status == 403
