"""What only a real browser shows: where it sends cookies, and what a page may do to another."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from bot.domain.rentals import Reason, State
from bot.services.routes import Route
from tests.relay.books import RENTAL, SIBLING, rental
from tests.relay.conftest import House, free_port, until
from tests.relay.notebook import TOKEN
from tests.relay.test_browser import CHROMIUM

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    # Under a name of two parts machines are one site to a browser, as in production: their requests
    # to each other carry SameSite cookies. `localhost` by itself counts as a public suffix.
    pytest.mark.parametrize("house", ["http://{rental}.relay.localhost:{port}"], indirect=True),
]


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield await chromium.new_context()
        await chromium.close()


@pytest.fixture
async def evil() -> AsyncIterator[str]:
    """The origin of somebody else's site."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>evil</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://evil.localhost:{port}"
    await runner.cleanup()


@pytest.fixture
def two(house: House) -> House:
    """Both machines are there; the sibling is the one that attacks."""
    house.routes.set(SIBLING, Route(house.notebook.path, TOKEN))
    return house


async def enter(house: House, browser: BrowserContext, rental_id=RENTAL) -> Page:
    """A window of somebody who came in by ticket, on a page of the machine."""
    page = await browser.new_page()
    await page.goto(house.origin(rental_id) + await house.ticket(rental_id))
    await page.get_by_role("button", name="Open the notebook").click()
    await page.wait_for_url(f"{house.origin(rental_id)}/lab?")
    return page


def heard(house: House, rental_id=RENTAL) -> list[str]:
    """What reached a machine, by the host it was asked for."""
    return [
        f"{one.method} {one.path}"
        for one in house.notebook.seen
        if one.headers["Host"] == house.host(rental_id)
    ]


REQUESTS = """
async (origin) => {
  const tried = [];
  const attempt = async (name, work) => {
    try { tried.push([name, await work()]); } catch { tried.push([name, "refused"]); }
  };
  const options = { credentials: "include", mode: "no-cors" };
  await attempt("get", () => fetch(origin + "/api/contents", options).then(() => "sent"));
  await attempt("post", () => fetch(origin + "/api/kernels", { ...options, method: "POST",
    headers: { "Content-Type": "text/plain" }, body: "{}" }).then(() => "sent"));
  await attempt("cors", () => fetch(origin + "/api/x", { credentials: "include" })
    .then(() => "read"));
  await attempt("socket", () => new Promise((done) => {
    const socket = new WebSocket(origin.replace("http", "ws") + "/ws");
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
  }));
  await attempt("script", () => new Promise((done) => {
    const script = document.createElement("script");
    script.src = origin + "/static/steal.js";
    script.onload = () => done("loaded");
    script.onerror = () => done("refused");
    document.body.append(script);
  }));
  return Object.fromEntries(tried);
}
"""


@pytest.mark.parametrize("who", ["sibling", "stranger"])
async def test_another_page_reaches_nothing_with_the_persons_cookie(
    two: House, browser: BrowserContext, evil: str, who: str
) -> None:
    """Siblings are of the same site, so their requests do carry the cookie: Origin decides."""
    await enter(two, browser)
    attacker = await enter(two, browser, SIBLING) if who == "sibling" else await browser.new_page()
    if who == "stranger":
        await attacker.goto(evil)
    two.notebook.seen.clear()

    outcome = await attacker.evaluate(REQUESTS, two.origin())

    assert outcome["socket"] == "refused"
    assert outcome["script"] == "refused"
    assert outcome["cors"] == "refused"
    assert heard(two) == []


async def test_a_form_of_another_page_changes_nothing(two: House, browser: BrowserContext) -> None:
    """As a whole navigation, with the cookie of the person who is in."""
    await enter(two, browser)
    attacker = await enter(two, browser, SIBLING)
    two.notebook.seen.clear()

    await attacker.evaluate(
        """(origin) => {
          const form = document.createElement("form");
          form.method = "post";
          form.action = origin + "/api/kernels";
          document.body.append(form);
          form.submit();
        }""",
        two.origin(),
    )
    await attacker.wait_for_url(f"{two.origin()}/api/kernels")

    assert heard(two) == []


