"""Tickets and sessions in the database: spent once, ended at once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

from bot.domain.rentals import RentalId
from bot.ports.books import Pass, Store
from tests.builders import NOW, OWNER, begun

MINUTE = timedelta(minutes=1)


def a_pass(secret: str, rental_id: RentalId, *, minutes: int = 2) -> Pass:
    return Pass(
        digest=hashlib.sha256(secret.encode()).hexdigest(),
        rental_id=rental_id,
        member_id=OWNER,
        expires_at=NOW + minutes * MINUTE,
    )


async def test_a_ticket_is_good_until_it_expires(store: Store) -> None:
    """To the moment: at its end it is over."""
    rental = await begun(store)
    ticket = a_pass("ticket", rental.id)
    await store.add_ticket(ticket)

    assert await store.ticket(ticket.digest, NOW) == ticket
    assert await store.ticket(ticket.digest, ticket.expires_at) is None
    assert await store.ticket("0" * 64, NOW) is None


async def test_a_ticket_becomes_one_session(store: Store) -> None:
    """Spent, it opens nothing any more; the session lasts until its own end."""
    rental = await begun(store)
    ticket, session = a_pass("ticket", rental.id), a_pass("session", rental.id, minutes=600)
    await store.add_ticket(ticket)

    assert await store.spend(ticket.digest, session, NOW)

    assert await store.ticket(ticket.digest, NOW) is None
    assert await store.session(session.digest, NOW + 599 * MINUTE) == session
    assert await store.session(session.digest, session.expires_at) is None
    assert await store.session(ticket.digest, NOW) is None
    other = a_pass("other", rental.id)
    assert not await store.spend(ticket.digest, other, NOW)
    assert await store.session(other.digest, NOW) is None


async def test_of_many_who_spend_a_ticket_one_comes_in(store: Store) -> None:
    """A link that was forwarded, or a page loaded twice at the same moment: one session."""
    rental = await begun(store)
    ticket = a_pass("ticket", rental.id)
    await store.add_ticket(ticket)
    sessions = [a_pass(f"session {n}", rental.id) for n in range(10)]

    spent = await asyncio.gather(
        *(store.spend(ticket.digest, session, NOW) for session in sessions)
    )

    alive = [await store.session(session.digest, NOW) for session in sessions]
    assert spent.count(True) == 1
    assert [one is not None for one in alive] == spent


async def test_a_ticket_that_is_late_or_unknown_is_not_spent(store: Store) -> None:
    """And leaves no session behind."""
    rental = await begun(store)
    ticket, session = a_pass("ticket", rental.id), a_pass("session", rental.id)
    await store.add_ticket(ticket)

    assert not await store.spend(ticket.digest, session, ticket.expires_at)
    assert not await store.spend("0" * 64, session, NOW)

    assert await store.session(session.digest, NOW) is None


async def test_revoking_ends_everything_of_a_rental(store: Store) -> None:
    """Tickets and sessions, and only of that rental; asked again there is nothing left to end."""
    rental, other = await begun(store), await begun(store)
    for name, owner in (("a", rental), ("b", rental), ("c", other)):
        await store.add_ticket(a_pass(f"ticket {name}", owner.id))
    inside, outside = a_pass("session", rental.id), a_pass("theirs", other.id)
    await store.spend(a_pass("ticket a", rental.id).digest, inside, NOW)
    await store.spend(a_pass("ticket c", other.id).digest, outside, NOW)

    assert await store.revoke(rental.id, NOW) == 2

    assert await store.session(inside.digest, NOW) is None
    assert await store.ticket(a_pass("ticket b", rental.id).digest, NOW) is None
    assert not await store.spend(a_pass("ticket b", rental.id).digest, a_pass("x", rental.id), NOW)
    assert await store.session(outside.digest, NOW) == outside
    assert await store.revoke(rental.id, NOW) == 0


async def test_nobody_slips_in_while_a_rental_is_revoked(store: Store) -> None:
    """Spending and revoking at the same moment leave no session that is alive."""
    rental = await begun(store)
    sessions = [a_pass(f"session {n}", rental.id) for n in range(20)]
    for n in range(20):
        await store.add_ticket(a_pass(f"ticket {n}", rental.id))

    await asyncio.gather(
        *(
            store.spend(a_pass(f"ticket {n}", rental.id).digest, session, NOW)
            for n, session in enumerate(sessions)
        ),
        store.revoke(rental.id, NOW),
    )

    alive = [await store.session(session.digest, NOW) for session in sessions]
    assert alive == [None] * 20


async def test_one_members_ways_in_end_and_the_others_stay(store: Store) -> None:
    """Unspent tickets too; what became of a session can still be read."""
    rental = await begun(store)
    guest = replace(a_pass("guest", rental.id), member_id=OWNER + 1)
    for secret, whose in (("owners", OWNER), ("guests", OWNER + 1)):
        ticket = replace(a_pass(f"{secret} ticket", rental.id), member_id=whose)
        await store.add_ticket(ticket)
        session = replace(a_pass(secret, rental.id), member_id=whose)
        assert await store.spend(ticket.digest, session, NOW)
    await store.add_ticket(guest)

    ended = await store.revoke_member(rental.id, OWNER + 1, NOW)

    left = await store.living_sessions(NOW)
    assert ended == 2
    assert [one.member_id for one in left] == [OWNER]
    assert await store.ticket(guest.digest, NOW) is None
    past = await store.past_session(a_pass("guests", rental.id).digest)
    assert past is not None
    assert past.member_id == OWNER + 1
    assert await store.past_session("0" * 64) is None


async def test_sessions_that_are_over_are_not_listed(store: Store) -> None:
    """By their hour, or because they were ended."""
    rental = await begun(store)
    for secret, minutes in (("short", 1), ("long", 5)):
        await store.add_ticket(a_pass(f"{secret} ticket", rental.id))
        session = a_pass(secret, rental.id, minutes=minutes)
        await store.spend(a_pass(f"{secret} ticket", rental.id).digest, session, NOW)

    assert len(await store.living_sessions(NOW)) == 2
    assert len(await store.living_sessions(NOW + MINUTE)) == 1
    await store.revoke(rental.id, NOW)
    assert await store.living_sessions(NOW) == []
