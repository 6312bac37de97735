"""Tickets and sessions: who gets in, for how long, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.rentals import Reason, RentalId, State
from bot.errors import NotFound, NotReady, NotYours
from bot.ports.books import Pass
from bot.services.links import CACHE_LIFE, SESSION_LIFE, TICKET_LIFE, Links
from bot.services.routes import Route, Routes, Traffic
from tests.relay.books import LEAD, OTHER, OWNER, RENTAL, SIBLING, Books, Hands, rental

URL = "https://{rental}.gpu.example.org"


@pytest.fixture
def books() -> Books:
    return Books(rental(), rental(SIBLING))


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def links(books: Books, clock: Hands) -> Links:
    return Links(store=books, clock=clock, relay_url=URL)


async def ticket(links: Links) -> str:
    return (await links.issue(OWNER, RENTAL)).rpartition("/")[2]


async def test_a_ticket_is_an_address_on_the_rentals_own_origin(links: Links) -> None:
    """The secret is in the path, never in a query, and has 256 bits."""
    url = await links.issue(OWNER, RENTAL)

    start, _, secret = url.rpartition("/")
    assert start == "https://bc2345.gpu.example.org/-/ticket"
    assert len(secret) == 43
    assert links.address(RENTAL) == "https://bc2345.gpu.example.org"


async def test_the_books_hold_no_secret(links: Links, books: Books) -> None:
    """A copy of the database opens nothing."""
    secret = await ticket(links)
    session = await links.spend(RENTAL, secret)

    assert session is not None
    stored = repr((books.tickets, books.sessions))
    assert secret not in stored
    assert session.value not in stored


@pytest.mark.parametrize("actor", [OTHER, LEAD, replace(OWNER, guild_id=2)])
async def test_only_the_owner_gets_a_ticket(links: Links, actor) -> None:
    """Neither a teammate, nor a lead, nor the owner from another server."""
    with pytest.raises(NotYours):
        await links.issue(actor, RENTAL)


async def test_there_is_no_ticket_to_a_machine_that_is_unknown_or_not_ready(
    links: Links, books: Books
) -> None:
    """Each says which it is."""
    books.rentals[SIBLING] = rental(SIBLING, state=State.BOOTING)

    with pytest.raises(NotFound):
        await links.issue(OWNER, RentalId("zzzzzz"))
    with pytest.raises(NotReady):
        await links.issue(OWNER, SIBLING)


async def test_a_machine_that_is_being_archived_is_open(links: Links, books: Books) -> None:
    """Its card has the button, and the relay shows the notebook; a move's last copy is the end."""
    books.rentals[SIBLING] = rental(SIBLING, state=State.ARCHIVING)
    assert await links.issue(OWNER, SIBLING)

    books.rentals[SIBLING] = replace(books.rentals[SIBLING], reason=Reason.MOVED)
    with pytest.raises(NotReady):
        await links.issue(OWNER, SIBLING)


async def test_a_ticket_is_spent_once(links: Links) -> None:
    """Looking at it spends nothing; the second spending gets nothing."""
    secret = await ticket(links)

    assert await links.peek(RENTAL, secret)
    assert await links.peek(RENTAL, secret)
    session = await links.spend(RENTAL, secret)
    assert session is not None
    assert session.max_age == 12 * 3600
    assert not await links.peek(RENTAL, secret)
    assert await links.spend(RENTAL, secret) is None


async def test_a_ticket_expires(links: Links, clock: Hands) -> None:
    """Five minutes, to the moment."""
    secret = await ticket(links)
    clock.turn(TICKET_LIFE)

    assert not await links.peek(RENTAL, secret)
    assert await links.spend(RENTAL, secret) is None


@pytest.mark.parametrize("wrong", ["", "x", "x" * 10_000, "ünïcode", "\udcff"])
async def test_nonsense_is_neither_ticket_nor_cookie(links: Links, wrong: str) -> None:
    """Whatever comes from outside is answered with no, not with an error."""
    assert not await links.peek(RENTAL, wrong)
    assert await links.spend(RENTAL, wrong) is None
    assert await links.enter(RENTAL, wrong) is None


