"""Shares and SSH keys in the database: one open share a member, and what ends with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.rentals import Rental, State
from bot.domain.shares import Ending, Share
from bot.domain.ssh_keys import OwnKey, PublicKey
from bot.errors import Limit
from bot.ports.books import Pass, Store
from tests.adapters.storage.test_doors import a_pass
from tests.builders import NOW, begun

HOUR = timedelta(hours=1)
BEN = 2


def a_share(rental: Rental, name: str = "s1", **changes: Any) -> Share:
    facts: dict[str, Any] = {
        "id": name,
        "rental_id": rental.id,
        "guild_id": rental.guild_id,
        "member_id": BEN,
        "member_name": "Ben",
        "by_id": rental.owner_id,
        "view_only": False,
        "made_at": NOW,
        "until": NOW + HOUR,
        "tell_at": NOW,
    }
    return Share(**facts | changes)


async def let_in(store: Store, share: Share, name: str) -> Pass:
    ticket = a_pass(f"t {name}", share.rental_id, minutes=600)
    mine = replace(ticket, member_id=share.member_id, share_id=share.id)
    await store.add_ticket(mine)
    session = replace(mine, digest=a_pass(f"s {name}", share.rental_id).digest)
    assert await store.spend(mine.digest, session, NOW)
    return session


async def test_a_share_is_stored_whole(store: Store) -> None:
    """Read back, it is as it was written."""
    rental = await begun(store)
    share = a_share(rental, view_only=True)

    assert await store.add_share(share) is None

    assert await store.share("s1") == share
    assert await store.open_share(rental.id, BEN, NOW) == share
    assert await store.shared_with(rental.guild_id, BEN, NOW) == [share]
    assert await store.open_share(rental.id, BEN, share.until) is None
    assert await store.open_shares([rental.id]) == [share]


async def test_what_somebody_entered_by_a_share_ends_with_it(store: Store) -> None:
    """Sessions and unspent tickets, and nobody else's."""
    rental = await begun(store)
    share, other = a_share(rental), a_share(rental, "s2", member_id=3)
    for one in (share, other):
        await store.add_share(one)
    inside, others = await let_in(store, share, "ben"), await let_in(store, other, "cy")
    unspent = replace(a_pass("late", rental.id), member_id=BEN, share_id=share.id)
    await store.add_ticket(unspent)

    assert await store.end_share(share, Ending.REVOKED, NOW, by=1, tell=True)

    assert await store.session(inside.digest, NOW) is None
    assert not await store.spend(unspent.digest, replace(unspent, digest="f" * 64), NOW)
    assert await store.session(others.digest, NOW) == others
    assert not await store.end_share(share, Ending.EXPIRED, NOW, by=None, tell=True)
    ended = await store.share("s1")
    assert ended is not None
    assert (ended.ending, ended.ended_by, ended.tell_at) == (Ending.REVOKED, 1, NOW)


async def test_a_share_whose_time_is_over_lets_in_nobody(store: Store) -> None:
    """Even before anybody has written that down."""
    rental = await begun(store)
    share = a_share(rental, view_only=True)
    await store.add_share(share)
    session = await let_in(store, share, "ben")

    found = await store.session(session.digest, NOW)
    assert found is not None
    assert found.view_only
    assert len(await store.entered(NOW, [rental.id])) == 1
    assert await store.session(session.digest, share.until) is None
    assert await store.entered(share.until, [rental.id]) == []


async def test_sharing_anew_takes_the_place_of_the_share_before(store: Store) -> None:
    """Whoever came in to work does not stay in when it is to look at only."""
    rental = await begun(store)
    share = a_share(rental)
    await store.add_share(share)
    session = await let_in(store, share, "ben")
    anew = a_share(rental, "s2", view_only=True)

    before = await store.add_share(anew)

    assert before is not None
    assert before.id == "s1"
    assert await store.open_share(rental.id, BEN, NOW) == anew
    assert await store.session(session.digest, NOW) is None


async def test_a_letter_that_was_sent_does_not_hide_the_next_one(store: Store) -> None:
    """The share ended while its first letter was on its way."""
    rental = await begun(store)
    share = a_share(rental)
    await store.add_share(share)
    await store.end_share(share, Ending.REVOKED, NOW, by=1, tell=True)

    await store.share_told(share, next_at=None, tries=0)

    assert [one.id for one in await store.shares_to_tell(NOW)] == ["s1"]


async def test_a_member_is_let_go_of_alone(store: Store) -> None:
    """The owner stays in."""
    rental = await begun(store)
    mine = a_pass("mine", rental.id, minutes=600)
    await store.add_ticket(replace(mine, digest="e" * 64))
    await store.spend("e" * 64, mine, NOW)
    share = a_share(rental)
    await store.add_share(share)
    session = await let_in(store, share, "ben")

    assert await store.revoke_member(rental.id, BEN, NOW) == 1

    assert await store.session(session.digest, NOW) is None
    assert await store.session(mine.digest, NOW) == mine


async def ready(store: Store, rental: Rental) -> Rental:
    return await store.apply(replace(rental, state=State.READY, ready_at=NOW), event="ready")


async def closed(store: Store, rental: Rental) -> Rental:
    return await store.apply(
        replace(rental, state=State.CLOSED, waived_by=rental.owner_id), event="closed"
    )


async def test_a_share_goes_over_to_the_machine_that_takes_the_address(store: Store) -> None:
    """With the new one's first ready moment; no letter, and nobody is in before they come anew."""
    old = await ready(store, await begun(store))
    share = a_share(old, tell_at=None)
    await store.add_share(share)
    session = await let_in(store, share, "ben")
    new = await begun(store, address=old.id, moves_from=old.id)
    assert await store.open_share(new.id, BEN, NOW) is None

    await ready(store, new)

    assert await store.open_share(new.id, BEN, NOW) == replace(share, rental_id=new.id)
    assert await store.open_share(old.id, BEN, NOW) is None
    assert await store.shares_to_tell(NOW) == []
    kept = await store.session(session.digest, NOW)
    assert kept is None or kept.rental_id == old.id