async def test_a_notebook_cannot_be_framed_by_a_sibling(
    two: House, browser: BrowserContext
) -> None:
    """Nor a page of ours: nobody presses a button they cannot see."""
    await enter(two, browser)
    attacker = await enter(two, browser, SIBLING)
    two.notebook.seen.clear()
    ticket = two.origin() + await two.ticket()

    for url in (f"{two.origin()}/lab", ticket):
        await attacker.evaluate(
            """(url) => new Promise((done) => {
              const frame = document.createElement("iframe");
              frame.src = url;
              frame.onload = done;
              document.body.append(frame);
            })""",
            url,
        )

    assert heard(two) == []
    inside = [frame for frame in attacker.frames if frame.parent_frame is not None]
    for frame in inside:
        assert await frame.locator("button").count() == 0


async def test_a_cookie_tossed_by_a_sibling_neither_lets_in_nor_locks_out(
    two: House, browser: BrowserContext
) -> None:
    """Without TLS a page may set cookies of our name for its siblings; ours is found among them."""
    page = await enter(two, browser)
    attacker = await enter(two, browser, SIBLING)

    await attacker.evaluate(
        """() => {
          for (const path of ["/", "/lab", "/api"])
            document.cookie = `bellhop=${"x".repeat(43)}; domain=relay.localhost; path=${path}`;
        }"""
    )
    tossed = [one for one in await browser.cookies(two.origin()) if one["name"] == "bellhop"]
    assert len(tossed) > 1
    two.notebook.seen.clear()
    await page.goto(f"{two.origin()}/hello")

    assert "GET /hello" in heard(two)
    assert "bellhop" not in two.notebook.seen[0].headers.get("Cookie", "")


async def test_no_service_worker_settles_at_a_machines_address(
    two: House, browser: BrowserContext
) -> None:
    """It would be there when another machine answers under that name."""
    page = await enter(two, browser)

    outcome = await page.evaluate(
        """() => navigator.serviceWorker.register("/sw.js")
              .then(() => "registered", (error) => error.name)"""
    )

    assert outcome != "registered"
    assert (
        await page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)")
        == 0
    )
    assert "GET /sw.js" not in heard(two)


async def test_scripts_never_see_our_cookie_nor_the_ticket(
    two: House, browser: BrowserContext
) -> None:
    """After coming in, neither the page, its history nor its referrer has them."""
    page = await enter(two, browser)

    seen = await page.evaluate(
        "[document.cookie, document.referrer, location.href, JSON.stringify(history.state)].join()"
    )

    assert "bellhop=" not in seen
    assert "/-/ticket/" not in seen
    assert all("/-/ticket/" not in str(one.headers) for one in two.notebook.seen)


async def test_an_open_tab_says_that_its_machine_has_ended_and_where_the_work_is(
    lab: House, browser: BrowserContext
) -> None:
    """JupyterLab alone would try to connect for ever."""
    page = await browser.new_page()
    await page.goto(lab.origin() + await lab.ticket())
    await page.get_by_role("button", name="Open the notebook").click()
    await page.get_by_title("Python 3 (ipykernel)").first.click(timeout=60_000)
    await expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)

    lab.books.rentals[RENTAL] = rental(
        state=State.CLOSED, reason=Reason.IDLE, archive_id="qrstvwxz"
    )
    await lab.links.revoke(RENTAL)
    lab.routes.drop(RENTAL)

    farewell = page.get_by_role("alertdialog", name="This notebook is asleep")
    await expect(farewell).to_be_visible(timeout=30_000)
    await expect(farewell).to_contain_text("Nobody worked on it, so it was archived and ended.")
    await expect(farewell).to_contain_text("archived as qrstvwxz")
    await until(lambda: lab.relay.busy(RENTAL) == 0)
