"""Sharing over the real books: who may, what ends it, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.adapters.ssh.people import check_public_key
from bot.domain.access import Actor
from bot.domain.rentals import Rental, RentalId, State
from bot.domain.shares import Ending, Share
from bot.errors import BadInput, NotFound, NotReady, NotYours, Unavailable
from bot.errors import Store as StoreError
from bot.ports.books import Store
from bot.ports.sharing import Member
from bot.services.links import Links
from bot.services.share_rounds import MEMBERS_EVERY, ShareRounds
from bot.services.sharing import Sharing
from bot.services.ssh import Ssh
from bot.services.ssh_rounds import KeyRounds
from bot.tasks import Wake
from tests.builders import GUILD, NOW, OWNER, SetClock, begun
from tests.domain.test_ssh_keys import line
from tests.services.worlds import Wires

ADA = Actor(id=OWNER, guild_id=GUILD, name="Ada")
BEN = Actor(id=22, guild_id=GUILD, name="Ben")
LEA = Actor(id=33, guild_id=GUILD, name="Lea", lead=True)
FAR = Actor(id=OWNER, guild_id=7, name="Ada elsewhere")


@dataclass
class Server:
    """Who is in Discord's server, and what they were told."""

    left: set[int] = field(default_factory=set)
    leads: set[int] = field(default_factory=lambda: {LEA.id})
    silent: bool = False
    told: list[tuple[str, bool]] = field(default_factory=list)
    refuses: int = 0

    async def member(self, guild_id: int, member_id: int) -> Member | None:
        if self.silent:
            raise Unavailable("no answer")
        if member_id in self.left:
            return None
        return Member(member_id, "name", member_id in self.leads)

    def ready(self) -> bool:
        return True

    async def tell(self, share: Share, rental: Rental) -> None:
        if self.refuses:
            self.refuses -= 1
            raise Unavailable("later")
        self.told.append((share.id, share.ended_at is not None))


