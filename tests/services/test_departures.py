"""Who leaves the server leaves the notebooks."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from bot.domain.rentals import Rental, RentalId
from bot.errors import Store, Unavailable
from bot.ports.books import Pass
from bot.services.departures import Departures
from bot.services.links import Links
from tests.relay.books import OTHER, OWNER, RENTAL, SIBLING, Books, Hands, rental


class Server:
    """Who is in it; None is a Discord that does not answer."""

    def __init__(self, *members: int) -> None:
        self.members: set[int] | None = set(members)

    async def member(self, guild_id: int, member_id: int) -> object | None:
        if self.members is None:
            raise Unavailable("no answer")
        return object() if guild_id == OWNER.guild_id and member_id in self.members else None


class House:
    """Two machines, a server, and whoever is let in."""

    def __init__(self) -> None:
        self.clock = Hands()
        self.books = Books(rental(), rental(SIBLING))
        self.links = Links(store=self.books, clock=self.clock, relay_url="https://{rental}.x")
        self.server = Server(OWNER.id, OTHER.id)
        self.departures = Departures(
            store=self.books,
            members=self.server,
            links=self.links,
            clock=self.clock,
            every=timedelta(minutes=1),
        )

    async def let_in(self, rental_id: RentalId, member_id: int) -> str:
        """A session's cookie, however that member came by it."""
        secret = f"{rental_id}-{member_id}"
        await self.books.add_ticket(
            Pass(
                digest=hashlib.sha256(secret.encode()).hexdigest(),
                rental_id=rental_id,
                member_id=member_id,
                expires_at=self.clock.now() + timedelta(minutes=5),
            )
        )
        session = await self.links.spend(rental_id, secret)
        assert session is not None
        return session.value


async def test_a_member_who_left_is_out_and_the_others_stay() -> None:
    """Of every machine they were let into, and at once: whatever goes on there is told."""
    house = House()
    told: list[tuple[RentalId, int]] = []
    house.links.watch_members(lambda rental_id, member_id: told.append((rental_id, member_id)))
    theirs = [await house.let_in(one, OTHER.id) for one in (RENTAL, SIBLING)]
    owners = await house.let_in(RENTAL, OWNER.id)
    assert house.server.members is not None
    house.server.members.discard(OTHER.id)

    await house.departures.look()

    assert await house.links.enter(RENTAL, theirs[0]) is None
    assert await house.links.enter(SIBLING, theirs[1]) is None
    assert await house.links.enter(RENTAL, owners) is not None
    assert sorted(told) == [(RENTAL, OTHER.id), (SIBLING, OTHER.id)]


async def test_a_machine_whose_row_cannot_be_read_keeps_nobody_else_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes first, and the look goes on behind it."""
    house = House()
    await house.let_in(RENTAL, OTHER.id)
    theirs = await house.let_in(SIBLING, OTHER.id)
    assert house.server.members is not None
    house.server.members.discard(OTHER.id)
    read = house.books.rental

    async def rental(rental_id: RentalId) -> Rental | None:
        if rental_id == RENTAL:
            raise Store("the row cannot be read")
        return await read(rental_id)

    monkeypatch.setattr(house.books, "rental", rental)

    await house.departures.look()

    assert await house.links.enter(SIBLING, theirs) is None


async def test_a_discord_that_does_not_answer_throws_nobody_out() -> None:
    """A failed look is not an absence."""
    house = House()
    cookie = await house.let_in(RENTAL, OTHER.id)
    house.server.members = None

    await house.departures.look()

    assert await house.links.enter(RENTAL, cookie) is not None