async def test_tickets_and_sessions_are_for_one_rental(links: Links) -> None:
    """Those of a sibling open nothing, though it has the same owner; trying spends nothing."""
    secret = await ticket(links)

    assert await links.spend(SIBLING, secret) is None
    session = await links.spend(RENTAL, secret)
    assert session is not None
    assert await links.enter(SIBLING, session.value) is None
    entered = await links.enter(RENTAL, session.value)
    assert entered is not None
    assert entered.member_id == OWNER.id


async def test_a_session_ends_after_its_life_even_when_cached(links: Links, clock: Hands) -> None:
    """A cached session is never believed beyond its own end."""
    session = await links.spend(RENTAL, await ticket(links))
    assert session is not None
    clock.turn(SESSION_LIFE - timedelta(seconds=1))
    assert await links.enter(RENTAL, session.value)

    clock.turn(timedelta(seconds=1))

    assert await links.enter(RENTAL, session.value) is None


async def test_the_books_are_asked_about_a_session_every_few_seconds_only(
    links: Links, books: Books, clock: Hands
) -> None:
    """A page of a hundred files is one question; another process's revocation is seen in 5 s."""
    session = await links.spend(RENTAL, await ticket(links))
    assert session is not None
    for _ in range(100):
        assert await links.enter(RENTAL, session.value)
    assert books.asked == 1

    books.sessions.clear()
    clock.turn(CACHE_LIFE)

    assert await links.enter(RENTAL, session.value) is None


async def test_revoking_ends_sessions_and_tickets_at_once(links: Links) -> None:
    """The cache does not outlive it, watchers hear of it, siblings are left alone."""
    session = await links.spend(RENTAL, await ticket(links))
    left = await ticket(links)
    sibling = await links.spend(SIBLING, (await links.issue(OWNER, SIBLING)).rpartition("/")[2])
    assert session is not None
    assert sibling is not None
    assert await links.enter(RENTAL, session.value)
    heard: list[RentalId] = []
    links.watch(heard.append)

    assert await links.revoke(RENTAL) == 2

    assert await links.enter(RENTAL, session.value) is None
    assert not await links.peek(RENTAL, left)
    assert await links.enter(SIBLING, sibling.value)
    assert heard == [RENTAL]


async def test_a_session_read_while_it_is_revoked_does_not_get_in(clock: Hands) -> None:
    """What was read before the revocation is not believed after it."""

    class Slow(Books):
        links: Links

        async def session(self, digest: str, now: datetime) -> Pass | None:
            found = await super().session(digest, now)
            if self.asked == 1:
                await self.links.revoke(RENTAL)
            return found

    books = Slow(rental())
    books.links = Links(store=books, clock=clock, relay_url=URL)
    session = await books.links.spend(RENTAL, await ticket(books.links))
    assert session is not None

    assert await books.links.enter(RENTAL, session.value) is None


def test_watchers_hear_of_routes_that_changed_and_of_nothing_else() -> None:
    """The first route and the same route again are no news; another one and its end are."""
    routes = Routes()
    heard: list[RentalId] = []
    routes.watch(heard.append)

    routes.set(RENTAL, Route("/a", "t"))
    routes.set(RENTAL, Route("/a", "t"))
    assert heard == []
    routes.set(RENTAL, Route("/b", "t"))
    routes.drop(RENTAL)
    routes.drop(RENTAL)

    assert heard == [RENTAL, RENTAL]
    assert routes.get(RENTAL) is None


def test_a_routes_token_does_not_show() -> None:
    """Not even where somebody logs the whole thing."""
    assert "s3cret" not in repr(Route("/a", "s3cret"))


def test_traffic_keeps_the_last_human_sign_and_adds_up_bytes(clock: Hands) -> None:
    """Per rental; None is nobody yet."""
    traffic = Traffic()
    assert traffic.last_human(RENTAL) is None

    traffic.human(RENTAL, clock.now())
    traffic.carry(RENTAL, 10)
    traffic.carry(RENTAL, 5)

    assert traffic.last_human(RENTAL) == clock.now()
    assert traffic.carried(RENTAL) == 15
    traffic.forget(RENTAL)
    assert traffic.last_human(RENTAL) is None
    assert traffic.carried(RENTAL) == 0