async def test_the_old_machines_end_does_not_end_what_went_over(store: Store) -> None:
    """Whoever looked a moment too early finds nothing to end; a person who takes it back does."""
    old = await ready(store, await begun(store))
    share = a_share(old)
    await store.add_share(share)
    new = await ready(store, await begun(store, address=old.id, moves_from=old.id))

    assert not await store.end_share(share, Ending.OVER, NOW, by=None, tell=True)

    assert await store.open_share(new.id, BEN, NOW)
    assert await store.end_share(share, Ending.REVOKED, NOW, by=1, tell=True)
    assert await store.open_share(new.id, BEN, NOW) is None


async def test_a_restored_machine_is_shared_as_the_one_before_it(store: Store) -> None:
    """Until the share's own end; its member is told again. What was taken back stays so."""
    old = await ready(store, await begun(store))
    share, other = a_share(old), a_share(old, "s2", member_id=3)
    for one in (share, other):
        await store.add_share(one)
    session = await let_in(store, share, "ben")
    await store.end_share(other, Ending.REVOKED, NOW, by=1, tell=False)
    await store.end_share(share, Ending.OVER, NOW, by=None, tell=False)
    await closed(store, old)

    new = await ready(store, await begun(store, address=old.id))

    assert await store.open_share(new.id, BEN, NOW) == replace(share, rental_id=new.id)
    assert await store.open_share(new.id, BEN, share.until) is None
    assert await store.open_share(new.id, 3, NOW) is None
    assert [one.id for one in await store.shares_to_tell(NOW)] == ["s1"]
    assert await store.session(session.digest, NOW) is None


async def test_what_was_taken_back_on_the_new_machine_does_not_come_again(store: Store) -> None:
    """However often it is written down that it is ready, or its work is restored once more."""
    old = await ready(store, await begun(store))
    share = a_share(old)
    await store.add_share(share)
    await store.end_share(share, Ending.OVER, NOW, by=None, tell=False)
    await closed(store, old)
    new = await ready(store, await begun(store, address=old.id))
    await store.end_share(share, Ending.REVOKED, NOW, by=1, tell=False)

    again = await ready(store, new)
    await closed(store, again)
    third = await ready(store, await begun(store, address=old.id))

    for rental in (new, third):
        assert await store.open_share(rental.id, BEN, NOW) is None


async def test_a_share_made_on_both_machines_is_the_later_one(store: Store) -> None:
    """There is one for each member, and becoming ready never fails for it."""
    old = await ready(store, await begun(store))
    new = await begun(store, address=old.id, moves_from=old.id)
    await store.add_share(a_share(new, "s1"))
    await store.add_share(a_share(old, "s2", made_at=NOW + HOUR / 2, view_only=True))

    await ready(store, new)

    found = await store.open_shares([old.id, new.id])
    assert [(one.id, one.rental_id) for one in found] == [("s2", new.id)]


async def test_another_persons_machine_inherits_nothing(store: Store) -> None:
    """Nor does a second restore, whose address is its own."""
    old = await ready(store, await begun(store))
    share = a_share(old)
    await store.add_share(share)
    await store.end_share(share, Ending.OVER, NOW, by=None, tell=False)
    await closed(store, old)

    theirs = await ready(store, await begun(store, address=old.id, owner_id=77))
    second = await ready(store, await begun(store, address=old.id))

    for rental in (theirs, second):
        assert await store.open_share(rental.id, BEN, NOW) is None


async def test_a_session_is_for_one_port(store: Store) -> None:
    """It comes back with it."""
    rental = await begun(store)
    ticket = replace(a_pass("port", rental.id), port=7860)
    await store.add_ticket(ticket)

    assert await store.ticket(ticket.digest, NOW) == ticket


async def test_a_key_belongs_to_one_person_and_they_have_a_few(store: Store) -> None:
    """The same key again changes nothing, whoever brings it."""

    def own(name: str, member_id: int = BEN) -> OwnKey:
        key = PublicKey(line=f"ssh-ed25519 {name}", comment="", fingerprint=f"SHA256:{name}")
        return OwnKey(member_id=member_id, key=key, added_at=NOW)

    assert await store.add_key(own("a"), most=2) is None
    assert await store.add_key(own("a", 3), most=2) == own("a")
    assert await store.add_key(own("a"), most=2) == own("a")
    await store.add_key(own("b"), most=2)
    with pytest.raises(Limit):
        await store.add_key(own("c"), most=2)

    assert await store.keys_of([BEN, 3]) == [own("a"), own("b")]
    assert not await store.remove_key(3, "SHA256:a")
    assert await store.remove_key(BEN, "SHA256:a")
    assert await store.keys_of([BEN]) == [own("b")]


async def test_keys_that_are_added_at_once_do_not_pass_the_limit(store: Store) -> None:
    """Each looks at how many there are before it is one more."""

    async def add(number: int) -> bool:
        name = f"k{number}"
        key = PublicKey(line=f"ssh-ed25519 {name}", comment="", fingerprint=f"SHA256:{name}")
        try:
            await store.add_key(OwnKey(member_id=BEN, key=key, added_at=NOW), most=3)
        except Limit:
            return False
        return True

    added = await asyncio.gather(*(add(number) for number in range(12)))

    assert sum(added) == 3
    assert len(await store.keys_of([BEN])) == 3