@dataclass
class World:
    store: Store
    clock: SetClock
    server: Server = field(default_factory=Server)
    cut: list[tuple[RentalId, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.links = Links(
            store=self.store, clock=self.clock, relay_url="http://{rental}.localhost:1"
        )
        self.links.watch_members(lambda rental_id, member: self.cut.append((rental_id, member)))
        self.sharing = Sharing(
            store=self.store, links=self.links, clock=self.clock, changed=Wake(), wake=Wake()
        )
        self.rounds = ShareRounds(
            sharing=self.sharing,
            store=self.store,
            members=self.server,
            invitations=self.server,
            clock=self.clock,
            wake=Wake(),
        )

    async def rental(self) -> Rental:
        rental = await begun(self.store)
        return await self.store.apply(
            replace(rental, state=State.READY, ready_at=NOW), event="ready"
        )

    async def share(self, rental: Rental, *, by: Actor = ADA, to: Actor = BEN, **how) -> Share:
        given = {"hours": 8, "view_only": False, **how}
        return await self.sharing.share(
            by, rental.id, member_id=to.id, member_name=to.name, **given
        )

    async def enter(self, rental: Rental, actor: Actor = BEN) -> str:
        ticket = (await self.links.issue(actor, rental.id)).rpartition("/")[2]
        session = await self.links.spend(rental.id, ticket)
        assert session is not None
        return session.value


@pytest.fixture
def world(store: Store, clock: SetClock) -> World:
    return World(store, clock)


async def test_a_share_lets_in_until_it_is_taken_back(world: World) -> None:
    """By the owner; what the guest had open is cut."""
    rental = await world.rental()
    share = await world.share(rental)
    cookie = await world.enter(rental)
    assert await world.links.enter(rental.id, cookie)
    guests = (await world.sharing.guests([rental]))[rental.id]
    assert [one.id for one in guests.shares] == [share.id]
    assert [one.member_id for one in guests.entered] == [BEN.id]

    await world.sharing.unshare(ADA, share.id)

    assert await world.links.enter(rental.id, cookie) is None
    assert (rental.id, BEN.id) in world.cut
    with pytest.raises(NotYours):
        await world.links.issue(BEN, rental.id)


async def test_a_machine_whose_row_cannot_be_read_holds_up_no_other_share(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares end, letters go out, and who has left is let go of; and guests see the rest."""
    broken, over, stays = [await world.rental() for _ in range(3)]
    await world.share(broken)
    ended = await world.share(over, hours=1)
    kept = await world.share(stays)
    await world.rounds.once()
    world.server.told.clear()
    read = world.store.rental

    async def rental(rental_id: RentalId) -> Rental | None:
        if rental_id == broken.id:
            raise StoreError(f"the row of rental {rental_id} cannot be read")
        return await read(rental_id)

    monkeypatch.setattr(world.store, "rental", rental)
    world.clock.turn(timedelta(hours=2))

    await world.rounds.once()

    assert world.server.told == [(ended.id, True)]
    assert [one.id for _, one in await world.sharing.shared_with(BEN)] == [kept.id]


async def test_only_its_owner_and_leads_share_and_take_back(world: World) -> None:
    """The guest may give it back; nobody of another server learns that there is one."""
    rental = await world.rental()
    share = await world.share(rental, by=LEA)
    stranger = Actor(id=44, guild_id=GUILD, name="Cy")

    for actor in (BEN, stranger):
        with pytest.raises(NotYours):
            await world.share(rental, by=actor, to=stranger)
    with pytest.raises(NotYours):
        await world.sharing.unshare(stranger, share.id)
    with pytest.raises(NotFound):
        await world.share(rental, by=FAR)
    await world.sharing.unshare(BEN, share.id)


@pytest.mark.parametrize(
    ("to", "how"),
    [(ADA, {}), (BEN, {"bot": True}), (BEN, {"hours": 0}), (BEN, {"hours": 721})],
)
async def test_what_cannot_be_shared_is_refused(world: World, to: Actor, how: dict) -> None:
    """With themselves, with a bot, for no time or for ever."""
    rental = await world.rental()

    with pytest.raises(BadInput):
        await world.share(rental, to=to, **how)


async def test_a_machine_that_ends_is_not_shared(world: World) -> None:
    """It would be taken back at once."""
    rental = await world.store.apply(
        replace(await world.rental(), state=State.DESTROYING, waived_by=OWNER), event="ends"
    )

    with pytest.raises(NotReady):
        await world.share(rental)


async def test_time_and_the_machines_end_end_a_share(world: World) -> None:
    """Each is written down with its reason, and told."""
    first, second = await world.rental(), await world.rental()
    short = await world.share(first, hours=1)
    long = await world.share(second)
    await world.store.apply(replace(second, state=State.DESTROYING, waived_by=OWNER), event="ends")
    world.clock.turn(timedelta(hours=1))

    await world.rounds.once()

    ended = [await world.store.share(one.id) for one in (short, long)]
    assert [one.ending for one in ended if one] == [Ending.EXPIRED, Ending.OVER]
    assert set(world.server.told) == {(short.id, True), (long.id, True)}
    await world.rounds.once()
    assert len(world.server.told) == 2


async def test_who_leaves_the_server_is_let_go_of_owner_or_guest(world: World) -> None:
    """Of a server that does not answer nothing is concluded."""
    rental = await world.rental()
    share = await world.share(rental)
    mine, theirs = await world.enter(rental, ADA), await world.enter(rental)
    world.server.left = {BEN.id, ADA.id}
    world.server.silent = True
    await world.rounds.once()
    assert await world.links.enter(rental.id, theirs)

    world.server.silent = False
    world.clock.turn(MEMBERS_EVERY)
    await world.rounds.once()

    assert await world.links.enter(rental.id, mine) is None
    assert await world.links.enter(rental.id, theirs) is None
    ended = await world.store.share(share.id)
    assert ended is not None
    assert ended.ending is Ending.LEFT


async def test_a_lead_who_let_themselves_in_goes_with_the_role(world: World) -> None:
    """A share they gave to others stays."""
    rental = await world.rental()
    own, given = await world.share(rental, by=LEA, to=LEA), await world.share(rental, by=LEA)
    world.server.leads.clear()

    await world.rounds.once()

    ended, stays = await world.store.share(own.id), await world.store.share(given.id)
    assert ended is not None
    assert stays is not None
    assert (ended.ending, stays.ending) == (Ending.ROLE, None)


async def test_a_letter_is_tried_until_it_arrives_once(world: World) -> None:
    """Discord was away for a moment."""
    rental = await world.rental()
    share = await world.share(rental)
    world.server.refuses = 1

    await world.rounds.tell()
    assert world.server.told == []
    world.clock.turn(timedelta(minutes=1))
    for _ in range(3):
        await world.rounds.tell()

    assert world.server.told == [(share.id, False)]


async def test_a_share_holds_on_the_machine_that_the_work_was_moved_to(world: World) -> None:
    """Its guest comes in anew, under the same share; the old machine's end takes nothing away."""
    old = await world.rental()
    share = await world.share(old)
    cookie = await world.enter(old)
    await world.rounds.once()
    new = await begun(world.store, address=old.id, moves_from=old.id)
    new = await world.store.apply(replace(new, state=State.READY, ready_at=NOW), event="ready")
    await world.store.apply(replace(old, state=State.DESTROYING, waived_by=OWNER), event="ends")

    await world.rounds.once()

    assert await world.links.enter(new.id, cookie) is None
    assert await world.links.enter(new.id, await world.enter(new))
    assert world.server.told == [(share.id, False)]
    await world.sharing.unshare(ADA, share.id)
    with pytest.raises(NotYours):
        await world.links.issue(BEN, new.id)


@dataclass
class Lists:
    """What was put on the machine."""

    put_lines: list[tuple[str, ...]] = field(default_factory=list)

    async def put(self, shell: object, lines: tuple[str, ...]) -> None:
        self.put_lines.append(tuple(lines))


async def test_keys_follow_those_who_may_work_on_a_machine(world: World) -> None:
    """The owner's and a guest's; not of who may only look, and off when the share ends."""
    rental = await world.rental()
    ssh = Ssh(
        store=world.store,
        sharing=world.sharing,
        check=check_public_key,
        clock=world.clock,
        changed=Wake(),
    )
    await ssh.add(ADA, line())
    await ssh.add(BEN, line())
    wires, lists = Wires(up={rental.id}), Lists()
    rounds = KeyRounds(
        ssh=ssh, store=world.store, tunnels=wires, lists=lists, clock=world.clock, wake=Wake()
    )

    await rounds.once()
    await rounds.once()
    share = await world.share(rental)
    await rounds.once()
    await world.share(rental, view_only=True)
    await rounds.once()
    anew = await world.share(rental)
    await rounds.once()
    await world.sharing.unshare(ADA, anew.id)
    await rounds.once()

    assert share.id != anew.id
    assert [len(lines) for lines in lists.put_lines] == [1, 2, 1, 2, 1]


async def test_another_ones_key_is_refused(world: World) -> None:
    """A key lets in one person."""
    ssh = Ssh(
        store=world.store,
        sharing=world.sharing,
        check=check_public_key,
        clock=world.clock,
        changed=Wake(),
    )
    mine = line()
    await ssh.add(ADA, mine)

    with pytest.raises(NotYours):
        await ssh.add(BEN, mine)
    assert len(await ssh.add(ADA, mine)) == 1
    (own,) = await ssh.keys(ADA)
    await ssh.remove(ADA, own.key.fingerprint)
    assert await ssh.keys(ADA) == []
