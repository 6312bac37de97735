"""Greetings that are due, and the three choices as they are carried out, over a real store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, timedelta

import pytest

from bot.domain.access import Actor
from bot.domain.budgets import TEAM, month_of
from bot.domain.money import Usd
from bot.domain.policy_keys import LEADS, LEADS_CHANNEL
from bot.domain.policy_reports import REPORTS_CHANNEL
from bot.domain.welcome import LIMIT, Greeting, Setup
from bot.errors import BadInput, BotError, NotFound, NotYours, Unavailable, Undeliverable
from bot.ports.books import Store
from bot.services.budgets import Budgets
from bot.services.policy import Policies
from bot.services.welcome import Greeter, Welcome
from bot.tasks import Wake
from tests.builders import CHANNEL, GUILD, NOW, SetClock, begun

GRACE = 77
ROLE = 1098765432109876543
MANAGER = Actor(id=GRACE, guild_id=GUILD, name="Grace", lead=True, manager=True)
MEMBER = Actor(id=5, guild_id=GUILD, name="Ada")


@dataclass
class Door:
    """A doorstep with servers behind it, and errors to come."""

    guilds: list[int] = field(default_factory=lambda: [GUILD])
    online: bool = True
    errors: list[BotError] = field(default_factory=list)
    sent: list[tuple[Greeting, int, Setup]] = field(default_factory=list)
    inviter_is: int = GRACE

    def ready(self) -> bool:
        return self.online

    def servers(self) -> list[int]:
        return self.guilds

    async def inviter(self, guild_id: int) -> int:
        return self.inviter_is

    async def welcome(self, greeting: Greeting, person_id: int, setup: Setup) -> None:
        self.sent.append((greeting, person_id, setup))
        if self.errors:
            raise self.errors.pop(0)


@dataclass
class Hall:
    store: Store
    clock: SetClock
    door: Door
    welcome: Welcome
    greeter: Greeter
    policies: Policies

    def restarted(self, named_id: int | None = None) -> Hall:
        return hall_of(self.store, self.clock, self.door, named_id)


def hall_of(store: Store, clock: SetClock, door: Door, named_id: int | None = None) -> Hall:
    policies = Policies(store=store)
    welcome = Welcome(
        store=store,
        policies=policies,
        budgets=Budgets(store=store, clock=clock, wake=Wake(), news=Wake()),
        clock=clock,
        joined=Wake(),
        named_id=named_id,
    )
    greeter = Greeter(store=store, welcome=welcome, doorstep=door, clock=clock, joined=Wake())
    return Hall(store, clock, door, welcome, greeter, policies)


@pytest.fixture
async def hall(store: Store, clock: SetClock) -> Hall:
    return hall_of(store, clock, Door())


async def test_a_server_that_we_joined_is_greeted_once(hall: Hall) -> None:
    """Also after a restart."""
    await hall.welcome.joined(GUILD)

    assert await hall.greeter.once() == 1
    assert await hall.greeter.once() == 0
    assert await hall.restarted().greeter.once() == 0
    ((_, person_id, setup),) = hall.door.sent
    assert person_id == GRACE
    assert not setup.settled


async def test_a_server_joined_while_we_were_away_is_found(hall: Hall) -> None:
    """Discord does not tell it again; nothing is sent before Discord is there."""
    hall.door.online = False
    assert await hall.greeter.once() == 0

    hall.door.online = True

    assert await hall.greeter.once() == 1


async def test_a_server_that_has_rented_already_needs_no_greeting(hall: Hall) -> None:
    """It is older than greetings are."""
    await begun(hall.store)

    assert await hall.greeter.once() == 0
    assert hall.door.sent == []


async def test_joined_again_it_is_greeted_only_if_something_is_open(hall: Hall) -> None:
    """Thrown out and brought back: a second card where the first was never answered."""
    await hall.greeter.once()
    hall.clock.turn(timedelta(hours=1))
    await hall.welcome.joined(GUILD)
    assert await hall.greeter.once() == 1
    await hall.welcome.finish(MANAGER, GUILD, None)

    hall.clock.turn(timedelta(hours=1))
    await hall.welcome.joined(GUILD)

    assert await hall.greeter.once() == 0


async def test_what_may_pass_is_tried_again_to_the_same_person(hall: Hall) -> None:
    """Whoever is found to have added us later."""
    hall.door.errors = [Unavailable("503")]
    assert await hall.greeter.once() == 0
    assert await hall.greeter.once() == 0
    hall.door.inviter_is = 99

    hall.clock.turn(timedelta(minutes=1))

    assert await hall.greeter.once() == 1
    assert [(greeting.tries, who) for greeting, who, _ in hall.door.sent] == [
        (0, GRACE),
        (1, GRACE),
    ]


async def test_what_will_not_pass_is_given_up(hall: Hall) -> None:
    """No direct messages, and no channel in which we may write."""
    hall.door.errors = [Undeliverable("50007")]
    await hall.greeter.once()

    hall.clock.turn(timedelta(days=1))

    assert await hall.greeter.once() == 0
    assert len(hall.door.sent) == 1


async def test_done_takes_what_is_proposed(hall: Hall) -> None:
    """A limit, the leads as they are, the channel that stood on the card; safe to repeat."""
    await hall.greeter.once()

    setup = await hall.welcome.finish(MANAGER, GUILD, CHANNEL)
    again = await hall.welcome.finish(MANAGER, GUILD, CHANNEL + 1)

    assert setup == again
    assert setup.settled
    assert (setup.leads, setup.leads_chosen) == (None, True)
    assert (setup.channel, setup.limit) == (CHANNEL, LIMIT)
    values = await hall.policies.values()
    assert values.get(REPORTS_CHANNEL) == values.get(LEADS_CHANNEL) == CHANNEL


async def test_done_changes_nothing_that_was_chosen(hall: Hall) -> None:
    """On the card, by /settings, or at the shell."""
    await hall.greeter.once()
    await hall.policies.change(None, {LEADS.name: str(ROLE)})
    await hall.welcome.choose_limit(MANAGER, GUILD, None)
    await hall.welcome.choose_channel(MANAGER, GUILD, None)

    setup = await hall.welcome.finish(MANAGER, GUILD, CHANNEL)

    assert setup.leads == ROLE
    assert setup.channel is None
    assert setup.limit is setup.monthly is None


async def test_a_limit_replaces_the_choice_of_none(hall: Hall) -> None:
    await hall.greeter.once()
    await hall.welcome.choose_limit(MANAGER, GUILD, None)

    setup = await hall.welcome.choose_limit(MANAGER, GUILD, Usd.of(75))

    assert setup.monthly == Usd.of(75)
    (use,) = await hall.store.uses(GUILD, month_of(NOW, UTC), [TEAM])
    assert use.limit == Usd.of(75)


async def test_who_gives_the_leads_to_others_still_finishes(hall: Hall) -> None:
    """They are no lead any more, but manage the server."""
    await hall.greeter.once()
    await hall.welcome.choose_leads(MANAGER, GUILD, ROLE)
    no_lead = Actor(id=GRACE, guild_id=GUILD, name="Grace", manager=True)

    assert (await hall.welcome.choose_limit(no_lead, GUILD, Usd.of(50))).limit == Usd.of(50)
    assert (await hall.welcome.finish(no_lead, GUILD, None)).settled


async def test_a_member_chooses_nothing(hall: Hall) -> None:
    """Whichever of the choices; nothing is changed."""
    await hall.greeter.once()

    for wish in (
        hall.welcome.choose_leads(MEMBER, GUILD, 1),
        hall.welcome.choose_channel(MEMBER, GUILD, 1),
        hall.welcome.choose_limit(MEMBER, GUILD, Usd.of(1)),
        hall.welcome.finish(MEMBER, GUILD, 1),
    ):
        with pytest.raises(NotYours):
            await wish

    assert await hall.store.policy() == {}
    assert not (await hall.welcome.setup(GUILD)).limit_chosen


async def test_another_servers_choices_are_not_made_from_here(hall: Hall) -> None:
    """A card about one server, pressed in another."""
    with pytest.raises(NotFound):
        await hall.welcome.finish(MANAGER, GUILD + 1, None)


async def test_the_server_that_the_settings_name_wins(hall: Hall) -> None:
    """Elsewhere nothing is chosen, and the card can say so."""
    here, there = hall.restarted(named_id=GUILD), hall.restarted(named_id=GUILD + 1)

    assert (await here.welcome.setup(GUILD)).named
    assert (await there.welcome.setup(GUILD)).elsewhere
    with pytest.raises(NotFound, match="not set up"):
        await there.welcome.finish(MANAGER, GUILD, None)
    assert await hall.store.policy() == {}


async def test_a_role_that_is_none_is_refused_in_words(hall: Hall) -> None:
    """The policy checks what it is given."""
    with pytest.raises(BadInput):
        await hall.welcome.choose_leads(MANAGER, GUILD, 1)
