"""A server's first use: its three choices, and the greeting that asks for them.

The choices are carried out by the policy and the budgets, which check who may. A greeting is
written down before it is sent; a server that we joined while we were away is found by comparing.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.domain.access import Actor, demand_setting
from bot.domain.budgets import TEAM
from bot.domain.money import Usd
from bot.domain.policy_keys import LEADS, LEADS_CHANNEL, spot
from bot.domain.policy_reports import REPORTS_CHANNEL
from bot.domain.welcome import LIMIT, Greeting, Setup, joins_again
from bot.errors import BotError, Chat, NotFound, Undeliverable
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.welcome import Doorstep
from bot.services.budgets import Budgets
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

LOOK_S = 15.0
_LONGEST = timedelta(minutes=5)


class Welcome:
    """`named_id` is the server that the settings name; `joined` the hint that one was joined."""

    def __init__(
        self,
        *,
        store: Store,
        policies: Policies,
        budgets: Budgets,
        clock: Clock,
        joined: Wake,
        named_id: int | None = None,
    ) -> None:
        self._store = store
        self._policies = policies
        self._budgets = budgets
        self._clock = clock
        self._joined = joined
        self._named_id = named_id

    async def joined(self, guild_id: int) -> None:
        """We were added to a server, perhaps again: have it greeted if it needs to be."""
        if joins_again(await self._store.greeting(guild_id)):
            await self._store.greet(guild_id, self._clock.now())
            self._joined.set()

    async def setup(self, guild_id: int) -> Setup:
        """How the choices of a server stand."""
        greeting = await self._store.greeting(guild_id)
        values = await self._policies.values()
        uses = await self._store.uses(guild_id, await self._budgets.month(), [TEAM])
        unlimited = greeting is not None and greeting.unlimited
        return Setup(
            guild_id=guild_id,
            leads=values.get(LEADS),
            leads_chosen=values.is_set(spot(LEADS)),
            channel=values.get(LEADS_CHANNEL),
            channel_chosen=values.is_set(spot(LEADS_CHANNEL)),
            limit=uses[0].limit if uses else None,
            limit_chosen=bool(uses) or unlimited,
            settled=greeting is not None and greeting.settled_at is not None,
            named=self._named_id == guild_id,
            elsewhere=self._named_id not in (None, guild_id),
        )

    async def choose_leads(self, actor: Actor, guild_id: int, role_id: int | None) -> Setup:
        """Make this role the leads'; None: whoever may manage the server. Raises NotYours."""
        self._demand(actor, guild_id)
        return await self._choose(actor, {LEADS.name: _word(role_id)})

    async def choose_channel(self, actor: Actor, guild_id: int, channel_id: int | None) -> Setup:
        """Write to the leads and the team in this channel. Raises NotYours."""
        self._demand(actor, guild_id)
        return await self._choose(actor, _channel(channel_id))

    async def choose_limit(self, actor: Actor, guild_id: int, limit: Usd | None) -> Setup:
        """So much a month for the whole team; None: no limit. Raises NotYours."""
        self._demand(actor, guild_id)
        await self._budgets.set(actor, TEAM, limit)
        await self._store.choose_unlimited(guild_id, unlimited=limit is None)
        return await self.setup(guild_id)

    async def finish(self, actor: Actor, guild_id: int, channel_id: int | None) -> Setup:
        """Take what is proposed for each choice that nobody has made, and be done.

        `channel_id` is the channel that is proposed. Safe to repeat. Raises NotYours.
        """
        self._demand(actor, guild_id)
        now = await self.setup(guild_id)
        if not now.limit_chosen:
            await self._budgets.set(actor, TEAM, LIMIT)
        wishes = {} if now.leads_chosen else {LEADS.name: _word(None)}
        if not now.channel_chosen:
            wishes |= _channel(channel_id)
        if wishes:
            await self._policies.change(actor, wishes)
        await self._store.settle_greeting(guild_id, self._clock.now())
        log.info("%s has set up server %s", actor.name, guild_id)
        return await self.setup(guild_id)

    async def _choose(self, actor: Actor, wishes: dict[str, str]) -> Setup:
        await self._policies.change(actor, wishes)
        return await self.setup(actor.guild_id)

    def _demand(self, actor: Actor, guild_id: int) -> None:
        """Raise NotYours for who may not choose here, NotFound for another server's card."""
        if actor.guild_id != guild_id or self._named_id not in (None, guild_id):
            raise NotFound(
                f"server {guild_id} is not set up by {actor.guild_id}",
                public="Nothing is chosen here for that server.",
                hint="Whoever runs this bot has named another one in DISCORD_GUILD_ID.",
            )
        demand_setting(actor)


class Greeter:
    """Sends the greetings that are due."""

    def __init__(
        self, *, store: Store, welcome: Welcome, doorstep: Doorstep, clock: Clock, joined: Wake
    ) -> None:
        self._store = store
        self._welcome = welcome
        self._doorstep = doorstep
        self._clock = clock
        self._joined = joined
        self._known: set[int] = set()  # servers that have a row

    async def run(self) -> None:
        """Round after round, at each hint and every few seconds; for ever."""
        while True:
            try:
                await self.once()
            except BotError as error:
                log.warning("new servers could not be looked for: %s", error)
            await self._joined.wait(LOOK_S)

    async def once(self) -> int:
        """One round; returns how many greetings were sent."""
        if not self._doorstep.ready():
            return 0
        await self._note_new()
        due = await self._store.due_greetings(self._clock.now())
        return sum(await each(due, self._greet, of=lambda one: one.guild_id, at_once=1))

    async def _note_new(self) -> None:
        """Write down the servers we are in and know nothing of; old customers need no greeting."""
        strange = [one for one in self._doorstep.servers() if one not in self._known]
        if not strange:
            return
        rented = set(await self._store.renting_guilds())
        for guild_id in await self._store.ungreeted(strange):
            if guild_id in rented:
                await self._store.need_no_greeting(guild_id, self._clock.now())
            else:
                await self._store.greet(guild_id, self._clock.now())
        self._known.update(strange)

    async def _greet(self, greeting: Greeting) -> bool:
        now = self._clock.now()
        wait = min(timedelta(seconds=2 ** min(greeting.tries + 1, 9)), _LONGEST)
        try:
            person_id = greeting.person_id or await self._doorstep.inviter(greeting.guild_id)
            # Noted before the call: a try that got through unheard is looked for in the next one.
            await self._store.greeting_tried(greeting, person_id)
            setup = await self._welcome.setup(greeting.guild_id)
            await self._doorstep.welcome(greeting, person_id, setup)
        except Undeliverable as error:
            log.warning("nobody in server %s can be greeted: %s", greeting.guild_id, error)
            await self._store.greeted(greeting, now, error=str(error))
            return False
        except Chat as error:
            log.warning("the greeting of server %s waits: %s", greeting.guild_id, error)
            await self._store.greeting_waits(greeting, next_at=now + wait, error=str(error))
            return False
        await self._store.greeted(greeting, now)
        log.info("greeted %s in server %s", person_id, greeting.guild_id)
        return True


def _word(chosen: int | None) -> str:
    return "none" if chosen is None else str(chosen)


def _channel(channel_id: int | None) -> dict[str, str]:
    """What leads must know and what the team reads goes to the one channel that was chosen."""
    return {LEADS_CHANNEL.name: _word(channel_id), REPORTS_CHANNEL.name: _word(channel_id)}
